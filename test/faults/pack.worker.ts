/** Packs of pointers: lost, delivered twice, half done; and a sender that outlives its lease. */
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { LaneMessage } from "../../src/deliver/ports.ts";
import { scriptOf } from "../support/worker/faults.ts";
import { LEASE_MS } from "../support/worker/faults-config.ts";
import { invokeLane } from "../support/worker/faults-entry.ts";
import {
  COMBINATIONS,
  type Email,
  expectSends,
  pause,
  type Scenario,
  scenario,
  timesOf,
  until,
} from "../support/worker/faults-kit.ts";

/** A queue's message that counts how it is answered. */
function queued(body: unknown): LaneMessage & { readonly acked: number } {
  const message = { body, attempts: 1, acked: 0, ack: () => void message.acked++, retry: () => {} };
  return message;
}

/** Takes the next pack from the hands of the queue. */
async function nextPack(one: Scenario) {
  await until(
    () => one.script.handed.length,
    (length) => length > 0,
  );
  const pack = one.script.handed.shift();
  if (pack === undefined) throw new Error("a pack was there");
  return pack;
}

const readAll = (one: Scenario, ids: readonly string[]): Promise<Email[]> =>
  Promise.all(ids.map((id) => one.read(id)));

const PACK = 100;

/**
 * In doubt when a consumer dies: what it was sending, and one group of outcomes it was about to
 * settle.
 */
const IN_DOUBT_MAX = 16 + 32;

describe("a consumer that dies in the middle of a pack of 100", () => {
  test.each(COMBINATIONS)("on $stream with $on_unknown", async (fields) => {
    const one = await scenario([{ point: "send", kind: "die_after", after: 36 }]);
    const ids = await one.postBatch(PACK, fields);
    await one.settled(PACK);
    const sends = await one.acceptances();
    const sent = Object.keys(sends).length;
    await one.counts({ delivered: sent, unknown: PACK - sent });
    const emails = await readAll(one, ids);
    for (const [index, email] of emails.entries()) {
      expectSends(fields, sends[ids[index] ?? ""] ?? 0, email);
    }
    const doubtful = emails.filter((email) => timesOf(email, "unknown") > 0).length;
    expect(doubtful).toBeGreaterThan(0);
    expect(doubtful).toBeLessThanOrEqual(IN_DOUBT_MAX);
  });
});

describe("the same pack delivered to two invocations at once", () => {
  test.each(COMBINATIONS)("sends once: $stream, $on_unknown", async (fields) => {
    const one = await scenario(scriptOf([], () => true));
    const ids = await one.postBatch(PACK, fields);
    await one.counts({ delivered: PACK });
    expect(one.script.passed.get("peek")).toBeGreaterThanOrEqual(2);
    expect(await one.acceptances()).toEqual(Object.fromEntries(ids.map((id) => [id, 1])));
    expect([...one.script.calls.values()].every((calls) => calls === 1)).toBe(true);
    for (const email of await readAll(one, ids)) expect(timesOf(email, "unknown")).toBe(0);
  });
});

describe.concurrent("the same pack twice in one batch", () => {
  test.each(COMBINATIONS)("sends once: $stream, $on_unknown", async (fields) => {
    const one = await scenario();
    one.script.handOver = true;
    const ids = await one.postBatch(3, fields);
    const pack = await nextPack(one);
    const messages = [queued(pack), queued(structuredClone(pack))];
    await invokeLane(env, one.scope, messages);
    expect(messages.map((message) => message.acked)).toEqual([1, 1]);
    await one.counts({ delivered: 3 });
    expect([...one.script.calls.values()]).toEqual([1, 1, 1]);
    expect(await one.acceptances()).toEqual(Object.fromEntries(ids.map((id) => [id, 1])));
  });
});

describe.concurrent("a pack that comes again after its work is done", () => {
  test.each(COMBINATIONS)("does nothing: $stream, $on_unknown", async (fields) => {
    const one = await scenario();
    one.script.handOver = true;
    const id = await one.post(fields);
    const pack = await nextPack(one);
    await invokeLane(env, one.scope, [queued(pack)]);
    await one.counts({ delivered: 1 });
    const before = await one.read(id);
    const again = queued(pack);
    await invokeLane(env, one.scope, [again]);
    expect(again.acked).toBe(1);
    expect(await one.read(id)).toEqual(before);
    expect(await one.sends(id)).toBe(1);
  });
});

