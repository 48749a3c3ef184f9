import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type GuardAction, scopeKey } from "../../src/core/guard.ts";
import { bucketOf, type GuardState, UNGUARDED } from "../../src/core/reputation.ts";
import { readGuardLog, readStandings, writeGuard } from "../../src/store/guard.ts";
import { admin, apiKey, Client, refused, request, until } from "../support/worker/client.ts";

let client: Client;
beforeAll(async () => {
  client = await Client.make({ account: "other" });
});

beforeEach(async () => {
  await env.DB.batch([
    env.DB.prepare("DELETE FROM guard"),
    env.DB.prepare("DELETE FROM guard_log"),
    env.DB.prepare("DELETE FROM reputation"),
  ]);
});

const HOUR = 3_600_000;
const streamScope = (domain: string, stream = "broadcast"): string =>
  scopeKey({ kind: "stream", account: client.scope, stream, domain });

const counted = (scope: string, sent: number, hard: number): Promise<D1Result> =>
  env.DB.prepare("INSERT INTO reputation VALUES (?, ?, ?, ?, ?, 2, 1, 0, 100, 1, 0, 3)")
    .bind(scope, bucketOf(Date.now()), sent, sent - hard, hard)
    .run();

/** Lets the guard have paused a scope. */
async function pausedScope(scope: string, prev = 0): Promise<GuardAction> {
  const at = Date.now();
  const rev = Math.max(prev + 1, at);
  const end = at + HOUR;
  const state: GuardState = { ...UNGUARDED, level: "paused", at, until: end, strikes: 1 };
  const action: GuardAction = {
    ...{ scope, rev, kind: "paused", at, from: "normal", to: "paused", cause: "bounces" },
    ...{ bounceRate: 5, complaintRate: null, sent: 1_000, hard: 50, complained: 0, until: end },
    by: "guard",
  };
  const write = { scope, prev, rev, due: end, state: { ...state, cause: "bounces" as const } };
  await writeGuard(env.DB, [{ ...write, action }]);
  return action;
}

const json = async (path: string, token = client.token): Promise<Record<string, unknown>> => {
  const response = await request(path, { token });
  expect(response.status).toBe(200);
  return response.json();
};

describe("GET /streams", () => {
  test("lists the streams, each with its least free level", async () => {
    await counted(streamScope("a.example"), 1_000, 1);
    await pausedScope(streamScope("b.example"));
    const { data } = (await json("/streams")) as { data: Record<string, unknown>[] };
    const named = new Map(data.map((one) => [one.name, one]));
    expect(named.get("broadcast")).toEqual({
      ...{ object: "stream", name: "broadcast", kind: "broadcast", level: "paused", domains: 2 },
    });
    expect(named.get("plain")).toMatchObject({ level: "normal", domains: 0 });
  });

  test("shows a stream's counts and rates by sender domain, and no other account's", async () => {
    await counted(streamScope("a.example"), 1_000, 25);
    await counted("stream/default~test/broadcast/x.example", 1_000, 25);
    const body = await json("/streams/broadcast");
    expect(body).toMatchObject({ object: "stream", name: "broadcast", window_hours: 24 });
    expect(body.domains).toMatchObject([
      {
        ...{ domain: "a.example", level: "normal", cause: null, paused_until: null, pauses: 0 },
        ...{ bounce_rate: 2.5, complaint_rate: null },
        counts: { sent: 1_000, delivered: 975, hard_bounces: 25, complaints_elsewhere: 3 },
      },
    ]);
  });

  test("of an unknown name, or without a full key, is refused", async () => {
    for (const path of ["/streams/news", "/streams/__proto__", "/streams/news/log"]) {
      await refused(await client.get(path), 404, "not_found", /no stream/);
    }
    const { token } = await apiKey({ account: "other", permission: "sending_access" });
    for (const path of ["/streams", "/streams/broadcast", "/streams/broadcast/log"]) {
      await refused(await request(path, { token }), 401, "restricted_api_key", /only send/);
      await refused(await request(path), 401, "missing_api_key", /Missing/);
    }
  });
});

