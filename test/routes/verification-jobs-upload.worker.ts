import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import worker from "../../src/index.ts";
import { edgeServices } from "../../src/services.ts";
import { PART_BYTES, UPLOAD_MAX } from "../../src/verify/jobs/upload.ts";
import { Client, refused, request } from "../support/worker/client.ts";
import { Jobs } from "../support/worker/jobs.ts";

let jobs: Jobs;
beforeAll(async () => {
  jobs = new Jobs(await Client.make());
});

/** Another account's, so that its list is its own. */
const of = async (account: string): Promise<Jobs> => new Jobs(await Client.make({ account }));

/** A body whose length is not declared, in parts; then it breaks off, if it is to. */
function streamed(parts: number, part: (index: number) => string, breaks = false) {
  const encoder = new TextEncoder();
  let index = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (index < parts) controller.enqueue(encoder.encode(part(index++)));
      else if (breaks) controller.error(new Error("the client is gone"));
      else controller.close();
    },
  });
}

const listed = async (from: Jobs, query = "") => {
  const response = await from.client.get(`/verifications/jobs${query}`);
  expect(response.status).toBe(200);
  return response.json<{ has_more: boolean; data: { id: string; state: string }[] }>();
};

/** Everything that lies in storage of an account's jobs. */
const stored = async ({ client }: Jobs): Promise<string[]> => {
  const { objects } = await env.CONTENT.list({ prefix: `verification/${client.scope}/` });
  return objects.map(({ key }) => key);
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

describe("an upload", () => {
  test("of CSV is a job that ends, with every line told", async () => {
    const file =
      '\ufeffName,E-Mail\r\n"two\r\nlines",ann@a.test\r\n\r\n' +
      `long,${"x".repeat(9_000)}\r\nbob,delivered@sandbox.test\r\nbob,DELIVERED@sandbox.test\r\n`;
    const job = await jobs.start(file, "text/csv; charset=utf-8", "?name=spring&policy=true");
    expect(job).toMatchObject({
      ...{ object: "verification_job", name: "spring", finished_at: null, error: null },
      options: { policy: true, probe: false },
    });
    const ended = await jobs.ended(job.id);
    expect(ended).toMatchObject({ id: job.id, state: "done", progress: 1, estimated_end: null });
    expect(ended.counts).toMatchObject({
      ...{ lines: 4, addresses: 2, duplicates: 1, invalid_lines: 1, domains: 1, done: 2 },
      status: { deliverable: 0, undeliverable: 1, risky: 0, unknown: 1 },
    });
    const { data } = await jobs.page(job.id);
    expect(data.map((row) => [row.line, row.outcome])).toEqual([
      ...[
        [2, "verdict"],
        [5, "invalid"],
        [6, "verdict"],
        [7, "duplicate"],
      ],
    ]);
    expect(data[0]).toMatchObject({
      columns: { Name: "two\r\nlines", "E-Mail": "ann@a.test" },
      verification: { status: "undeliverable", reason: "special_use_domain" },
    });
    expect(data[1]?.error).toMatch(/at most/);
    expect(data[2]?.verification?.domain?.mx_type).toBe("mx");
    expect(data[3]?.duplicate_of).toBe(6);
  });

  test("of JSON may be an array of strings or objects, or an object with options", async () => {
    const json = "application/json";
    const plain = await jobs.start(JSON.stringify(["a@a.test", "nobody"]), json);
    expect((await jobs.ended(plain.id)).counts).toMatchObject({ lines: 2, addresses: 2 });
    const body = {
      emails: [{ mail: "a@a.test", id: 7 }, 'say "hi"\n@a.test'],
      name: "from JSON",
      options: { probe: true },
    };
    const { id, name, options } = await jobs.start(JSON.stringify(body), json);
    expect({ name, options }).toEqual({
      ...{ name: "from JSON", options: { policy: false, probe: true } },
    });
    await jobs.ended(id);
    const { data } = await jobs.page(id);
    expect(data.map(({ line, address }) => [line, address])).toEqual([
      ...[
        [1, "a@a.test"],
        [2, 'say "hi"\n@a.test'],
      ],
    ]);
    expect(data[0]?.columns).toEqual({ mail: "a@a.test", id: 7 });
  });

  test("of NDJSON is taken line by line", async () => {
    const { id } = await jobs.start('"a@a.test"\n{"to":"b@b.test"}\nx', "application/x-ndjson");
    expect((await jobs.ended(id)).counts).toMatchObject({ lines: 3, addresses: 2 });
  });

  test("of many parts is streamed, and is what was sent", async () => {
    const line = (n: number): string => `u${n}@a.test,${"x".repeat(8_000)}\n`;
    const parts = Math.ceil((1.2 * PART_BYTES) / line(0).length / 100);
    const body = streamed(parts, (index) =>
      Array.from({ length: 100 }, (_, n) => line(index * 100 + n)).join(""),
    );
    const { id } = await jobs.start(body);
    expect((await jobs.ended(id)).counts).toMatchObject({ lines: parts * 100, invalid_lines: 0 });
  });

  test("whose columns nobody can tell apart fails with a reason", async () => {
    const { id } = await jobs.start("a,b\n1,2\n");
    const { state, error, counts } = await jobs.ended(id);
    expect({ state, error, lines: counts.lines }).toMatchObject({
      ...{ state: "failed", lines: 0, error: { code: "no_address_column" } },
    });
    expect(await jobs.page(id)).toMatchObject({ has_more: false, complete: true, data: [] });
    const named = await jobs.start("a,b\n1,x@a.test\n", "text/csv", "?column=b&header=true");
    expect((await jobs.ended(named.id)).state).toBe("done");
  });

  test("that breaks off leaves no job and nothing behind", async () => {
    const other = await of("other");
    const app = createApp(() => edgeServices(env as Parameters<typeof edgeServices>[0]));
    const part = "x".repeat(100_000);
    const headers = { authorization: `Bearer ${other.client.token}`, "content-type": "text/csv" };
    const gone = await app.request(
      "/verifications/jobs",
      { method: "POST", headers, body: streamed(120, () => part, true) },
      env,
    );
    await refused(gone, 503, "service_unavailable", /send it again/);
    // It ends before it has the length that it said it would have.
    const short = await app.request(
      "/verifications/jobs",
      { method: "POST", headers: { ...headers, "content-length": "1000" }, body: "a@a.test" },
      env,
    );
    await refused(short, 503, "service_unavailable", /send it again/);
    expect([await rowsOf(other), await stored(other), (await listed(other)).data]).toEqual([
      ...[0, [], []],
    ]);
  });

  test("that is wrong is refused, and leaves nothing behind", async () => {
    const other = await of("other");
    const wrong: [BodyInit, string, string, number, string, RegExp][] = [
      ["a@a.test", "text/plain", "", 415, "unsupported_media_type", /text\/csv/],
      ["", "text/csv", "", 400, "validation_error", /empty/],
      ["{", "application/json", "", 400, "validation_error", /not valid JSON/],
      ["[]", "application/json", "", 400, "validation_error", /emails/],
      ["[5]", "application/json", "", 400, "validation_error", /emails.0/],
      ['{"emails":["a"],"x":1}', "application/json", "", 422, "invalid_parameter", /`x`/],
      ["a@a.test", "text/csv", "?probe=maybe", 400, "validation_error", /probe/],
      ["a@a.test", "text/csv", `?name=${"n".repeat(201)}`, 400, "validation_error", /name/],
    ];
    for (const [body, type, query, status, name, message] of wrong) {
      await refused(await other.post(body, type, query), status, name, message);
    }
    const sender = new Jobs(await Client.make({ permission: "sending_access" }));
    await refused(await sender.post("a@a.test"), 401, "restricted_api_key", /only send/);
    expect([await rowsOf(other), await stored(other)]).toEqual([0, []]);
  });

  test("that is too large is refused before it is read", async () => {
    const other = await of("other");
    const { authorization } = init(other).headers;
    const length = String(UPLOAD_MAX + 1);
    const headers = { authorization, "content-type": "text/csv", "content-length": length };
    const large = { method: "POST", headers, body: "a@a.test" };
    const app = createApp(() => edgeServices(env as Parameters<typeof edgeServices>[0]));
    const response = await app.request("/verifications/jobs", large, env);
    await refused(response, 413, "payload_too_large", /100 MB/);
    expect([await rowsOf(other), await stored(other)]).toEqual([0, []]);
  });

  test("counts towards the rate of its account", async () => {
    const limited = await of("limited");
    const statuses: number[] = [];
    for (let time = 0; time < 4; time++) statuses.push((await limited.post("a@a.test")).status);
    expect(statuses).toEqual([202, 202, 202, 429]);
  });

  test("is not taken beside twenty others that go on", async () => {
    const other = await of("other");
    const { scope } = other.client;
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
       INSERT INTO verification_job (account_id, id, name, created_at)
       SELECT ?, 'open' || i, '', 0 FROM n`,
    )
      .bind(scope)
      .run();
    await refused(await other.post("a@a.test"), 429, "rate_limit_exceeded", /at most 20/);
    // They are uploads that broke off, which the cron drops.
    await worker.scheduled({} as ScheduledController, env as never);
    expect(await rowsOf(other)).toBe(0);
    await other.start("a@a.test");
  });
});

test("hostile uploads are answered, and end", async () => {
  const hostile: [BodyInit, string][] = [
    [new Uint8Array([0xff, 0xfe, 0x00, 0x61, 0x40]), "text/csv"],
    [`"${"\n".repeat(50_000)}`, "text/csv"],
    [",".repeat(100_000), "text/csv"],
    ["__proto__,email\n1,constructor@a.test", "text/csv"],
    ['{"__proto__":{"email":"x@a.test"}}\n{"constructor":1}', "application/x-ndjson"],
    [`${"[".repeat(5_000)}\n"\\ud800@a.test"`, "application/x-ndjson"],
    ["\0\n\u202e@a.test\n@\n", "text/csv"],
  ];
  for (const [body, type] of hostile) {
    const { id } = await jobs.start(body, type);
    const { counts } = await jobs.ended(id);
    expect(counts.lines).toBe(counts.addresses + counts.duplicates + counts.invalid_lines);
    for (const query of ["", "?format=csv", "?format=ndjson"]) {
      expect((await jobs.results(id, query)).status).toBe(200);
    }
  }
  const odd = await request("/verifications/jobs", { token: jobs.client.token, method: "PUT" });
  expect(odd.status).toBe(405);
});
