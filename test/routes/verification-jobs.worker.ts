import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { edgeServices } from "../../src/services.ts";
import { Client, refused, until } from "../support/worker/client.ts";
import { Jobs } from "../support/worker/jobs.ts";

let jobs: Jobs;
beforeAll(async () => {
  jobs = new Jobs(await Client.make());
});

/** Another account's, so that its list is its own. */
const of = async (account: string): Promise<Jobs> => new Jobs(await Client.make({ account }));

const listed = async (from: Jobs, query = "") => {
  const response = await from.client.get(`/verifications/jobs${query}`);
  expect(response.status).toBe(200);
  return response.json<{ has_more: boolean; data: { id: string; state: string }[] }>();
};

const rowsOf = async ({ client }: Jobs): Promise<number> => {
  const query = "SELECT count(*) AS n FROM verification_job WHERE account_id = ?";
  const row = await env.DB.prepare(query).bind(client.scope).first<{ n: number }>();
  return row?.n ?? 0;
};

const init = ({ client }: Jobs) => ({
  method: "POST",
  headers: { authorization: `Bearer ${client.token}`, "content-type": "text/csv" },
  body: "a@a.test\n",
});

describe("a job", () => {
  test("is listed, newest first, whether it goes on or not, by its own account only", async () => {
    const wide = await of("wide");
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) {
      ids.unshift((await wide.start("a@a.test")).id);
      // Of one millisecond, chance says which is newer.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await wide.ended(ids[0] ?? "");
    expect((await listed(wide)).data.map(({ id }) => id)).toEqual(ids);
    await until(
      () => listed(wide),
      ({ data }) => data.every(({ state }) => state === "done"),
    );
    const page = await listed(wide, "?limit=2");
    expect([page.has_more, page.data.map(({ id }) => id)]).toEqual([true, ids.slice(0, 2)]);
    const rest = await listed(wide, `?limit=2&after=${ids[1]}`);
    expect([rest.has_more, rest.data.map(({ id }) => id)]).toEqual([false, ids.slice(2)]);
    const back = await listed(wide, `?limit=2&before=${ids[2]}`);
    expect(back.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const seen = (await listed(jobs)).data.map(({ id }) => id);
    expect(seen.filter((id) => ids.includes(id))).toEqual([]);
  });

  test("is nobody else's to read, to end or to delete", async () => {
    const { id } = await jobs.start("a@a.test");
    const other = await of("wide");
    const asked = [
      other.client.get(`/verifications/jobs/${id}`),
      other.results(id),
      other.act(id, "cancel"),
      other.remove(id),
      jobs.client.get("/verifications/jobs/01a2189b-4d11-7000-8000-000000000000"),
      jobs.client.get("/verifications/jobs/__proto__"),
      jobs.results("..%2f..%2fcontent"),
    ];
    for (const response of await Promise.all(asked)) {
      await refused(response, 404, "not_found", /no verification job/);
    }
    expect((await jobs.ended(id)).state).toBe("done");
  });

  test("that is deleted is gone at once, with all that was stored of it", async () => {
    const other = await of("other");
    const { id } = await other.start("a@a.test\nb@b.test");
    await other.ended(id);
    expect((await other.files(id)).length).toBeGreaterThan(2);
    const response = await other.remove(id);
    expect(await response.json()).toEqual({ object: "verification_job", id, deleted: true });
    expect(await other.files(id)).toEqual([]);
    expect((await listed(other)).data.map((job) => job.id)).not.toContain(id);
    for (const again of [other.remove(id), other.results(id), other.act(id, "pause")]) {
      await refused(await again, 404, "not_found", /no verification job/);
    }
  });

  test("that goes on may be deleted, and whatever is under way leaves nothing", async () => {
    const list = Array.from({ length: 5_000 }, (_, n) => `u${n}@a.test`).join("\n");
    const { id } = await jobs.start(list);
    await until(
      () => jobs.read(id),
      ({ state }) => state !== "reading",
    );
    expect((await jobs.remove(id)).status).toBe(200);
    await until(
      () => jobs.files(id),
      (files) => files.length === 0,
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await jobs.files(id)).toEqual([]);
  });
});

describe("stores that do not answer", () => {
  const down = (name: "DB" | "CONTENT", methods: readonly string[]) => {
    const broken = new Proxy(env[name] as object, {
      get: (target, key) => {
        if (methods.includes(String(key))) return () => Promise.reject(new Error("overloaded"));
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const without = { ...env, [name]: broken };
    return createApp(() => edgeServices(without as unknown as Parameters<typeof edgeServices>[0]));
  };
  test("are told as such, and no half of a job stays", async () => {
    const other = await of("other");
    const before = await rowsOf(other);
    const storage = down("CONTENT", ["put", "createMultipartUpload"]);
    const response = await storage.request("/verifications/jobs", init(other), env);
    await refused(response, 503, "service_unavailable", /send it again/);
    expect(await rowsOf(other)).toBe(before);
    const reading = down("CONTENT", ["get"]);
    const { id } = await jobs.start("a@a.test");
    await jobs.ended(id);
    const get = { headers: init(jobs).headers };
    for (const query of ["", "?format=csv"]) {
      const path = `/verifications/jobs/${id}/results${query}`;
      const answer = await reading.request(path, get, env);
      await refused(answer, 503, "service_unavailable", /cannot be read/);
    }
  });
});
