/** Trouble that is one message's, one account's or one Outbox's, and must not be everybody's. */
import { describe, expect, test } from "vitest";
import type { JournalBody } from "../../src/core/custody.ts";
import type { ProviderEvent } from "../../src/core/events.ts";
import { endpoint, event, journalUnit, message, units, World } from "./journal.ts";

const named = (messageId: string, given: Partial<ProviderEvent> = {}): ProviderEvent => ({
  account: "acme",
  messageId,
  recipientNo: 0,
  source: "s1",
  type: "delivered",
  at: 9,
  code: "",
  text: "",
  ...given,
});

const events = (...all: ProviderEvent[]): JournalBody => ({ v: 1, kind: "events", events: all });

describe("a message that is not as it should be", () => {
  test.each([
    ["a unit without addressees", units(journalUnit("m1", { head: "{}", recipients: [] }))],
    ["an address that is a number", { ...events({ ...named("m1"), address: 5 } as never) }],
    ["a bounce of no kind", events(named("m1", { bounce: { kind: "odd" } as never }))],
    ["an id that is an object", events({ ...named("m1"), providerMessageId: {} } as never)],
  ])("is kept aside, and the batch goes on: %s", async (_, body) => {
    const world = new World();
    const [bad, good] = [message(body), message(event("m2"))];
    await world.consume(bad, good);
    expect(world.kept.map((one) => [one.where, one.reason])).toEqual([["poison", "malformed"]]);
    expect([bad.acked, good.acked]).toEqual([1, 1]);
    expect(world.stored.map((row) => row.messageId)).toEqual(["m2"]);
  });

  test("whose effects cannot be told is found by halving", async () => {
    const world = new World();
    world.endpoints.push(endpoint);
    const envelope = { subject: "m", tags: [], createdAt: 1 };
    const addressees = [{ mailbox: "a@a.example", address: "a@a.example", hash: "h", kind: "to" }];
    const whole = JSON.stringify({ envelope, addressees });
    const torn = JSON.stringify({ envelope: {}, addressees });
    const good = [1, 2, 3].map((n) => message(units(journalUnit(`m${n}`, { head: whole })), 3));
    const bad = message(units(journalUnit("m9", { head: torn })), 3);
    await world.consume(bad, ...good);
    expect(good.map((one) => one.acked)).toEqual([1, 1, 1]);
    expect(world.stored.map((row) => row.messageId)).toEqual(["m1", "m2", "m3"]);
    expect(world.kept.map((one) => one.reason)).toEqual(["refused by the database"]);
  });
});

describe("an Outbox that does not answer", () => {
  /** Messages whose ids begin with `mx` are on shard 1, which is gone. */
  function split() {
    const world = new World();
    const { heads, confirm } = world.deps;
    const deps = {
      ...world.deps,
      shardOf: async (account: string, id: string) => ({
        account,
        shard: id.startsWith("mx") ? 1 : 0,
      }),
      heads: (ref: Parameters<typeof heads>[0], ids: readonly string[]) =>
        ref.shard === 1 ? Promise.reject(new Error("overloaded")) : heads(ref, ids),
      confirm: (ref: Parameters<typeof confirm>[0], all: Parameters<typeof confirm>[1]) =>
        ref.shard === 1 ? Promise.reject(new Error("overloaded")) : confirm(ref, all),
    };
    Object.assign(world.deps, deps);
    return world;
  }

  test("for heads puts its own events off, and nobody else's", async () => {
    const world = split();
    const [own, other] = [message(event("mx1")), message(event("m2"))];
    const outcome = message(units(journalUnit("m3")));
    await world.consume(own, other, outcome);
    expect([own.acked, own.retried.length]).toEqual([0, 1]);
    expect([other.acked, outcome.acked]).toEqual([1, 1]);
    expect(world.stored.map((row) => row.messageId).sort()).toEqual(["m2", "m3"]);
  });

  test("for confirmations puts its own events off, and nobody else's", async () => {
    const world = split();
    const recipients = [{ state: "unknown", at: 5, code: "", text: "" }] as const;
    const open = { open: true, recipients };
    await world.consume(message(units(journalUnit("mx1", open), journalUnit("m2", open))));
    const [own, other] = [message(event("mx1")), message(event("m2"))];
    await world.consume(own, other);
    expect([own.acked, own.retried.length]).toEqual([0, 1]);
    expect([other.acked, other.retried.length]).toEqual([1, 0]);
  });
});

describe("what comes with events that cannot be recorded yet", () => {
  test("is put on the journal once, however often the database refuses", async () => {
    const world = new World();
    world.gone.add("m2");
    const body = {
      ...events(named("m1"), named("m2")),
      unknown: { source: "s1", events: [{ type: "new", raw: "{}" }] },
    } as JournalBody;
    for (let attempt = 1; attempt < 6; attempt++) {
      world.failures = 1;
      world.deps.recordAnswers = async () => false;
      const one = message(body, attempt);
      await world.consume(one);
      expect([one.acked, one.retried.length]).toEqual([0, 1]);
    }
    const last = message(body, 6);
    await world.consume(last);
    expect(last.acked).toBe(1);
    expect(world.later.map(({ body }) => body)).toEqual([
      { v: 1, kind: "events", events: [named("m2")], tries: 1 },
    ]);
    expect(world.kept.map(({ where }) => where)).toEqual(["unknown"]);
  });

  test("is not lost when neither storage nor the queue takes it", async () => {
    const world = new World();
    world.gone.add("m2");
    world.laterFails = true;
    const one = message(events(named("m1"), named("m2")));
    await world.consume(one);
    expect([one.acked, one.retried.length]).toEqual([0, 1]);
  });
});

test("a batch of tens of thousands of events is recorded in several transactions", async () => {
  const world = new World();
  const asked: number[] = [];
  const { look } = world.deps;
  world.deps.look = (refs, ...rest) => {
    asked.push(refs.length);
    return look(refs, ...rest);
  };
  const all = Array.from({ length: 40 }, (_, part) =>
    message(events(...Array.from({ length: 300 }, (_, n) => named(`m${part}-${n}`)))),
  );
  await world.consume(...all, message(units(journalUnit("m0-0"))));
  expect(all.every((one) => one.acked === 1)).toBe(true);
  expect(Math.max(...asked)).toBeLessThanOrEqual(5_000);
  expect(world.transactions).toBe(3);
});