test.concurrent("a pack that the queue loses is packed again, though nobody asks", async () => {
  const one = await scenario();
  one.script.handOver = true;
  const id = await one.post({ stream: "plain", on_unknown: "hold" });
  await nextPack(one);
  one.script.handOver = false;
  await until(
    () => one.script.passed.get("settle") ?? 0,
    (settled) => settled > 0,
    5_000,
  );
  await one.counts({ delivered: 1 });
  expect(timesOf(await one.read(id), "unknown")).toBe(0);
  expect(await one.sends(id)).toBe(1);
});

describe.concurrent("a lease that runs out while its sender still lives", () => {
  const terms = [
    { stream: "dedup-late", on_unknown: "retry", sends: 1 },
    { stream: "dedup-late", on_unknown: "hold", sends: 1 },
    { stream: "plain-late", on_unknown: "retry", sends: 2 },
    { stream: "plain-late", on_unknown: "hold", sends: 1 },
  ] as const;

  test.each(terms)("$stream, $on_unknown: the late settle is nothing", async (one) => {
    const { sends, ...fields } = one;
    const account = await scenario([
      { point: "send", kind: "stall" },
      { point: "renew", kind: "throw_before", times: 1_000 },
    ]);
    const { script, scope } = account;
    script.handOver = true;
    const id = await account.post(fields);
    const first = invokeLane(env, scope, [queued(await nextPack(account))]);
    await until(
      () => account.read(id),
      (email) => timesOf(email, "unknown") > 0,
      2 * LEASE_MS + 2_000,
    );
    if (fields.on_unknown === "retry") {
      // A pack that waited here too long is passed over, and another one follows.
      while (timesOf(await account.read(id), "sent") === 0) {
        await invokeLane(env, scope, [queued(await nextPack(account))]);
      }
    }
    await account.settled(1);
    const before = await account.read(id);
    const held = await account.outbox().read(id);
    script.released = 1;
    expect(await first).toBe(true);
    expect(script.passed.get("settle")).toBeGreaterThanOrEqual(1);
    await pause(200);
    expect((await account.outbox().read(id))?.rev).toBe(held?.rev);
    expect(await account.read(id)).toEqual(before);
    await account.counts({ delivered: 1 });
    expect(await account.sends(id)).toBe(sends);
    expect(timesOf(await account.read(id), "unknown")).toBe(1);
  });

  test("leaves the claim of the next sender alone", async () => {
    const one = await scenario([
      { point: "send", kind: "stall", times: 2 },
      { point: "renew", kind: "throw_before", times: 1_000 },
    ]);
    one.script.handOver = true;
    const id = await one.post({ stream: "plain-late", on_unknown: "retry" });
    const invocations = [invokeLane(env, one.scope, [queued(await nextPack(one))])];
    while (one.script.stalled < 2) {
      if (one.script.handed.length === 0) await pause(20);
      else invocations.push(invokeLane(env, one.scope, [queued(await nextPack(one))]));
    }
    const claimed = await one.outbox().read(id);
    expect(claimed?.phase).toBe("claimed");
    one.script.released = 1;
    expect(await invocations[0]).toBe(true);
    expect(one.script.passed.get("settle")).toBe(1);
    expect(await one.outbox().read(id)).toEqual(claimed);
    one.script.released = 2;
    await Promise.all(invocations);
    await one.counts({ delivered: 1 });
    const email = await one.read(id);
    expect(timesOf(email, "unknown")).toBe(1);
    expect(email.timeline.find((entry) => entry.type === "sent")?.attempt).toBe(2);
    expect(await one.sends(id)).toBe(2);
  });

  test("does not run out while the sender can renew it", async () => {
    const one = await scenario([{ point: "send", kind: "stall" }]);
    one.script.handOver = true;
    const id = await one.post({ stream: "plain", on_unknown: "hold" });
    const sending = invokeLane(env, one.scope, [queued(await nextPack(one))]);
    await pause(2 * LEASE_MS + 500);
    expect(timesOf(await one.read(id), "unknown")).toBe(0);
    one.script.released = 1;
    expect(await sending).toBe(true);
    await one.counts({ delivered: 1 });
    expect(timesOf(await one.read(id), "unknown")).toBe(0);
    expect(one.script.calls.get(id)).toBe(1);
  });
});
