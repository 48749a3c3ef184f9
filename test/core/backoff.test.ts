import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs } from "../../src/core/backoff.ts";

const backoffs = fc.record({
  firstMs: fc.integer({ min: 1, max: 10_000 }),
  maxMs: fc.integer({ min: 10_000, max: 3_600_000 }),
});
const failures = fc.integer({ min: 1, max: 5_000 });
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("a wait is never under half of its step and never above the cap", () => {
  fc.assert(
    fc.property(backoffs, failures, random, (backoff, count, spread) => {
      const waitMs = backoffMs(backoff, count, spread);
      expect(Number.isSafeInteger(waitMs)).toBe(true);
      expect(waitMs).toBeLessThanOrEqual(backoff.maxMs);
      const full = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(count - 1, 60));
      expect(waitMs).toBeGreaterThanOrEqual(Math.floor(full / 2));
    }),
  );
});

test("it doubles until it reaches the cap and stays there", () => {
  const backoff = { firstMs: 100, maxMs: 1_000 };
  const waits = [1, 2, 3, 4, 5, 6, 400].map((count) => backoffMs(backoff, count, 0));
  expect(waits).toEqual([50, 100, 200, 400, 500, 500, 500]);
});

test("what failed together does not come back together", () => {
  const backoff = { firstMs: 1_000, maxMs: 60_000 };
  const waits = [0, 0.25, 0.5, 0.75].map((spread) => backoffMs(backoff, 3, spread));
  expect(waits).toEqual([2_000, 2_500, 3_000, 3_500]);
});
