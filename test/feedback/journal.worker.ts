import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { type JournalBody, journalUnit } from "../../src/core/custody.ts";
import { rowsOfUnit } from "../../src/core/recipient-row.ts";
import { consumeDead, redrive } from "../../src/feedback/dead.ts";
import { consumeJournal } from "../../src/feedback/ingest.ts";
import { deadServices, journalServices } from "../../src/services.ts";
import { Client, email, until } from "../support/worker/client.ts";
import { recordRows } from "../support/worker/record.ts";

let client: Client;
beforeAll(async () => {
  client = await Client.make();
});

const event = (messageId: string, type: "delivered" | "bounced", source = "sandbox") => ({
  account: client.scope,
  messageId,
  recipientNo: 0,
  source,
  type,
  at: Date.now(),
  code: "",
  text: "",
});
const events = (...all: ReturnType<typeof event>[]): JournalBody => ({
  v: 1,
  kind: "events",
  events: all,
});

/** A message of the journal as a consumer gets it, with what became of it. */
function message(body: unknown) {
  const seen = { acked: 0, retried: 0 };
  return {
    seen,
    body,
    id: crypto.randomUUID(),
    timestamp: new Date(),
    attempts: 1,
    ack() {
      seen.acked += 1;
    },
    retry() {
      seen.retried += 1;
    },
  };
}

const listed = async (prefix: string): Promise<string[]> =>
  (await env.CONTENT.list({ prefix })).objects.map((object) => object.key);
const body = async (key: string): Promise<unknown> => (await env.CONTENT.get(key))?.json();

describe("the journal", () => {
  test("records a hundred messages in few transactions, and their Outbox lets go", async () => {
    const ids = await client.sendBatch(Array.from({ length: 100 }, () => email()));
    expect(await client.quiet()).toMatchObject({ accepted: 100, delivered: 100 });
    const outbox = env.OUTBOX.getByName(`${client.scope}/0`);
    expect(await outbox.ledger()).toMatchObject({ accepted: 100, open: 0, confirmed: 100 });
    expect(await outbox.read(ids[0] ?? "")).toBe(null);
    expect(await client.read(ids[0] ?? "")).toMatchObject({ last_event: "delivered" });
  });

  test("commits a batch of many shards' and providers' messages as one group", async () => {
    let transactions = 0;
    const deps = journalServices(env);
    const record: typeof deps.record = (rows) => {
      transactions += 1;
      return deps.record(rows);
    };
    const ids = await client.sendBatch(Array.from({ length: 100 }, () => email()));
    const all = ids.map((id) => message(events(event(id, "delivered"))));
    await consumeJournal(all, { ...deps, record });
    expect(transactions).toBe(1);
    expect(all.every((one) => one.seen.acked === 1)).toBe(true);
  });

  test("takes an event before the outcome that it belongs to", async () => {
    await client.post("/streams/broadcast/pause", "");
    const id = await client.send({ stream: "broadcast" });
    await env.JOURNAL.send(events(event(id, "bounced")), { contentType: "json" });
    await until(
      () => env.DB.prepare("SELECT state FROM recipient WHERE message_id = ?").bind(id).first(),
      (row) => row !== null,
    );
    await client.post("/streams/broadcast/resume", "");
    await client.quiet();
    const read = await client.read(id);
    expect(read.recipients).toMatchObject([{ email: "delivered@sandbox.test", state: "bounced" }]);
    expect(read.timeline.map((entry) => entry.type).toSorted()).toEqual(
      ["accepted", "bounced", "delivered", "sent"].toSorted(),
    );
    expect(read.subject).toBe("Hello");
  });

  test("tells an Outbox that holds an unknown what an event proves", async () => {
    const to = ["timeout@sandbox.test", "delivered@sandbox.test"];
    const id = await client.send({ to, stream: "plain", on_unknown: "hold" });
    const read = await client.when(id, "delivered", "sent");
    expect(read.recipients.map((one) => one.state)).toEqual(["sent", "delivered"]);
    expect(read.timeline.some((entry) => entry.type === "unknown")).toBe(true);
    expect(await client.acceptances()).toMatchObject({ [id]: 1 });
    await client.quiet();
  });

  test("says that nothing was sent twice when everything in it is repeated", async () => {
    const id = await client.send();
    await client.when(id, "delivered");
    const before = await client.quiet();
    const [timeline] = [(await client.read(id)).timeline];
    const { results } = await env.DB.prepare("SELECT timeline FROM recipient WHERE message_id = ?")
      .bind(id)
      .all<{ timeline: string }>();
    const told = JSON.parse(results[0]?.timeline ?? "[]").find(
      (entry: { type: string }) => entry.type === "delivered",
    );
    const repeated = { ...event(id, "delivered"), ...told };
    const twice = [message(events(repeated, repeated)), message(events(repeated))];
    await consumeJournal(twice, journalServices(env));
    expect((await client.read(id)).timeline).toEqual(timeline);
    expect(await client.ledger()).toEqual(before);
  });
});

