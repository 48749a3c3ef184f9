/** Calls of several messages that go unanswered, are lost midway, or whose consumer dies. */
import { describe, expect, test } from "vitest";
import {
  type Email,
  type Scenario,
  scenario,
  timesOf,
  until,
} from "../support/worker/faults-kit.ts";

const DEDUP = { stream: "dedup-batch", on_unknown: "retry" } as const;
/** Its events come after the repeats. */
const LATE = { stream: "dedup-batch-late", on_unknown: "retry" } as const;
const PLAIN = { stream: "plain-batch", on_unknown: "retry" } as const;
const COUNT = 12;

const SOMEBODY = Array.from({ length: COUNT }, (_, index) => `somebody${index}@faults.test`);

/** Posts one message to each in one request; answers their ids. */
async function together(one: Scenario, to: readonly string[]): Promise<string[]> {
  const from = "sender@faults.test";
  const all = to.map((address) => ({ from, to: address, subject: "A", text: "b", ...DEDUP }));
  const response = await one.request("/emails/batch", {
    method: "POST",
    body: JSON.stringify(all),
  });
  const { data } = (await response.json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
}

const once = (ids: readonly string[]) => Object.fromEntries(ids.map((id) => [id, 1]));
const emails = (one: Scenario, ids: readonly string[]): Promise<Email[]> =>
  Promise.all(ids.map((id) => one.read(id)));

/** Every call made under a key had the same members in the same order, to the same recipients. */
function expectIdentical(one: Scenario): void {
  const byKey = Map.groupBy(one.script.batches, ({ key }) => key);
  for (const [, calls] of byKey) {
    for (const { ids, to } of calls) {
      expect(ids).toEqual(calls[0]?.ids);
      expect(to).toEqual(calls[0]?.to);
    }
  }
}

describe.concurrent("messages that are at hand together", () => {
  test("leave in one call, and each has an outcome of its own", async () => {
    const one = await scenario();
    const ids = await one.postBatch(COUNT, DEDUP);
    await one.counts({ delivered: COUNT });
    expect(one.script.batches.map((batch) => batch.ids.toSorted())).toEqual([ids.toSorted()]);
    expect(await one.acceptances()).toEqual(once(ids));
    for (const email of await emails(one, ids)) expect(timesOf(email, "sent")).toBe(1);
  });

  test("one that the provider refuses is told apart from those it takes", async () => {
    const one = await scenario();
    const ids = await together(one, ["suppressed@sandbox.test", ...SOMEBODY]);
    const [refused = "", ...taken] = ids;
    await one.counts({ delivered: COUNT, suppressed: 1 });
    expect(one.script.batches.map((batch) => batch.ids.length)).toEqual([COUNT + 1]);
    expect(await one.acceptances()).toEqual(once(taken));
    expect(await one.sends(refused)).toBe(0);
  });

  test("of a source that takes one a call go one by one", async () => {
    const one = await scenario();
    await one.postBatch(COUNT, { stream: "dedup", on_unknown: "retry" });
    await one.counts({ delivered: COUNT });
    expect(one.script.batches).toEqual([]);
  });
});

describe.concurrent("a call whose answer is lost, where repeats are recognised", () => {
  test.each(["throw_after", "throw_before", "die_after"] as const)(
    "is repeated as it was, and every message is accepted once: %s",
    async (kind) => {
      const one = await scenario([{ point: "send", kind, times: 2 }]);
      const ids = await one.postBatch(COUNT, LATE);
      await one.counts({ delivered: COUNT });
      expect(one.script.batches.length).toBeGreaterThanOrEqual(2);
      expectIdentical(one);
      expect(await one.acceptances()).toEqual(once(ids));
      for (const email of await emails(one, ids)) {
        expect(timesOf(email, "unknown")).toBeGreaterThan(0);
      }
    },
  );

  test("and whose outcomes are lost ends with its lease, and is repeated", async () => {
    const one = await scenario([{ point: "settle", kind: "die_before" }]);
    const ids = await one.postBatch(COUNT, DEDUP);
    await one.counts({ delivered: COUNT });
    expectIdentical(one);
    expect(await one.acceptances()).toEqual(once(ids));
  });

  test("and whose outcomes arrive in part is repeated with those that are settled", async () => {
    const one = await scenario([
      { point: "settle", kind: "throw_before" },
      { point: "settle_by_journal", kind: "die_after", after: 3 },
    ]);
    const ids = await one.postBatch(COUNT, LATE);
    await one.counts({ delivered: COUNT });
    expect(one.script.batches.map((batch) => batch.ids.length)).toEqual([COUNT, COUNT]);
    expectIdentical(one);
    expect(await one.acceptances()).toEqual(once(ids));
    const all = await emails(one, ids);
    expect(all.filter((email) => timesOf(email, "unknown") === 0)).toHaveLength(4);
    const codes = all.flatMap(({ timeline }) => timeline.map(({ code }) => code));
    expect(codes).not.toContain("batch_incomplete");
  });

  test("survives the eviction of the Outbox that remembers it", async () => {
    const one = await scenario([{ point: "send", kind: "die_after" }]);
    const ids = await one.postBatch(COUNT, DEDUP);
    await until(
      () => one.script.batches.length,
      (length) => length > 0,
    );
    await one.evict();
    await one.counts({ delivered: COUNT });
    expectIdentical(one);
    expect(await one.acceptances()).toEqual(once(ids));
  });

  test("is repeated with the members whose fate their events have told by then", async () => {
    const one = await scenario();
    const [silent = "", ...others] = await together(one, ["timeout@sandbox.test", ...SOMEBODY]);
    await one.counts({ delivered: COUNT + 1 });
    expectIdentical(one);
    const [first, ...repeats] = one.script.batches.filter(({ ids }) => ids.includes(silent));
    expect(repeats.length).toBeGreaterThan(0);
    expect(first?.ids.length).toBeGreaterThan(1);
    expect(await one.acceptances()).toEqual(once([silent, ...others]));
  });

  test("is not repeated where unknowns are held: its events settle it", async () => {
    const one = await scenario([{ point: "send", kind: "throw_after" }]);
    const ids = await one.postBatch(COUNT, { ...DEDUP, on_unknown: "hold" });
    await one.counts({ delivered: COUNT });
    expect(one.script.batches).toHaveLength(1);
    expect(await one.acceptances()).toEqual(once(ids));
  });
});

describe.concurrent("where neither repeats are recognised nor records can be asked", () => {
  test("mail that is repeated goes one by one: one lost answer doubts one message", async () => {
    const one = await scenario([{ point: "send", kind: "throw_before" }]);
    const ids = await one.postBatch(COUNT, PLAIN);
    await one.counts({ delivered: COUNT });
    expect(one.script.batches).toEqual([]);
    expect(await one.acceptances()).toEqual(once(ids));
    const doubted = (await emails(one, ids)).filter((email) => timesOf(email, "unknown") > 0);
    expect(doubted).toHaveLength(1);
  });

  test("mail that is held shares a call, is never repeated, and settled by events", async () => {
    const one = await scenario([{ point: "send", kind: "throw_after" }]);
    const ids = await one.postBatch(COUNT, { ...PLAIN, on_unknown: "hold" });
    await one.counts({ delivered: COUNT });
    expect(one.script.batches).toHaveLength(1);
    expect(await one.acceptances()).toEqual(once(ids));
  });
});

describe.concurrent("a call of several under faults at every point", () => {
  test.each(["claim", "settle", "peek", "offer"] as const)(
    "%s fails before and after it took effect",
    async (point) => {
      const one = await scenario([
        { point, kind: "throw_after" },
        { point, kind: "throw_before", after: 1 },
        { point, kind: "die_after", after: 2 },
      ]);
      const ids = await one.postBatch(COUNT, DEDUP);
      await one.counts({ delivered: COUNT });
      expectIdentical(one);
      expect(await one.acceptances()).toEqual(once(ids));
    },
  );
});
