/** Warming, counting and cache together, in the simulated day of the bench. */
import { expect, test } from "vitest";
import { simulateCache, TRAFFIC } from "../bench/verify-cache.ts";

const HALF_A_DAY = { ...TRAFFIC, hours: 12 };

test("warming spares waiting, at less than three lookups for each", async () => {
  const { without_warming: cold, with_warming: warmed } = await simulateCache(HALF_A_DAY);
  expect(warmed.verifications).toBe(cold.verifications);
  expect(warmed.hit_ratio).toBeGreaterThan(cold.hit_ratio + 0.04);
  expect(warmed.known_ratio).toBeGreaterThan(cold.known_ratio + 0.04);
  expect(cold.lookups_ahead).toBe(0);
  const spared = cold.lookups_waited_for - warmed.lookups_waited_for;
  expect(spared).toBeGreaterThan(0);
  expect(warmed.lookups_ahead).toBeLessThan(3 * spared);
  expect(warmed.demand_rows_per_1000).toBeLessThan(130);
});

test("the same seed gives the same day", async () => {
  const hour = { ...TRAFFIC, hours: 3 };
  expect(await simulateCache(hour)).toEqual(await simulateCache(hour));
  const other = await simulateCache({ ...hour, seed: 6 });
  expect(other).not.toEqual(await simulateCache(hour));
});
