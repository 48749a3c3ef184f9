import { expect, test } from "vitest";
import { DEMAND_HALF_LIFE_MS, expectedAsks, fadedDemand } from "../../src/core/demand.ts";

const NOW = 1_900_000_000_000;
const HOUR_MS = 3_600_000;

test("an ask weighs half as much a day later", () => {
  expect(fadedDemand(10, NOW, NOW)).toBe(10);
  expect(fadedDemand(10, NOW, NOW + DEMAND_HALF_LIFE_MS)).toBe(5);
  expect(fadedDemand(10, NOW, NOW + 3 * DEMAND_HALF_LIFE_MS)).toBe(1.25);
});

test("of a domain that is asked for once an hour one ask an hour is expected", () => {
  let demand = 0;
  for (let hour = 0; hour < 24 * 30; hour++) {
    demand = 1 + fadedDemand(demand, NOW, NOW + HOUR_MS);
  }
  expect(expectedAsks(demand, HOUR_MS)).toBeCloseTo(1, 1);
});
