import { Resend } from "resend";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Client, refused, request } from "../support/worker/client.ts";
import { changeOf, suppressed, write } from "../support/worker/suppression.ts";

let client: Client;
let resend: Resend;
let address: string;
let count = 0;

beforeAll(async () => {
  client = await Client.make({ account: "other" });
  // The official client, whose requests reach the Worker under test.
  vi.stubGlobal("fetch", (url: string, { signal: _, ...init }: RequestInit) => {
    const { pathname, search } = new URL(url);
    return request(pathname + search, init as Parameters<typeof request>[1]);
  });
  resend = new Resend(client.token, { baseUrl: "http://postern.test" });
});
afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  count += 1;
  address = `person-${count}@a.example`;
});

type Entry = { readonly id: string; readonly email: string } & Readonly<Record<string, unknown>>;

/** Reads an answer that must be good. */
async function good<T = Entry>(asked: Promise<Response>): Promise<T> {
  const response = await asked;
  const body: T = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(200);
  return body;
}
const lookup = async (...emails: string[]) =>
  (await good<{ data: Entry[] }>(client.post("/suppressions/lookup", { emails }))).data;

describe("the official client", () => {
  test("adds, gets by id and by email, and removes", async () => {
    const added = await resend.suppressions.add({ email: `  ${address.toUpperCase()}` });
    expect(added.error).toBeNull();
    const id = added.data?.id ?? "";
    for (const name of [id, address]) {
      const got = await resend.suppressions.get(name);
      expect(got.data).toMatchObject({
        object: "suppression",
        id,
        email: address,
        origin: "manual",
        source_id: null,
        created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      });
    }
    const removed = await resend.suppressions.remove(address);
    expect(removed.data).toEqual({ object: "suppression", id, deleted: true });
    expect((await resend.suppressions.get(id)).error).toMatchObject({ name: "not_found" });
    expect((await resend.suppressions.remove(id)).error).toMatchObject({ statusCode: 404 });
  });

  test("adds and removes a batch, by address and by id, in order", async () => {
    const emails = ["x", "y", "z"].map((name) => `${name}-${address}`);
    const added = await resend.suppressions.batch.add({ emails });
    const ids = added.data?.data.map(({ id }) => id) ?? [];
    expect(new Set(ids).size).toBe(3);
    const [x = "", y = "", z = ""] = ids;
    const byId = await resend.suppressions.batch.remove({ ids: [y, x] });
    expect(byId.data?.data).toEqual([
      { object: "suppression", id: y, deleted: true },
      { object: "suppression", id: x, deleted: true },
    ]);
    const byEmail = await resend.suppressions.batch.remove({ emails });
    expect(byEmail.data?.data).toEqual([
      { object: "suppression", id: x, deleted: false },
      { object: "suppression", id: y, deleted: false },
      { object: "suppression", id: z, deleted: true },
    ]);
  });

  test("pages through the list both ways, each entry once", async () => {
    const own = await Client.make({ account: "limited" });
    const paging = new Resend(own.token, { baseUrl: "http://postern.test" });
    const emails = Array.from({ length: 7 }, (_, n) => `page-${n}@a.example`);
    await paging.suppressions.batch.add({ emails });
    const seen: string[] = [];
    let after: string | undefined;
    for (let pages = 0; pages < 4; pages++) {
      const { data } = await paging.suppressions.list({ limit: 3, ...(after ? { after } : {}) });
      seen.push(...(data?.data.map(({ email }) => email) ?? []));
      after = data?.data.at(-1)?.id ?? "";
      if (data?.has_more === false) break;
    }
    expect(seen).toHaveLength(7);
    expect([...seen].sort()).toEqual(emails);

    const back = await paging.suppressions.list({ limit: 3, before: after ?? "" });
    expect(back.data?.data.map(({ email }) => email)).toEqual(seen.slice(3, 6));
    expect(back.data?.has_more).toBe(true);
    // The entry at which a page ends may go meanwhile.
    const [gone] = (await paging.suppressions.list({ limit: 1 })).data?.data ?? [];
    await paging.suppressions.remove(gone?.id ?? "");
    const rest = await paging.suppressions.list({ after: gone?.id ?? "" });
    expect(rest.data?.data.map(({ email }) => email)).toEqual(seen.slice(1));
  });

  test("filters by origin", async () => {
    const own = await Client.make({ account: "wide" });
    const filtering = new Resend(own.token, { baseUrl: "http://postern.test" });
    await suppressed(own.scope, "bounced@a.example");
    await suppressed(own.scope, "both@a.example", { complainedAt: 5, hardAt: Date.now() });
    await suppressed(own.scope, "left@a.example", { stream: "broadcast", unsubscribedAt: 5 });
    const of = async (origin: "bounce" | "complaint" | "manual") => {
      const { data } = await filtering.suppressions.list({ origin });
      expect(new Set(data?.data.map((entry) => entry.origin))).toEqual(new Set([origin]));
      return data?.data.map(({ email }) => email).sort();
    };
    expect(await of("bounce")).toEqual(["both@a.example", "bounced@a.example"]);
    expect(await of("complaint")).toEqual(["both@a.example"]);
    expect(await of("manual")).toEqual(["left@a.example"]);
  });
});

