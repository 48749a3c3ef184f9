/** The Outbox is evicted, and the queues refuse what it sends. */
import { abortAllDurableObjects, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import {
  COMBINATIONS,
  expectSends,
  pause,
  type Scenario,
  scenario,
  timesOf,
  until,
} from "../support/worker/faults-kit.ts";

const passes = (one: Scenario, point: Parameters<Scenario["script"]["passed"]["get"]>[0]) =>
  until(
    () => one.script.passed.get(point) ?? 0,
    (times) => times > 0,
  );

describe.concurrent("a queue that refuses", () => {
  test.each(COMBINATIONS)("packs delays only: $stream, $on_unknown", async (fields) => {
    const one = await scenario([{ point: "send_packs", kind: "throw_before", times: 4 }]);
    const first = await one.post(fields);
    const ids = [first, ...(await one.postBatch(20, fields))];
    // Accepted, and readable, while nothing leaves.
    expect(await one.read(first)).toMatchObject({ last_event: "queued" });
    await one.counts({ delivered: ids.length });
    expect(one.script.struck).toHaveLength(4);
    expect(await one.acceptances()).toEqual(Object.fromEntries(ids.map((id) => [id, 1])));
    for (const id of ids) expect(timesOf(await one.read(id), "unknown")).toBe(0);
  });

  test("packs that it took all the same sends once", async () => {
    const one = await scenario([{ point: "send_packs", kind: "throw_after", times: 3 }]);
    const ids = await one.postBatch(20, { stream: "plain", on_unknown: "hold" });
    await one.counts({ delivered: 20 });
    expect(await one.acceptances()).toEqual(Object.fromEntries(ids.map((id) => [id, 1])));
  });

  test.each(["throw_before", "throw_after"] as const)(
    "the journal's messages: %s",
    async (kind) => {
      const one = await scenario([{ point: "send_journal", kind, times: 3 }]);
      const ids = await one.postBatch(20, { stream: "plain", on_unknown: "hold" });
      await one.counts({ delivered: 20 });
      expect(one.script.struck.length).toBeGreaterThanOrEqual(1);
      for (const id of ids) {
        const email = await one.read(id);
        const told = email.timeline.map((entry) => entry.type).sort();
        expect(told).toEqual(["accepted", "delivered", "sent"]);
      }
    },
  );
});

describe.concurrent("an Outbox that is evicted between accept and dispatch", () => {
  test.each(COMBINATIONS)("sends once: $stream, $on_unknown", async (fields) => {
    const one = await scenario([{ point: "send_packs", kind: "throw_before" }]);
    const ids = await one.postBatch(10, fields);
    await passes(one, "send_packs");
    await one.evict();
    await one.counts({ delivered: 10 });
    expect(await one.acceptances()).toEqual(Object.fromEntries(ids.map((id) => [id, 1])));
    for (const id of ids) expect(timesOf(await one.read(id), "unknown")).toBe(0);
  });

  test("is woken by its alarm, though nobody asks", async () => {
    const one = await scenario([{ point: "send_packs", kind: "throw_before" }]);
    const id = await one.post({ stream: "plain", on_unknown: "hold" });
    await passes(one, "send_packs");
    await one.evict();
    expect(await runDurableObjectAlarm(one.outbox())).toBe(true);
    await passes(one, "settle");
    await one.counts({ delivered: 1 });
    expect(await one.sends(id)).toBe(1);
  });

  test("passes over the pack of its earlier life", async () => {
    const one = await scenario();
    one.script.handOver = true;
    const ids = await one.postBatch(10, { stream: "plain", on_unknown: "hold" });
    await until(
      () => one.script.handed.length,
      (length) => length > 0,
    );
    const [old] = one.script.handed;
    if (old === undefined) throw new Error("a pack was there");
    await one.evict();
    expect(await one.outbox().peek(old)).toEqual([]);
    one.script.handOver = false;
    await one.counts({ delivered: 10 });
    expect(await one.acceptances()).toEqual(Object.fromEntries(ids.map((id) => [id, 1])));
  });
});

describe.concurrent("an Outbox that is evicted between claim and settle", () => {
  test.each(COMBINATIONS)(
    "settles under the claim's token: $stream, $on_unknown",
    async (fields) => {
      const one = await scenario([{ point: "send", kind: "stall" }]);
      const id = await one.post(fields);
      await passes(one, "send");
      await one.evict();
      one.script.released = 1;
      await one.counts({ delivered: 1 });
      expect(timesOf(await one.read(id), "unknown")).toBe(0);
      expect(await one.sends(id)).toBe(1);
    },
  );

  test.each(COMBINATIONS)(
    "says unknown when the sender died as well: $stream, $on_unknown",
    async (fields) => {
      const one = await scenario([{ point: "send", kind: "die_after" }]);
      const id = await one.post(fields);
      await passes(one, "send");
      await one.evict();
      await one.counts({ delivered: 1 });
      const email = await one.read(id);
      expect(timesOf(email, "unknown")).toBeGreaterThan(0);
      expectSends(fields, await one.sends(id), email);
    },
  );
});

describe.concurrent("an Outbox that is evicted after settle", () => {
  test("journals again what was not confirmed", async () => {
    const one = await scenario([{ point: "send_journal", kind: "throw_before" }]);
    const id = await one.post({ stream: "plain", on_unknown: "hold" });
    await passes(one, "send_journal");
    await one.evict();
    await one.counts({ delivered: 1 });
    expect(await one.sends(id)).toBe(1);
  });

  test("keeps its books, and what it holds as unknown", async () => {
    const one = await scenario([{ point: "claim", kind: "die_after" }]);
    await one.post({ stream: "plain", on_unknown: "hold" });
    await one.counts({ unknown: 1 });
    await one.post({ stream: "plain", on_unknown: "hold" });
    await one.counts({ unknown: 1, delivered: 1 });
    await one.evict();
    await one.counts({ unknown: 1, delivered: 1 });
  });
});

test("every object aborted in the middle of the work: the ledger balances", async () => {
  const all = await Promise.all(
    COMBINATIONS.map(async (fields) => {
      const one = await scenario();
      return { one, fields, ids: await one.postBatch(30, fields) };
    }),
  );
  await pause(60);
  await abortAllDurableObjects();
  for (const { one, fields, ids } of all) {
    await one.settled(30);
    const sends = await one.acceptances();
    const sent = Object.keys(sends).length;
    await one.counts({ delivered: sent, unknown: 30 - sent });
    for (const id of ids) expectSends(fields, sends[id] ?? 0, await one.read(id));
  }
});
