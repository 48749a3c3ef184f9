import { describe, expect, test } from "vitest";
import { consumeDead, REDRIVE_MAX, redrive } from "../../src/feedback/dead.ts";
import { event, message } from "./journal.ts";

const pack = { v: 1, account: "acme", shard: 0, ids: ["m1"], generation: 1 };

describe("a dead letter", () => {
  test("of the journal or a provider is kept; a pack is only a hint and is dropped", async () => {
    const kept: unknown[] = [];
    const deps = { keepDead: async (body: unknown) => void kept.push(body), log: () => {} };
    const told = { type: "cf.email.sending.message.bounced", payload: {} };
    const messages = [event("m1"), pack, null, "text", told].map((body) => message(body));
    await consumeDead(messages, deps);
    expect(kept).toEqual([event("m1"), told]);
    expect(messages.map((one) => one.acked)).toEqual([1, 1, 1, 1, 1]);
  });

  test("that storage refuses is put off; those after it are still kept", async () => {
    const kept: unknown[] = [];
    const deps = {
      keepDead: async (body: unknown) => {
        if (kept.length === 0 && body === first.body) throw new Error("storage is down");
        kept.push(body);
      },
      log: () => {},
    };
    const first = message(event("m1"));
    const second = message(event("m2"));
    await consumeDead([first, second], deps);
    expect([first.acked, first.retried]).toEqual([0, [60]]);
    expect([second.acked, second.retried.length]).toEqual([1, 0]);
    expect(kept).toEqual([event("m2")]);
  });
});

describe("redrive", () => {
  function heap(count: number) {
    const letters = new Map(Array.from({ length: count }, (_, n) => [`dead/${n}`, { n }]));
    const journaled: unknown[] = [];
    const world = { refuses: Number.POSITIVE_INFINITY };
    const deps = {
      dead: async (limit: number) =>
        [...letters].slice(0, limit).map(([key, body]) => ({ key, body })),
      journal: async (body: unknown) => {
        if (journaled.length >= world.refuses) throw new Error("refused");
        journaled.push(body);
      },
      forget: async (key: string) => void letters.delete(key),
    };
    return { letters, journaled, world, deps };
  }

  test("puts back a bounded number at a time, oldest first, and forgets them", async () => {
    const { letters, journaled, deps } = heap(REDRIVE_MAX + 10);
    expect(await redrive(deps)).toBe(REDRIVE_MAX);
    expect(journaled[0]).toEqual({ n: 0 });
    expect(letters.size).toBe(10);
    expect(await redrive(deps)).toBe(10);
    expect(await redrive(deps)).toBe(0);
    expect(journaled).toHaveLength(REDRIVE_MAX + 10);
  });

  test("forgets nothing that was not put back", async () => {
    const { letters, journaled, world, deps } = heap(5);
    world.refuses = 2;
    await redrive(deps).catch(() => 0);
    expect(journaled).toHaveLength(2);
    expect([...letters.keys()]).toEqual(["dead/2", "dead/3", "dead/4"]);
  });
});