describe("an entry", () => {
  test("says why, since when, until when, and of what it keeps mail", async () => {
    const at = Date.now() - 5_000;
    const messageId = "019a0000-0000-7000-8000-000000000000";
    await suppressed(client.scope, address, { hardAt: at, source: "ses", messageId });
    expect(await good(client.get(`/suppressions/${address}`))).toMatchObject({
      origin: "bounce",
      source_id: messageId,
      reason: "hard_bounce",
      reasons: ["hard_bounce"],
      stream: "*",
      lanes: ["transactional", "broadcast"],
      source: "ses",
      first_seen_at: new Date(at).toISOString(),
      last_seen_at: new Date(at).toISOString(),
      expires_at: new Date(at + 365 * 86_400_000).toISOString(),
      override: null,
    });
  });

  test("may be of one stream, beside one of all streams", async () => {
    const one = await good(client.post("/suppressions", { email: address, stream: "broadcast" }));
    const all = await good(client.post("/suppressions", { email: address, reason: "hard_bounce" }));
    expect(one.id).not.toBe(all.id);
    const [found] = await lookup(address);
    const entries = found?.suppressions as Entry[];
    expect(entries.map(({ stream }) => stream).sort()).toEqual(["*", "broadcast"]);
    await good(request(`/suppressions/${address}`, { method: "DELETE", token: client.token }));
    expect(await lookup(address)).toEqual([
      { email: address, suppressed: false, suppressions: [] },
    ]);
  });

  test("that is manual holds for a magic recipient too", async () => {
    const email = `delivered+${count}@sandbox.test`;
    await good(client.post("/suppressions", { email }));
    const id = await client.send({ to: email, from: "Acme <news@other.example>" });
    expect((await client.when(id, "suppressed")).recipients[0]?.state).toBe("suppressed");
  });

  test("is not seen by another account, nor by its id there", async () => {
    const { id } = await good(client.post("/suppressions", { email: address }));
    const stranger = await Client.make();
    for (const name of [id, address]) {
      await refused(await stranger.get(`/suppressions/${name}`), 404, "not_found", /no such/);
    }
    const [found] = await good<{ data: Entry[] }>(
      stranger.post("/suppressions/lookup", { emails: [address] }),
    ).then(({ data }) => data);
    expect(found?.suppressed).toBe(false);
  });
});

