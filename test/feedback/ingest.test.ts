import { describe, expect, test } from "vitest";
import type { JournalBody } from "../../src/core/custody.ts";
import { standingOf } from "../../src/core/recipient-row.ts";
import { event, journalUnit, message, units, World } from "./journal.ts";

const settle = {
  v: 1,
  kind: "settle",
  account: "acme",
  shard: 0,
  settlements: [{ id: "m1", token: "t", outcome: { kind: "ambiguous", reason: "r" } }],
};

describe("a batch of the journal", () => {
  test("is recorded in one transaction, then confirmed, then acked", async () => {
    const world = new World();
    const messages = [
      message(units(journalUnit("m1"), journalUnit("m2"))),
      message(event("m1")),
      message(units(journalUnit("m3"))),
    ];
    await world.consume(...messages);
    expect(world.transactions).toBe(1);
    expect(world.stored.map((row) => [row.messageId, row.state])).toEqual([
      ["m1", "delivered"],
      ["m2", "sent"],
      ["m3", "sent"],
    ]);
    expect(world.revisions()).toEqual({ m1: 3, m2: 3, m3: 3 });
    expect(messages.map((one) => [one.acked, one.retried.length])).toEqual(Array(3).fill([1, 0]));
  });

  test("confirms the newest of two revisions, and each Outbox once", async () => {
    const world = new World();
    const newer = units(journalUnit("m1", { rev: 5 }));
    await world.consume(message(newer), message(units(journalUnit("m1", { rev: 4 }))));
    expect(world.confirmed).toHaveLength(1);
    expect(world.revisions()).toEqual({ m1: 5 });
  });

  test("an outcome that could not be settled is settled from here", async () => {
    const world = new World();
    const one = message(settle);
    await world.consume(one);
    expect(world.settled).toEqual(settle.settlements);
    expect(one.acked).toBe(1);
    world.settleFails = true;
    const two = message(settle);
    await world.consume(two);
    expect([two.acked, two.retried.length]).toEqual([0, 1]);
  });
});

describe("an event about a message that its Outbox holds as unknown", () => {
  const unknown = { state: "unknown", at: 5, code: "", text: "" } as const;
  const open = journalUnit("m1", { open: true, recipients: [unknown] });

  test("is told to the Outbox when it comes after the unknown", async () => {
    const world = new World();
    await world.consume(message(units(open)));
    await world.consume(message(event("m1")));
    expect(world.confirmed.at(-1)?.confirmations).toEqual([
      { id: "m1", rev: 0, proved: [{ no: 0, state: "delivered", at: 9 }] },
    ]);
  });

  test("is told to the Outbox when it came before the unknown", async () => {
    const world = new World();
    await world.consume(message(event("m1")));
    expect(world.confirmed).toEqual([]);
    await world.consume(message(units(open)));
    expect(world.confirmed.at(-1)?.confirmations).toEqual([
      { id: "m1", rev: 3, proved: [{ no: 0, state: "delivered", at: 9 }] },
    ]);
  });

  test("comes again when the Outbox could not be told; an outcome need not", async () => {
    const world = new World();
    await world.consume(message(units(open)));
    world.confirmFails = true;
    const [told, outcome] = [message(event("m1")), message(units(open))];
    await world.consume(told, outcome);
    expect([told.acked, told.retried.length]).toEqual([0, 1]);
    // Its Outbox journals again what is not confirmed.
    expect([outcome.acked, outcome.retried.length]).toEqual([1, 0]);
  });

  test("about a message that was let go costs no call to its Outbox", async () => {
    const world = new World();
    await world.consume(message(units(journalUnit("m1"))));
    const before = world.confirmed.length;
    await world.consume(message(event("m1", "bounced")));
    expect(world.confirmed).toHaveLength(before);
    expect(world.stored.map(standingOf)).toEqual(["bounced"]);
  });
});

