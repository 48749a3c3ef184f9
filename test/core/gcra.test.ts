import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type GcraLimit, gcraRefund, gcraTake } from "../../src/core/gcra.ts";

const NOW = 1_800_000_000_000;
const DAY_MS = 86_400_000;

const limits = fc.record({
  periodMs: fc.constantFrom(1000, 60_000, 3_600_000, DAY_MS),
  count: fc.integer({ min: 1, max: 5000 }),
  burst: fc.integer({ min: 1, max: 1000 }),
});

/** What passes of a list of requests `[gap since the last, cost]`, with the instant of each. */
function run(limit: GcraLimit, requests: readonly (readonly [number, number])[]) {
  let tat: number | undefined;
  let now = NOW;
  const passed: { at: number; cost: number }[] = [];
  for (const [gapMs, cost] of requests) {
    now += gapMs;
    const decision = gcraTake(limit, tat, now, cost);
    tat = decision.tat;
    if (decision.allowed) passed.push({ at: now, cost });
  }
  return passed;
}

describe("gcraTake", () => {
  test("a full bucket gives its burst at one instant and then one unit per interval", () => {
    const limit = { periodMs: 1000, count: 5, burst: 3 };
    let tat: number | undefined;
    for (const remaining of [2, 1, 0]) {
      const decision = gcraTake(limit, tat, NOW);
      expect(decision).toMatchObject({ allowed: true, remaining });
      tat = decision.tat;
    }
    const refused = gcraTake(limit, tat, NOW);
    expect(refused).toMatchObject({ allowed: false, retryAfterMs: 200, remaining: 0 });
    expect(refused.resetMs).toBe(600);
    expect(gcraTake(limit, refused.tat, NOW + 199).allowed).toBe(false);
    expect(gcraTake(limit, refused.tat, NOW + 200).allowed).toBe(true);
  });

  test("500 a day with burst 1 is one every 172.8 seconds", () => {
    const limit = { periodMs: DAY_MS, count: 500, burst: 1 };
    const everySecond = Array.from({ length: 86_400 }, () => [1000, 1] as const);
    const passed = run(limit, everySecond);
    // At whole seconds each waits for the next second after 172.8: at most 500 and nearly that.
    expect(passed.length).toBeLessThanOrEqual(501);
    expect(passed.length).toBeGreaterThanOrEqual(499);
    expect(gcraTake(limit, gcraTake(limit, undefined, NOW).tat, NOW)).toMatchObject({
      allowed: false,
      retryAfterMs: 172_800,
    });
  });

  test("no window ever sees more than the burst plus the rate times its length", () => {
    const request = fc.tuple(
      fc.oneof(fc.constant(0), fc.double({ min: 0, max: 5000, noNaN: true })),
      fc.integer({ min: 1, max: 50 }),
    );
    fc.assert(
      fc.property(limits, fc.array(request, { maxLength: 60 }), (limit, requests) => {
        const affordable = requests.map(
          ([gap, cost]) => [gap, Math.min(cost, limit.burst)] as const,
        );
        const passed = run(limit, affordable);
        for (const [first, from] of passed.entries()) {
          let taken = 0;
          for (const { at, cost } of passed.slice(first)) {
            taken += cost;
            const allowance = limit.burst + ((at - from.at) * limit.count) / limit.periodMs;
            expect(taken).toBeLessThanOrEqual(allowance + 1e-6);
          }
        }
      }),
    );
  });

  test("who comes back after retryAfterMs passes, whatever the cost, and not before", () => {
    fc.assert(
      fc.property(
        limits,
        fc.integer({ min: 1, max: 2000 }),
        fc.array(fc.tuple(fc.double({ min: 0, max: 500, noNaN: true }), fc.constant(1))),
        (limit, cost, before) => {
          let tat: number | undefined;
          let now = NOW;
          for (const [gap] of before) {
            now += gap;
            tat = gcraTake(limit, tat, now).tat;
          }
          const decision = gcraTake(limit, tat, now, cost);
          if (decision.allowed) return;
          const { retryAfterMs } = decision;
          expect(retryAfterMs).toBeGreaterThanOrEqual(1);
          expect(gcraTake(limit, decision.tat, now + retryAfterMs, cost).allowed).toBe(true);
          if (retryAfterMs > 1) {
            expect(gcraTake(limit, decision.tat, now + retryAfterMs - 1.01, cost).allowed).toBe(
              false,
            );
          }
        },
      ),
    );
  });

  test("a cost above the burst passes only when full, and is paid for in full", () => {
    const limit = { periodMs: 1000, count: 10, burst: 5 };
    const first = gcraTake(limit, undefined, NOW, 20);
    expect(first).toMatchObject({ allowed: true, remaining: 0, resetMs: 2000 });
    expect(gcraTake(limit, first.tat, NOW + 1500, 1).allowed).toBe(false);
    expect(gcraTake(limit, first.tat, NOW + 1600, 1).allowed).toBe(true);
    const one = gcraTake(limit, undefined, NOW, 1);
    expect(gcraTake(limit, one.tat, NOW, 20)).toMatchObject({ allowed: false, retryAfterMs: 100 });
  });

  test("a refusal changes nothing: asking often does not push the next pass away", () => {
    const limit = { periodMs: 60_000, count: 1, burst: 1 };
    const everySecond = Array.from({ length: 3600 }, () => [1000, 1] as const);
    expect(run(limit, everySecond)).toHaveLength(60);
  });

  test("a clock that goes backwards grants nothing extra and blocks no longer than it went", () => {
    fc.assert(
      fc.property(
        limits,
        fc.array(fc.integer({ min: -5000, max: 5000 }), { maxLength: 100 }),
        (limit, steps) => {
          let tat: number | undefined;
          let now = NOW;
          let [low, high, taken] = [now, now, 0];
          for (const step of steps) {
            now += step;
            low = Math.min(low, now);
            high = Math.max(high, now);
            const decision = gcraTake(limit, tat, now);
            tat = decision.tat;
            if (decision.allowed) taken++;
            else {
              const unitMs = limit.periodMs / limit.count;
              expect(decision.retryAfterMs).toBeLessThanOrEqual(high - now + unitMs + 1);
            }
            expect(decision.remaining).toBeLessThanOrEqual(limit.burst);
          }
          const rate = limit.count / limit.periodMs;
          expect(taken).toBeLessThanOrEqual(limit.burst + (high - low) * rate + 0.05);
        },
      ),
    );
  });

  test("remaining says how many more pass at this instant", () => {
    fc.assert(
      fc.property(limits, fc.integer({ min: 1, max: 40 }), (limit, cost) => {
        const decision = gcraTake(limit, undefined, NOW, cost);
        let { tat } = decision;
        for (let i = 0; i < decision.remaining; i++) {
          const next = gcraTake(limit, tat, NOW);
          expect(next.allowed).toBe(true);
          tat = next.tat;
        }
        expect(gcraTake(limit, tat, NOW).allowed).toBe(false);
      }),
    );
  });
});

describe("gcraRefund", () => {
  const limit = { periodMs: 1000, count: 10, burst: 5 };

  test("a charge given back at once leaves the bucket as it was", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 5 }), (taken, cost) => {
        let tat: number | undefined;
        for (let i = 0; i < taken; i++) tat = gcraTake(limit, tat, NOW).tat;
        const before = tat ?? NOW;
        const charged = gcraTake(limit, tat, NOW, cost);
        if (!charged.allowed) return;
        expect(gcraRefund(limit, charged.tat, NOW, cost)).toBe(before);
      }),
    );
  });

  test("the bucket never holds more than its burst", () => {
    const refunded = gcraRefund(limit, NOW + 100, NOW, 50);
    expect(gcraTake(limit, refunded, NOW, 5).allowed).toBe(true);
    const again = gcraTake(limit, gcraTake(limit, refunded, NOW, 5).tat, NOW);
    expect(again).toMatchObject({ allowed: false, retryAfterMs: 100 });
    const full = gcraRefund(limit, undefined, NOW, 3);
    expect(gcraTake(limit, full, NOW, 5)).toMatchObject({ allowed: true, remaining: 0 });
  });
});