describe("what cannot be recorded", () => {
  test("is kept aside with its reason, and the batch around it is recorded", async () => {
    const good = await client.sendBatch([0, 1, 2].map(() => email()));
    await client.quiet();
    const bad = { ...event("p1", "delivered"), type: "unheard-of" };
    const batch = [
      ...good.map((id) => events(event(id, "bounced"))),
      { v: 1, kind: "events", events: [bad] },
      { v: 1, kind: "nonsense" },
    ].map(message);
    for (let round = 0; round < 8; round++) {
      const waiting = batch.filter((one) => one.seen.acked === 0);
      if (waiting.length === 0) break;
      const again = waiting.map((one) => ({ ...one, attempts: round + 1 }));
      await consumeJournal(again, journalServices(env));
    }
    expect(batch.map((one) => one.seen.acked)).toEqual([1, 1, 1, 1, 1]);
    for (const id of good) expect((await client.read(id)).last_event).toBe("bounced");
    const kept = await Promise.all((await listed("poison/")).map(body));
    expect(kept).toContainEqual({ v: 1, kind: "nonsense" });
    expect(kept).toContainEqual({ v: 1, kind: "events", events: [bad] });
  });
});

describe("a dead letter of the journal", () => {
  test("is kept in storage, put back by the cron's redrive, recorded, and forgotten", async () => {
    const id = await client.send();
    await client.quiet();
    const letter = message(events(event(id, "bounced")));
    const pack = message({ v: 1, account: client.scope, shard: 0, ids: ["x"], generation: 1 });
    await consumeDead([letter, pack], deadServices(env));
    expect([letter.seen.acked, pack.seen.acked]).toEqual([1, 1]);
    expect(await listed("dead/")).toHaveLength(1);
    expect(await redrive(deadServices(env))).toBe(1);
    expect(await listed("dead/")).toEqual([]);
    await until(
      () => client.read(id),
      (read) => read.recipients[0]?.state === "bounced",
    );
  });

  test("sent to the dead-letter queue itself is kept by the Worker", async () => {
    await env.DEAD.send(events(event("dead2", "bounced")), { contentType: "json" });
    const keys = await until(
      () => listed("dead/"),
      (all) => all.length > 0,
    );
    expect(await body(keys[0] ?? "")).toMatchObject({ kind: "events" });
    await redrive(deadServices(env));
  });
});

test("an old revision that comes late changes nothing of what is recorded", async () => {
  const other = await Client.make({ account: "other" });
  const id = await other.send();
  await other.when(id, "delivered");
  const before = await other.quiet();
  const read = await other.read(id);
  const head = JSON.stringify({ envelope: {}, addressees: [] });
  const late = { ...journalUnit(id, head, old), open: true };
  await recordRows(rowsOfUnit(other.scope, late));
  expect(await other.ledger()).toEqual(before);
  expect(await other.read(id)).toEqual(read);
});

const old = {
  phase: "waiting",
  due: 0,
  expires: 0,
  rev: 1,
  onUnknown: "retry",
  graceMs: 0,
  recipients: [{ state: "pending", at: 1, code: "", text: "" }],
  attempts: 0,
  failures: 0,
  current: null,
  frozen: null,
  ambiguities: 0,
  providerMessageId: "",
  source: "",
  timeline: [],
} as const;
