import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Lane } from "../../src/core/custody.ts";
import { BROADCAST_RESERVE, type OfferItem, Pace } from "../../src/core/pace.ts";

const NOW = 1_800_000_000_000;
const MINUTE_MS = 60_000;

const item = (site = "a.example", lane: Lane = "transactional", count = 1): OfferItem => ({
  lane,
  calls: 1,
  sites: { [site]: count },
});

/** Offers one item again and again as a patient sender does; answers the times of its grants. */
function drive(pace: Pace, asked: OfferItem, untilMs: number, from = NOW): number[] {
  const grants: number[] = [];
  let now = from;
  while (now < from + untilMs) {
    const [grant] = pace.offer([asked], now);
    if (grant?.granted === true) grants.push(now);
    else now = Math.max(now + 1, grant?.notBefore ?? now + 1);
  }
  return grants;
}

function granted(pace: Pace, asked: OfferItem, now: number): number {
  let count = 0;
  while (count < 10_000 && pace.offer([asked], now)[0]?.granted === true) count += 1;
  return count;
}

describe("a rate is kept", () => {
  test("without limits everything is granted at once", () => {
    expect(granted(new Pace({ sites: {} }, NOW), item(), NOW)).toBe(10_000);
  });

  test("no window of time sees more requests than the rate and a tenth of a second's worth", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), (requestsPerSecond) => {
        const pace = new Pace({ requestsPerSecond, sites: {} }, NOW);
        const times = drive(pace, item(), 5_000);
        const burst = Math.max(1, Math.floor(requestsPerSecond * 0.1));
        expect(times.length).toBeLessThanOrEqual(5 * requestsPerSecond + burst);
        // A patient sender gets nearly all of the rate: it loses the fraction of a millisecond per
        // try.
        expect(times.length).toBeGreaterThan(4 * requestsPerSecond);
      }),
      { numRuns: 40 },
    );
  });

  test("recipients count where the API counts recipients", () => {
    const pace = new Pace({ recipientsPerSecond: 100, sites: {} }, NOW);
    const times = drive(pace, item("a.example", "transactional", 10), 10_000);
    expect(times.length * 10).toBeGreaterThanOrEqual(1_000);
    expect(times.length * 10).toBeLessThanOrEqual(1_020);
  });

  test("a site's budget holds for that site and for no other", () => {
    const sites = { "a.example": { perMinute: 60, burst: 5 } };
    const pace = new Pace({ sites }, NOW - MINUTE_MS);
    expect(granted(pace, item("b.example"), NOW)).toBe(10_000);
    const times = drive(pace, item(), 10 * MINUTE_MS);
    expect(times.length).toBeLessThanOrEqual(605);
    expect(times.length).toBeGreaterThanOrEqual(604);
  });
});

describe("a broadcast leaves the last fifth of a budget", () => {
  const sites = { "a.example": { perMinute: 60, burst: 100 } };

  test("of a full budget it takes four fifths; urgent mail takes the rest at once", () => {
    const pace = new Pace({ sites }, NOW - 10 * MINUTE_MS);
    expect(granted(pace, item("a.example", "broadcast"), NOW)).toBe(100 * (1 - BROADCAST_RESERVE));
    expect(granted(pace, item(), NOW)).toBe(100 * BROADCAST_RESERVE);
  });

  test("while broadcasts take all they can, urgent mail never finds less than that fifth", () => {
    const pace = new Pace({ sites }, NOW - 10 * MINUTE_MS);
    drive(pace, item("a.example", "broadcast"), 5 * MINUTE_MS);
    expect(granted(pace, item(), NOW + 5 * MINUTE_MS)).toBeGreaterThanOrEqual(20);
  });

  test("the reserve costs no rate: over time a broadcast gets all of the budget", () => {
    const pace = new Pace({ sites }, NOW - 10 * MINUTE_MS);
    const times = drive(pace, item("a.example", "broadcast"), 10 * MINUTE_MS);
    expect(times.length).toBeGreaterThanOrEqual(679);
    expect(times.length).toBeLessThanOrEqual(681);
  });
});

describe("a message to several sites", () => {
  const sites = {
    "a.example": { perMinute: 60, burst: 2 },
    "b.example": { perMinute: 60, burst: 10 },
  };
  const both = {
    lane: "transactional",
    calls: 1,
    sites: { "a.example": 1, "b.example": 1 },
  } as const;

  test("takes from all of them or from none", () => {
    const pace = new Pace({ requestsPerSecond: 1_000, sites }, NOW - MINUTE_MS);
    expect(granted(pace, both, NOW)).toBe(2);
    for (let i = 0; i < 50; i++) expect(pace.offer([both], NOW)[0]?.granted).toBe(false);
    expect(granted(pace, item("b.example"), NOW)).toBe(8);
  });

  test("a refund gives back all that it took", () => {
    const pace = new Pace({ sites }, NOW - MINUTE_MS);
    expect(granted(pace, both, NOW)).toBe(2);
    pace.refund(both, NOW);
    expect(granted(pace, both, NOW)).toBe(1);
    expect(granted(pace, item("b.example"), NOW)).toBe(8);
  });

  test("it waits for the slowest of them", () => {
    const slow = { ...sites, "b.example": { perMinute: 1, burst: 1 } };
    const pace = new Pace({ sites: slow }, NOW - MINUTE_MS);
    expect(granted(pace, both, NOW)).toBe(1);
    expect(pace.offer([both], NOW)).toEqual([{ granted: false, notBefore: NOW + MINUTE_MS }]);
  });
});

describe("those who wait", () => {
  test("are told times apart, in their order, as the budget will have room for them", () => {
    const sites = { "a.example": { perMinute: 60, burst: 1 } };
    const pace = new Pace({ sites }, NOW);
    const grants = pace.offer(
      Array.from({ length: 5 }, () => item()),
      NOW,
    );
    expect(grants).toEqual([
      { granted: true },
      ...[1, 2, 3, 4].map((n) => ({ granted: false, notBefore: NOW + n * 1_000 })),
    ]);
  });

  test("find room when they come back at their times", () => {
    const sites = { "a.example": { perMinute: 90, burst: 3 } };
    const pace = new Pace({ sites }, NOW - MINUTE_MS);
    const grants = pace.offer(
      Array.from({ length: 20 }, () => item()),
      NOW,
    );
    for (const grant of grants) {
      if (grant.granted) continue;
      expect(pace.offer([item()], grant.notBefore)).toEqual([{ granted: true }]);
    }
  });

  test("are all told the end of a pause that the provider asked for, the longest one", () => {
    const pace = new Pace({ sites: {} }, NOW);
    pace.throttle(NOW + 3_000);
    pace.throttle(NOW + 1_000);
    const grants = pace.offer([item(), item("b.example", "broadcast")], NOW + 2_000);
    expect(grants).toEqual(Array(2).fill({ granted: false, notBefore: NOW + 3_000 }));
    expect(pace.offer([item()], NOW + 3_000)).toEqual([{ granted: true }]);
  });
});

test("after a restart a site's budget has nothing saved up, and still its rate", () => {
  const sites = { "a.example": { perMinute: 60, burst: 100 } };
  const pace = new Pace({ sites }, NOW);
  expect(granted(pace, item(), NOW)).toBe(1);
  expect(drive(pace, item(), 10_000, NOW + 1)).toHaveLength(10);
});
