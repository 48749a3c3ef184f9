import fc from "fast-check";
import { expect, test } from "vitest";
import {
  DISABLE_AFTER_MS,
  DISABLE_EXHAUSTED,
  DISABLE_FAILS,
  nextAttempt,
  pauseUntil,
  persistent,
  RETRY_AFTER_MAX_MS,
  retryAfterMs,
  SCHEDULE_MS,
} from "../../../src/feedback/webhooks-out/schedule.ts";

const NOW = 1_800_000_000_000;
const S = 1_000;
const H = 3_600 * S;
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("the schedule is the standard's: at once, seconds, minutes, hours, a day", () => {
  const waits = SCHEDULE_MS.map((_, step) => (nextAttempt(step, NOW, 0, null) ?? 0) - NOW);
  expect(waits).toEqual([
    0,
    5 * S,
    300 * S,
    1_800 * S,
    2 * H,
    5 * H,
    10 * H,
    14 * H,
    20 * H,
    24 * H,
  ]);
  expect(nextAttempt(10, NOW, 0, null)).toBeNull();
});

test("chance shortens a wait by a tenth at most, and no wait is beyond a queue's day", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), random, (step, chance) => {
      const wait = (nextAttempt(step, NOW, chance, null) ?? 0) - NOW;
      const base = SCHEDULE_MS[step] ?? 0;
      expect(wait).toBeLessThanOrEqual(base);
      expect(wait).toBeGreaterThanOrEqual(base * 0.9 - 1);
      expect(wait).toBeLessThanOrEqual(24 * H);
    }),
  );
});

test("what the endpoint asks for is waited for, up to the bound, and never shortens a wait", () => {
  const steps = fc.integer({ min: 1, max: 9 });
  const asks = fc.oneof(fc.integer({ min: 0, max: 10 * H }), fc.constant(null));
  expect(nextAttempt(1, NOW, 0.9, 600 * S)).toBeGreaterThanOrEqual(NOW + 600 * S);
  fc.assert(
    fc.property(steps, asks, random, (step, asked, chance) => {
      const wait = (nextAttempt(step, NOW, chance, asked) ?? 0) - NOW;
      const plain = (nextAttempt(step, NOW, chance, null) ?? 0) - NOW;
      expect(wait).toBeGreaterThanOrEqual(plain);
      expect(wait).toBeGreaterThanOrEqual(Math.min(asked ?? 0, RETRY_AFTER_MAX_MS));
      expect(wait).toBeLessThanOrEqual(Math.max(plain, RETRY_AFTER_MAX_MS * 1.1 + 1));
    }),
  );
});

test("Retry-After is read as seconds or a date, and anything else is not there", () => {
  expect(retryAfterMs("120", NOW)).toBe(120_000);
  expect(retryAfterMs(" 0 ", NOW)).toBe(0);
  expect(retryAfterMs(new Date(NOW + 60_000).toUTCString(), NOW)).toBe(60_000);
  expect(retryAfterMs(new Date(NOW - 60_000).toUTCString(), NOW)).toBeNull();
  for (const junk of [null, "", "soon", "-5", "1.5", "1e9", "99999999999", "2026-11-22"]) {
    expect(retryAfterMs(junk, NOW), String(junk)).toBeNull();
  }
});

test("an overloaded endpoint rests at once, a silent one the second time, others never", () => {
  const rest = (status: number, fails: number, asked: number | null = null) =>
    pauseUntil({ status, retryAfterMs: asked }, fails, NOW, 0.5);
  for (const status of [429, 502, 503, 504]) expect(rest(status, 1)).toBeGreaterThan(NOW);
  for (const status of [400, 401, 404, 500, 301]) expect(rest(status, 30)).toBeNull();
  expect(rest(0, 1)).toBeNull();
  expect(rest(0, 2)).toBeGreaterThan(NOW);
  expect(rest(429, 1, 120_000)).toBe(NOW + 120_000);
  expect(rest(429, 1, 10 ** 12)).toBe(NOW + RETRY_AFTER_MAX_MS);
  // A 500 with Retry-After is about one event.
  expect(rest(500, 1, 120_000)).toBeNull();
});

test("a rest grows with failures and stays below a quarter of an hour", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), random, (fails, chance) => {
      const until = (n: number) =>
        (pauseUntil({ status: 503, retryAfterMs: null }, n, NOW, chance) ?? 0) - NOW;
      expect(until(fails + 1)).toBeGreaterThanOrEqual(until(fails));
      expect(until(fails)).toBeLessThanOrEqual(15 * 60_000);
    }),
  );
});

test("switched off is who fails for five days and has lost several events or many attempts", () => {
  const since = NOW - DISABLE_AFTER_MS;
  const lost = { fails: 30, exhausted: DISABLE_EXHAUSTED, failingSince: since };
  expect(persistent(lost, NOW)).toBe(true);
  expect(persistent({ ...lost, exhausted: 0, fails: DISABLE_FAILS }, NOW)).toBe(true);
  expect(persistent({ ...lost, failingSince: since + 1 }, NOW)).toBe(false);
  expect(persistent({ ...lost, exhausted: DISABLE_EXHAUSTED - 1 }, NOW)).toBe(false);
  expect(persistent({ ...lost, failingSince: null }, NOW)).toBe(false);
});
