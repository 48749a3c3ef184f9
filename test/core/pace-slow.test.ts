import fc from "fast-check";
import { expect, test } from "vitest";
import { type OfferItem, Pace, SLOW_KEYS_MAX } from "../../src/core/pace.ts";

const START = 1_800_000_000_000;
const slowed = (perMinute: number, key = "k", given: Partial<OfferItem> = {}): OfferItem => ({
  lane: "broadcast",
  calls: 1,
  sites: { "a.example": 1 },
  slow: [{ key, perMinute }],
  ...given,
});
const granted = (pace: Pace, items: readonly OfferItem[], now: number): number =>
  pace.offer(items, now).filter((one) => one.granted).length;

test("what is slowed goes at its rate and not faster, in whatever portions it is offered", () => {
  const offers = fc.array(fc.tuple(fc.nat(20_000), fc.integer({ min: 1, max: 30 })), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 600 }), offers, (perMinute, all) => {
      const pace = new Pace({ sites: {} }, START);
      let now = START;
      let count = 0;
      for (const [ms, size] of all) {
        now += ms;
        count += granted(
          pace,
          Array.from({ length: size }, () => slowed(perMinute)),
          now,
        );
      }
      expect(count).toBeLessThanOrEqual(1 + ((now - START) * perMinute) / 60_000);
    }),
  );
});

test("a broadcast gets the whole rate: nobody else is in it", () => {
  const pace = new Pace({ sites: {} }, START);
  let count = 0;
  for (let now = START; now < START + 60_000; now += 100) count += granted(pace, [slowed(60)], now);
  expect(count).toBe(60);
});

test("those that wait are told times apart, at the rate", () => {
  const pace = new Pace({ sites: {} }, START);
  const [first, ...others] = pace.offer(
    Array.from({ length: 4 }, () => slowed(60)),
    START,
  );
  expect(first?.granted).toBe(true);
  const times = others.map((one) => (one.granted ? 0 : one.notBefore - START));
  expect(times).toEqual([1_000, 2_000, 3_000]);
});

test("other keys, and mail that is free, are not slowed by it", () => {
  const pace = new Pace({ sites: {} }, START);
  pace.offer([slowed(1), slowed(1)], START);
  const { slow: _, ...free } = slowed(1);
  expect(granted(pace, [slowed(1, "other"), free, free], START)).toBe(3);
});

test("recipients count, not messages; a refund gives them back; a new rate holds at once", () => {
  const pace = new Pace({ sites: {} }, START);
  const three = slowed(60, "k", { sites: { "a.example": 2, "b.example": 1 } });
  expect(granted(pace, [three], START)).toBe(1);
  expect(granted(pace, [slowed(60)], START + 2_999)).toBe(0);
  pace.refund(three, START + 2_999);
  expect(granted(pace, [slowed(60)], START + 2_999)).toBe(1);
  expect(granted(pace, [slowed(600)], START + 3_999)).toBe(1);
  expect(granted(pace, [slowed(600), slowed(600)], START + 4_099)).toBe(1);
});

test("keys that are remembered are bounded, the ones longest unused go", () => {
  const pace = new Pace({ sites: {} }, START);
  for (let n = 0; n <= SLOW_KEYS_MAX; n += 1) {
    pace.offer([slowed(1, "kept")], START);
    pace.offer([slowed(1, `k${n}`)], START);
  }
  expect(granted(pace, [slowed(1, "kept"), slowed(1, `k${SLOW_KEYS_MAX}`)], START)).toBe(0);
});