describe("a database that is down", () => {
  test("puts everything off and loses nothing: no ack, nothing set aside", async () => {
    const world = new World();
    world.down = true;
    const messages = [message(units(journalUnit("m1"))), message(event("m2"))];
    await world.consume(...messages);
    expect(messages.map((one) => [one.acked, one.retried.length])).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(world.kept).toEqual([]);
  });

  test("is asked again after a wait that grows to five minutes", async () => {
    const world = new World();
    world.down = true;
    const waits: number[] = [];
    for (const attempts of [1, 2, 4, 8, 16, 99]) {
      const one = message(event("m1"), attempts);
      await world.consume(one);
      waits.push(...one.retried);
    }
    expect(waits).toEqual([1, 2, 8, 128, 150, 150]);
  });

  test("for a moment only does not turn a good message into poison", async () => {
    for (const count of [1, 2, 3]) {
      const world = new World();
      world.failures = 1;
      const messages = Array.from({ length: count }, (_, n) => message(event(`m${n}`)));
      await world.consume(...messages);
      expect(world.kept).toEqual([]);
      for (const one of messages) expect(one.acked + one.retried.length).toBe(1);
    }
  });
});

describe("poison", () => {
  /** The queue delivers again what is put off, until nothing is. */
  async function untilQuiet(world: World, bodies: readonly unknown[]): Promise<void> {
    let waiting = bodies.map((body) => message(body));
    for (let attempts = 2; attempts < 12 && waiting.length > 0; attempts++) {
      await world.consume(...waiting);
      for (const one of waiting) expect(one.acked + one.retried.length).toBe(1);
      waiting = waiting.filter((one) => one.acked === 0).map((one) => message(one.body, attempts));
    }
    expect(waiting).toEqual([]);
  }

  test("is found among a hundred by halving, and everything else is recorded", async () => {
    const world = new World();
    world.poison.add("m17").add("m18").add("m70");
    const bodies = Array.from({ length: 100 }, (_, n) => units(journalUnit(`m${n}`)));
    await untilQuiet(world, bodies);
    expect(world.stored).toHaveLength(97);
    expect(world.kept.map((one) => one.body)).toEqual([bodies[17], bodies[18], bodies[70]]);
    expect(world.kept[0]?.reason).toMatch(/database/);
  });

  test.each([
    null,
    5,
    "text",
    {},
    { v: 2, kind: "events", events: [] },
    { v: 1, kind: "other" },
    { v: 1, kind: "units", account: "acme", shard: 0, units: [{ id: "m1", head: "{" }] },
    { v: 1, kind: "events" },
    { v: 1, kind: "events", events: [null] },
  ])("malformed %j is kept aside, and the batch goes on", async (body) => {
    const world = new World();
    const [bad, good] = [message(body), message(event("m1"))];
    await world.consume(bad, good);
    expect(world.kept).toEqual([{ where: "poison", body, reason: "malformed" }]);
    expect([bad.acked, good.acked]).toEqual([1, 1]);
    expect(world.stored).toHaveLength(1);
  });

  test("that cannot be kept is put off and not lost", async () => {
    const world = new World();
    world.keepFails = true;
    const bad = message({});
    await world.consume(bad);
    expect([bad.acked, bad.retried.length]).toEqual([0, 1]);
  });
});

describe("an event that names the provider's id only", () => {
  const nameless = (source: string): JournalBody => ({
    v: 1,
    kind: "events",
    events: [
      {
        account: "",
        messageId: "",
        recipientNo: null,
        providerMessageId: "p9",
        ...{ source, type: "delivered", at: 9, code: "", text: "" },
      },
    ],
  });

  test("comes back from a source that names nothing else: it may not be recorded yet", async () => {
    const world = new World();
    await world.consume(message(nameless("anon")));
    expect(world.later).toHaveLength(1);
  });

  test("is of mail that did not leave here, from any other: counted and dropped", async () => {
    const world = new World();
    const one = message(nameless("s1"));
    await world.consume(one);
    expect([one.acked, world.later, world.kept]).toEqual([1, [], []]);
    expect(world.records.at(-1)?.feeds).toMatchObject([{ source: "s1", foreign: 1 }]);
  });
});