describe("a complaint", () => {
  const complain = (at: number) => suppressed(client.scope, address, { complainedAt: at });
  const remove = () =>
    request(`/suppressions/${address}`, { method: "DELETE", token: client.token });
  const override = (note: string) => client.post(`/suppressions/${address}/override`, { note });

  test("cannot be removed; the error names the way to an override", async () => {
    await complain(Date.now());
    const way = /POST .* to \/suppressions\/[0-9a-f-]{36}\/override/;
    await refused(await remove(), 409, "complaint_stays", way);
    const batch = await resend.suppressions.batch.remove({ emails: [address] });
    expect(batch.data?.data[0]?.deleted).toBe(false);
  });

  test("is overridden for transactional mail only, by whom, when and why", async () => {
    await complain(Date.now() - 1_000);
    const before = Date.now();
    const entry = await good(override(" She asked for it by phone. "));
    expect(entry).toMatchObject({ reason: "complaint", lanes: ["broadcast"] });
    const given = entry.override as Record<string, string>;
    expect(given).toMatchObject({ note: "She asked for it by phone.", active: true, earlier: [] });
    expect(given.by).toMatch(/^[0-9a-f-]{36}$/);
    expect(Date.parse(given.at ?? "")).toBeGreaterThanOrEqual(before);
    const from = "Acme <news@other.example>";
    await client.when(await client.send({ to: address, from }), "delivered");
    await client.when(await client.send({ to: address, from, stream: "broadcast" }), "suppressed");
    await refused(await remove(), 409, "complaint_stays", /override/);
  });

  test("that is new ends the override, which stays on record", async () => {
    await complain(Date.now() - 1_000);
    await good(override("first"));
    await write(
      [await changeOf(client.scope, address, { complainedAt: Date.now() + 5 })],
      Date.now() + 5,
    );
    const entry = await good(client.get(`/suppressions/${address}`));
    expect(entry).toMatchObject({
      lanes: ["transactional", "broadcast"],
      override: { note: "first", active: false },
    });
    const again = await good(override("second"));
    expect(again.override).toMatchObject({ note: "second", earlier: [{ note: "first" }] });
  });

  test("is what an override needs, with a note, and a key that may do everything", async () => {
    await good(client.post("/suppressions", { email: address }));
    await refused(await override("why not"), 422, "invalid_parameter", /Only a complaint/);
    await complain(Date.now());
    await refused(await override(" "), 400, "validation_error", /`note`/);
    await refused(await override("x".repeat(501)), 400, "validation_error", /`note`/);
    const sender = await Client.make({ account: "other", permission: "sending_access" });
    const response = await sender.post(`/suppressions/${address}/override`, { note: "mine" });
    await refused(response, 401, "restricted_api_key", /only send/);
  });
});

describe("what is not valid is an error in the one shape", () => {
  const refusals: [what: string, path: string, body: unknown, status: number, message: RegExp][] = [
    ["no address", "", {}, 422, /`email`/],
    ["what is no address", "", { email: "nobody" }, 400, /`email`.*@/],
    ["a line break", "", { email: "a@b.example\r\nBcc: x@y.example" }, 400, /`email`/],
    ["a field that is none", "", { email: "a@b.example", more: 1 }, 422, /`more`/],
    ["no such stream", "", { email: "a@b.example", stream: "none" }, 400, /`stream`/],
    [
      "a complaint in one stream",
      "",
      { email: "a@b.example", stream: "broadcast", reason: "complaint" },
      400,
      /all streams/,
    ],
    ["no such reason", "", { email: "a@b.example", reason: "policy" }, 400, /`reason`/],
    ["what is not JSON", "", "{", 400, /JSON/],
    ["an empty batch", "/batch/add", { emails: [] }, 400, /`emails`/],
    ["a batch, one wrong", "/batch/add", { emails: ["a@b.example", "x"] }, 400, /`emails\.1`/],
    ["a batch of 101", "/batch/add", { emails: Array(101).fill("a@b.example") }, 400, /100/],
    ["nobody to remove", "/batch/remove", {}, 422, /`emails`/],
    ["both ways", "/batch/remove", { emails: ["a@b.example"], ids: ["x"] }, 400, /not both/],
    ["1,001 to look up", "/lookup", { emails: Array(1_001).fill("a@b.example") }, 400, /1000/],
    ["an override of nothing", "/nobody/override", { note: "x" }, 404, /no such/],
  ];

  test.each(refusals)("POST with %s", async (_what, path, body, status, message) => {
    const names: Record<number, string> = { 400: "validation_error", 404: "not_found" };
    const response = await client.post(`/suppressions${path}`, body);
    const name = names[status] ?? expect.stringMatching(/^(missing_required_field|invalid_param)/);
    await refused(response, status, name, message);
  });

  test.each([
    ["?limit=0", /`limit`/],
    ["?after=x", /id of a suppression/],
    ["?origin=weather", /`origin` is one of bounce, complaint, manual/],
    ["?origin=constructor", /`origin`/],
  ])("GET /suppressions%s", async (query, message) => {
    const response = await client.get(`/suppressions${query}`);
    await refused(response, 422, "invalid_parameter", message);
  });

  test("a name that is neither an id nor an address is not found", async () => {
    for (const name of ["x", "%00", "..%2f", "%F0%9F%98%80", "a".repeat(2_000)]) {
      await refused(await client.get(`/suppressions/${name}`), 404, "not_found", /no such/);
    }
    const spoilt = await client.get("/suppressions/a@b@c.example");
    await refused(spoilt, 400, "validation_error", /`email`/);
  });
});
