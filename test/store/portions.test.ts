import fc from "fast-check";
import { expect, test } from "vitest";
import { portionsOf } from "../../src/store/portions.ts";

test("all rows, in their order, in arrays of at most half a million characters or one row", () => {
  const row = fc.integer({ min: 1, max: 300_000 }).map((size) => JSON.stringify("x".repeat(size)));
  fc.assert(
    fc.property(fc.array(row, { maxLength: 12 }), (rows) => {
      const portions = portionsOf(rows);
      expect(portions.flatMap((one) => JSON.parse(one) as string[])).toEqual(
        rows.map((one) => JSON.parse(one)),
      );
      for (const one of portions) expect(one.length).toBeLessThanOrEqual(500_020);
    }),
    { numRuns: 50 },
  );
});

test("no rows make no portion, and as few as hold them otherwise", () => {
  expect(portionsOf([])).toEqual([]);
  expect(portionsOf(Array.from({ length: 1_000 }, (_, n) => String(n)))).toHaveLength(1);
});