describe("a log", () => {
  test("is read page by page, newest first", async () => {
    const scope = streamScope("a.example");
    const first = await pausedScope(scope);
    const second = await pausedScope(scope, first.rev);
    const page = await json("/streams/broadcast/log?limit=1");
    expect(page).toMatchObject({ object: "list", has_more: true });
    const [line] = page.data as Record<string, unknown>[];
    expect(line).toMatchObject({
      ...{ id: `${second.rev}.a.example`, domain: "a.example", action: "paused", by: "guard" },
      ...{ cause: "bounces", bounce_rate: 5, sent: 1_000, hard_bounces: 50 },
    });
    const next = await json(`/streams/broadcast/log?limit=1&after=${line?.id}`);
    expect(next).toMatchObject({ has_more: false, data: [{ id: `${first.rev}.a.example` }] });
  });

  test("takes no other place to begin and no other limit", async () => {
    for (const query of ["after=1", "after=x.y", "after=1.a'b", "after=", "limit=0", "limit=101"]) {
      const response = await client.get(`/streams/broadcast/log?${query}`);
      await refused(response, 422, "invalid_parameter", /`after`|`limit`/);
    }
  });
});

test("a resume by hand ends the guard's pauses of that stream, on the record", async () => {
  const scope = streamScope("a.example");
  await pausedScope(scope);
  await pausedScope(streamScope("a.example", "plain-broadcast"));
  const response = await client.post("/streams/broadcast/resume", "");
  expect(await response.json()).toEqual({
    ...{ object: "stream", name: "broadcast", paused: false, probation: ["a.example"] },
  });
  const [now, other] = await readStandings(
    env.DB,
    [scope, streamScope("a.example", "plain-broadcast")],
    0,
  );
  expect([now?.state?.level, other?.state?.level]).toEqual(["probation", "paused"]);
  const [line] = await readGuardLog(env.DB, scope, { after: null, limit: 1 });
  expect(line).toMatchObject({ kind: "resumed", from: "paused", to: "probation", by: "key" });
  const again = await client.post("/streams/broadcast/resume", "");
  expect(await again.json()).toEqual({ object: "stream", name: "broadcast", paused: false });
});

describe("sources", () => {
  test("are the operator's to see and to resume", async () => {
    await pausedScope("source/plain");
    const response = await admin("/sources");
    const { data } = (await response.json()) as { data: Record<string, unknown>[] };
    const levels = new Map(data.map((one) => [one.name, one.level]));
    expect([levels.get("sandbox"), levels.get("plain")]).toEqual(["normal", "paused"]);
    const resumed = await admin("/sources/plain/resume", "POST");
    expect(await resumed.json()).toEqual({ object: "source", name: "plain", level: "probation" });
    const log = await admin("/sources/plain/log");
    expect(await log.json()).toMatchObject({
      data: [
        { action: "resumed", by: "operator" },
        { action: "paused", by: "guard" },
      ],
    });
    await refused(await admin("/sources/none/log"), 404, "not_found", /no source/);
    await refused(await client.get("/sources"), 403, "invalid_api_key", /operator/);
  });
});

test("broadcasts of a paused domain wait; other domains and transactional mail go", async () => {
  await pausedScope(streamScope("paused.example"));
  await pausedScope(streamScope("paused.example", "transactional"));
  // Lanes look again after ten seconds: until they see the pause, its mail goes.
  const sendBroadcast = (domain: string) =>
    client.send({ from: `news@${domain}`, stream: "broadcast" });
  const held = await until(
    async () => {
      const id = await sendBroadcast("paused.example");
      const other = await sendBroadcast("free.example");
      await client.when(other, "delivered");
      return { id, state: (await client.read(id)).recipients[0]?.state };
    },
    ({ state }) => state === "pending",
    25_000,
  );
  const urgent = await client.send({ from: "hi@paused.example", stream: "transactional" });
  await client.when(urgent, "delivered");
  expect((await client.read(held.id)).recipients[0]?.state).toBe("pending");
});
