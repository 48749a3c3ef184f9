import { describe, expect, test } from "vitest";
import type { Restricted } from "../../src/core/guard.ts";
import { PAUSED_WAIT_MAX_MS, restraint } from "../../src/deliver/guard.ts";
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

  test("holds up no repeat of what may have left, and nothing without a recipient", () => {
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
