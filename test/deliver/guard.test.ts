import { describe, expect, test } from "vitest";
import type { Restricted } from "../../src/core/guard.ts";
import {
  createGuardReader,
  GUARD_FRESH_MS,
  PAUSED_WAIT_MAX_MS,
  restraint,
} from "../../src/deliver/guard.ts";
import { addressee, headOf } from "./messages.ts";

const NOW = 1_000_000;
const STREAM = "stream/acme/news/example.com";
const SOURCE = "source/s1";

const planned = (lane: "broadcast" | "transactional", given: object = {}) => {
  const { envelope, ...head } = headOf([addressee("to", "ann")]);
  const mine = { ...envelope, lane, stream: "news", fromDomain: "example.com" };
  const fresh = { frozenSource: null, batch: null, fresh: true, onUnknown: "hold" } as const;
  const peeked = { id: "m", head: "", numbers: [0], ...fresh, ...given };
  const ref = { account: "acme", shard: 0 };
  return { ref, head: { ...head, envelope: mine }, peeked, source: "s1" };
};

const levels = (...rows: readonly [string, Restricted["level"], number?][]) =>
  new Map(rows.map(([scope, level, until = 0]) => [scope, { scope, level, until }]));

const deps = { now: () => NOW, slowPerMinute: { transactional: 600, broadcast: 50 } };
const FREE = { waitMs: null, slow: [] };

describe("a pause", () => {
  test.each([STREAM, SOURCE])("of %s holds broadcasts and slows transactional mail", (scope) => {
    const guarded = levels([scope, "paused", NOW + 5_000]);
    expect(restraint(planned("broadcast"), guarded, deps)).toEqual({ waitMs: 5_000, slow: [] });
    expect(restraint(planned("transactional"), guarded, deps)).toEqual({
      waitMs: null,
      slow: [{ key: `transactional ${scope}`, perMinute: 600 }],
    });
  });

  test("is looked at again in time to notice that somebody ended it", () => {
    const guarded = levels([SOURCE, "paused", NOW + 10 * PAUSED_WAIT_MAX_MS]);
    expect(restraint(planned("broadcast"), guarded, deps).waitMs).toBe(PAUSED_WAIT_MAX_MS);
  });

  test("that is over slows, whether or not the cron has been there", () => {
    const guarded = levels([STREAM, "paused", NOW]);
    expect(restraint(planned("broadcast"), guarded, deps)).toEqual({
      waitMs: null,
      slow: [{ key: `broadcast ${STREAM}`, perMinute: 50 }],
    });
  });

  test("holds up no other account, stream, domain or source", () => {
    const guarded = levels(
      ["stream/other/news/example.com", "paused", NOW + 9],
      ["stream/acme~test/news/example.com", "paused", NOW + 9],
      ["stream/acme/other/example.com", "paused", NOW + 9],
      ["stream/acme/news/example.org", "paused", NOW + 9],
      ["source/s2", "paused", NOW + 9],
    );
    expect(restraint(planned("broadcast"), guarded, deps)).toEqual(FREE);
  });

  test("holds up no repeat of an attempt that may have left, and nobody without a recipient", () => {
    const guarded = levels([STREAM, "paused", NOW + 9], [SOURCE, "slowed"]);
    expect(restraint(planned("broadcast", { frozenSource: "s1" }), guarded, deps)).toEqual(FREE);
    expect(restraint({ ...planned("broadcast"), source: null }, guarded, deps)).toEqual(FREE);
  });
});

test("mail of a slowed stream by a slowed source keeps to both rates", () => {
  const guarded = levels([STREAM, "probation"], [SOURCE, "slowed"]);
  expect(restraint(planned("broadcast"), guarded, deps).slow.map((one) => one.key)).toEqual([
    `broadcast ${STREAM}`,
    `broadcast ${SOURCE}`,
  ]);
});

describe("the guard as an isolate knows it", () => {
  const row: Restricted = { scope: SOURCE, level: "slowed", until: 0 };
  const world = (read: () => Promise<readonly Restricted[]>) => {
    const clock = { now: NOW };
    const seen = { reads: 0, logged: [] as string[] };
    const reader = createGuardReader({
      now: () => clock.now,
      sleep: () => new Promise((resolve) => setTimeout(resolve, 5)),
      limitMs: 250,
      read: () => {
        seen.reads += 1;
        return read();
      },
      log: (event) => void seen.logged.push(event),
    });
    return { reader, clock, seen };
  };

  test("is read once in ten seconds", async () => {
    const { reader, clock, seen } = world(async () => [row]);
    expect([...(await reader()).keys()]).toEqual([SOURCE]);
    clock.now += GUARD_FRESH_MS - 1;
    await Promise.all([reader(), reader()]);
    expect(seen.reads).toBe(1);
    clock.now += 1;
    await Promise.all([reader(), reader()]);
    expect(seen.reads).toBe(2);
  });

  test("is the last known when the database is down, and says so in the log", async () => {
    let fails = false;
    const { reader, clock, seen } = world(() =>
      fails ? Promise.reject(new Error("D1 DB is overloaded")) : Promise.resolve([row]),
    );
    await reader();
    fails = true;
    clock.now += GUARD_FRESH_MS;
    expect((await reader()).has(SOURCE)).toBe(true);
    expect(seen.logged).toEqual(["guard_unavailable"]);
  });

  test("is nothing when the database never answered, and what comes late is for later", async () => {
    let answer: (rows: Restricted[]) => void = () => {};
    const { reader, seen } = world(() => new Promise((resolve) => (answer = resolve)));
    expect((await reader()).size).toBe(0);
    expect((await reader()).size).toBe(0);
    expect(seen.reads).toBe(1);
    answer([row]);
    await Promise.resolve();
    expect((await reader()).has(SOURCE)).toBe(true);
  });

  test("is asked for by everybody who comes before anything is known", async () => {
    const { reader } = world(async () => [row]);
    const all = await Promise.all([reader(), reader()]);
    expect(all.map((one) => one.has(SOURCE))).toEqual([true, true]);
  });
});
