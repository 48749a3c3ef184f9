/**
 * The consumer of a lane dies, or a call of it fails, at every point of a message's way: on both
 * kinds of source and under both terms for an unknown.
 */
import { describe, expect, test } from "vitest";
import type { Fault } from "../support/worker/faults.ts";
import {
  COMBINATIONS,
  type Email,
  expectSends,
  type Fields,
  type Scenario,
  scenario,
  timesOf,
} from "../support/worker/faults-kit.ts";

type Case = readonly [claim: string, faults: readonly Fault[]];

/** Certain: no send can have begun, or its outcome is recorded. */
const CERTAIN: readonly Case[] = [
  ["dies after peek", [{ point: "peek", kind: "die_after" }]],
  ["dies after the offer", [{ point: "offer", kind: "die_after" }]],
  ["dies after settle", [{ point: "settle", kind: "die_after" }]],
  ["cannot ask the Outbox", [{ point: "peek", kind: "throw_before", times: 2 }]],
  ["loses the answer to its peek", [{ point: "peek", kind: "throw_after", times: 2 }]],
  ["cannot ask the Source", [{ point: "offer", kind: "throw_before", times: 2 }]],
  ["loses the answer to its offer", [{ point: "offer", kind: "throw_after", times: 2 }]],
  ["cannot claim", [{ point: "claim", kind: "throw_before", times: 2 }]],
  ["cannot settle, and says so by the journal", [{ point: "settle", kind: "throw_before" }]],
  ["settles, but sees it fail", [{ point: "settle", kind: "throw_after" }]],
  ["gets no answer about suppressions", [{ point: "suppressed", kind: "throw_before", times: 9 }]],
];

/** Sent, and nobody who lives knows. */
const SENT: readonly Case[] = [
  ["dies after send", [{ point: "send", kind: "die_after" }]],
  ["dies before settle", [{ point: "settle", kind: "die_before" }]],
  [
    "can settle neither directly nor by the journal",
    [
      { point: "settle", kind: "throw_before" },
      { point: "settle_by_journal", kind: "throw_before" },
    ],
  ],
  ["loses the provider's answer", [{ point: "send", kind: "throw_after" }]],
];

/** Not sent, and nobody can be sure of it. */
const UNSENT: readonly Case[] = [
  ["dies after claim", [{ point: "claim", kind: "die_after" }]],
  ["loses the answer to its claim", [{ point: "claim", kind: "throw_after" }]],
  ["dies as it sends", [{ point: "send", kind: "die_before" }]],
  ["breaks off its call to the provider", [{ point: "send", kind: "throw_before" }]],
];

interface Seen {
  readonly fields: Fields;
  readonly one: Scenario;
  readonly sends: number;
  readonly email: Email;
}

/** One message per combination under these faults, seen when all is settled and reported. */
async function seen(faults: readonly Fault[]): Promise<Seen[]> {
  return Promise.all(
    COMBINATIONS.map(async (fields) => {
      const one = await scenario(faults);
      const id = await one.post(fields);
      await one.settled(1);
      const sends = await one.sends(id);
      await one.counts(sends === 0 ? { unknown: 1 } : { delivered: 1 });
      expect(one.script.struck.length, "the fault happened").toBeGreaterThan(0);
      return { fields, one, sends, email: await one.read(id) };
    }),
  );
}

describe.concurrent("sent once, and nothing is unknown, when the consumer", () => {
  test.each(CERTAIN)("%s", async (_claim, faults) => {
    for (const { fields, sends, email } of await seen(faults)) {
      expect(sends, JSON.stringify(fields)).toBe(1);
      expect(timesOf(email, "unknown"), JSON.stringify(fields)).toBe(0);
      expect(timesOf(email, "sent")).toBe(1);
    }
  });
});

describe.concurrent("sent once, or twice to a plain source asked again, when the consumer", () => {
  test.each(SENT)("%s", async (_claim, faults) => {
    for (const { fields, one, sends, email } of await seen(faults)) {
      expectSends(fields, sends, email);
      expect(sends).toBeGreaterThanOrEqual(1);
      expect(timesOf(email, "unknown")).toBeGreaterThan(0);
      const [calls] = [...one.script.calls.values()];
      expect(calls).toBeLessThanOrEqual(fields.on_unknown === "hold" ? 1 : 2);
    }
  });
});

describe.concurrent("sent once if an unknown is retried, else held, when the consumer", () => {
  test.each(UNSENT)("%s", async (_claim, faults) => {
    for (const { fields, sends, email } of await seen(faults)) {
      expectSends(fields, sends, email);
      expect(sends).toBe(fields.on_unknown === "hold" ? 0 : 1);
      expect(timesOf(email, "unknown")).toBeGreaterThan(0);
    }
  });
});

describe.concurrent("an unknown at a source that does not deduplicate", () => {
  const fault: Fault = { point: "send", kind: "die_after" };

  test("is settled by an event within its grace: sent once", async () => {
    const one = await scenario([fault]);
    const id = await one.post({ stream: "patient", on_unknown: "retry" });
    await one.counts({ delivered: 1 });
    expect(timesOf(await one.read(id), "unknown")).toBe(1);
    expect(one.script.calls.get(id)).toBe(1);
    expect(await one.sends(id)).toBe(1);
  });

  test("is asked once more when no event comes within its grace: sent twice", async () => {
    const one = await scenario([fault]);
    const id = await one.post({ stream: "plain-late", on_unknown: "retry" });
    await one.counts({ delivered: 1 });
    expect(timesOf(await one.read(id), "unknown")).toBe(1);
    expect(await one.sends(id)).toBe(2);
  });

  test("is held after a second ambiguity, and never sent a third time", async () => {
    const one = await scenario([{ ...fault, times: 2 }]);
    const id = await one.post({ stream: "plain-late", on_unknown: "retry" });
    await one.counts({ unknown: 1 });
    await one.counts({ delivered: 1 });
    expect(timesOf(await one.read(id), "unknown")).toBe(2);
    expect(await one.sends(id)).toBe(2);
  });

  test("that is held counts as unknown until an event settles it", async () => {
    const one = await scenario([fault]);
    const id = await one.post({ stream: "plain-late", on_unknown: "hold" });
    await one.counts({ unknown: 1 });
    await one.counts({ delivered: 1 });
    expect(await one.sends(id)).toBe(1);
  });
});
