import { describe, expect, test } from "vitest";
import type { JournalBody } from "../../src/core/custody.ts";
import {
  consumeEvents,
  type EventQueueDeps,
  type QueueReading,
} from "../../src/feedback/event-queue.ts";
import { message } from "./journal.ts";

const NOW = Date.UTC(2026, 10, 5);

const delivered = (id: string, sources = ["s1"]): QueueReading => ({
  events: [
    {
      messageId: "",
      providerMessageId: id,
      address: "ann@example.net",
      type: "delivered",
      at: NOW - 1_000,
      code: "2.0.0",
      text: "250 OK <ann@example.net>",
    },
  ],
  unknown: [],
  sources,
});

/** Messages whose body is their reading, and a journal. */
function world(given: Partial<EventQueueDeps> = {}) {
  const calls: (readonly JournalBody[])[] = [];
  const logged: string[] = [];
  const deps: EventQueueDeps = {
    now: () => NOW,
    read: (body) => body as QueueReading,
    journal: async (bodies) => void calls.push(bodies),
    log: (event, fields) => void logged.push(`${event} ${JSON.stringify(fields)}`),
    ...given,
  };
  return { calls, logged, deps };
}

const eventsIn = (bodies: readonly JournalBody[] = []) =>
  bodies.flatMap((body) => (body.kind === "events" ? body.events : []));

describe("a batch of events", () => {
  test("is one message of the journal, and each message is acked", async () => {
    const { calls, deps } = world();
    const batch = Array.from({ length: 100 }, (_, n) => message(delivered(`m${n}`)));
    await consumeEvents(batch, deps);
    expect(calls).toHaveLength(1);
    expect(calls[0]).toHaveLength(1);
    expect(eventsIn(calls[0]).map((one) => one.providerMessageId)).toEqual(
      batch.map((_, n) => `m${n}`),
    );
    expect(eventsIn(calls[0])[0]).toMatchObject({
      source: "s1",
      messageId: "",
      account: "",
      type: "delivered",
      code: "2.0.0",
      text: "250 OK [address]",
    });
    expect(batch.every((one) => one.acked === 1 && one.retried.length === 0)).toBe(true);
  });

  test("tells a bounce with what its words mean", async () => {
    const { calls, deps } = world();
    const [event] = delivered("m1").events;
    const bounce = { ...event, type: "bounced", code: "5.1.1", text: "550 5.1.1 User unknown" };
    const reading = { ...delivered("m1"), events: [{ ...bounce, bounce: { kind: "hard" } }] };
    await consumeEvents([message(reading)], deps);
    expect(eventsIn(calls[0])).toMatchObject([{ bounce: { kind: "hard", category: "recipient" } }]);
  });

  test("goes under the source of each, or under each that it may be of", async () => {
    const { calls, deps } = world();
    const batch = [delivered("m1", ["s1"]), delivered("m2", ["s2"]), delivered("m3", ["s1", "s2"])];
    await consumeEvents(
      batch.map((one) => message(one)),
      deps,
    );
    const told = eventsIn(calls[0]).map((one) => `${one.source} ${one.providerMessageId}`);
    expect(told.sort()).toEqual(["s1 m1", "s1 m3", "s2 m2", "s2 m3"]);
  });

  test("keeps what is unknown, raw and under its source", async () => {
    const { calls, deps } = world();
    const reading = { events: [], unknown: [{ type: "new", raw: { a: 1 } }], sources: ["s1"] };
    await consumeEvents([message(reading)], deps);
    expect(calls[0]).toEqual([
      {
        v: 1,
        kind: "events",
        events: [],
        unknown: { source: "s1", events: [{ type: "new", raw: '{"a":1}' }] },
      },
    ]);
  });
});

describe("a batch is put off and nothing is thrown", () => {
  test("when the journal takes nothing, later each time", async () => {
    const journal = () => Promise.reject(new Error("queue is down"));
    const { deps, logged } = world({ journal });
    const waits: number[] = [];
    for (const attempts of [1, 3, 50]) {
      const batch = [message(delivered("m1"), attempts), message(delivered("m2"), attempts)];
      await consumeEvents(batch, deps);
      expect(batch.map((one) => [one.acked, one.retried.length])).toEqual([
        [0, 1],
        [0, 1],
      ]);
      waits.push(batch[0]?.retried[0] ?? 0);
    }
    expect(waits[0]).toBeLessThan(waits[1] ?? 0);
    expect(waits[2]).toBeLessThanOrEqual(300);
    expect(logged.join()).not.toMatch(/example\.net/);
  });

  test("one that cannot be read alone, and the others go on", async () => {
    const read = (body: unknown) => {
      if (body === null) throw new Error("a bug");
      return body as QueueReading;
    };
    const { calls, deps } = world({ read });
    const batch = [message(delivered("m1")), message(null), message(delivered("m2"))];
    await consumeEvents(batch, deps);
    expect(batch.map((one) => [one.acked, one.retried.length])).toEqual([
      [1, 0],
      [0, 1],
      [1, 0],
    ]);
    expect(eventsIn(calls[0])).toHaveLength(2);
  });

  test("an empty batch asks nothing of the journal", async () => {
    const { calls, deps } = world();
    await consumeEvents([], deps);
    expect(calls).toEqual([]);
  });
});
