import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BUCKET_MS,
  DWELL_MS,
  evaluate,
  GOOD_DAYS_MS,
  type GuardPolicy,
  type GuardState,
  HARM_MIN,
  isForgotten,
  lift,
  nextLook,
  RELEASE,
  type ReputationCounts,
  ratesOf,
  UNGUARDED,
} from "../../src/core/reputation.ts";

const NOW = 500_000 * BUCKET_MS;
const HOUR = 3_600_000;

const policy: GuardPolicy = {
  windowMs: 24 * HOUR,
  minimumSent: 200,
  minimumReached: 1_000,
  bounces: { warn: 2, slow: 3, pause: 4 },
  complaints: { warn: 0.08, slow: 0.1, pause: 0.3 },
  mayPause: true,
  pauseMs: 2 * HOUR,
  pauseMaxMs: 48 * HOUR,
  probationSamples: 500,
};

const counts = (given: Partial<ReputationCounts> = {}): ReputationCounts => ({
  ...{ sent: 0, delivered: 0, hard: 0, soft: 0, block: 0, withheld: 0 },
  ...{ reporting: 0, returned: 0, complained: 0, complainedOther: 0 },
  ...given,
});

const bounced = (hard: number, sent = 1_000): ReputationCounts => counts({ sent, hard });
const at = (given: Partial<GuardState>): GuardState => ({ ...UNGUARDED, at: NOW, ...given });
const after = (state: GuardState, seen: ReputationCounts, now = NOW, by = policy) =>
  evaluate(state, seen, by, now);

describe("a rate", () => {
  test("of bounces is over those the mail was tried on, not those the provider withheld", () => {
    const seen = counts({ sent: 500, withheld: 250, hard: 5 });
    expect(ratesOf(seen, policy)).toEqual({ bounces: 2, complaints: null });
  });

  test("of complaints is over those reached at sites that report them", () => {
    const seen = counts({ sent: 90_000, reporting: 2_100, returned: 100, complained: 2 });
    expect(ratesOf(seen, policy).complaints).toBe(0.1);
  });

  test("is none below the minimum of samples", () => {
    expect(ratesOf(bounced(199, 199), policy).bounces).toBeNull();
    expect(ratesOf(bounced(4, 200), policy).bounces).toBe(2);
    const few = counts({ reporting: 999, complained: 999 });
    expect(ratesOf(few, policy).complaints).toBeNull();
  });
});

describe("levels", () => {
  test.each([
    ["bounces of 1.9 %", bounced(19), "normal", null],
    ["bounces of 2 %", bounced(20), "warned", "warned"],
    ["bounces of 3 %", bounced(30), "slowed", "slowed"],
    ["bounces of 4 %", bounced(40), "paused", "paused"],
    ["complaints of 0.08 %", counts({ reporting: 5_000, complained: 4 }), "warned", "warned"],
    ["complaints of 0.1 %", counts({ reporting: 5_000, complained: 5 }), "slowed", "slowed"],
    ["complaints of 0.3 %", counts({ reporting: 5_000, complained: 15 }), "paused", "paused"],
    [
      "complaints from elsewhere",
      counts({ reporting: 5_000, complainedOther: 900 }),
      "normal",
      null,
    ],
  ] as const)("%s", (_what, seen, level, move) => {
    const verdict = after(UNGUARDED, seen);
    expect([verdict.state.level, verdict.move]).toEqual([level, move]);
  });

  test("the worse of bounces and complaints counts, and is named as the cause", () => {
    const seen = counts({ sent: 5_000, hard: 100, reporting: 5_000, complained: 15 });
    expect(after(UNGUARDED, seen).state).toMatchObject({ level: "paused", cause: "complaints" });
  });

  test("what may not pause is slowed", () => {
    const slows = { ...policy, mayPause: false };
    expect(after(UNGUARDED, bounced(900), NOW, slows).state.level).toBe("slowed");
  });

  test("two bad answers are an accident whatever their rate", () => {
    const lax = { ...policy, minimumSent: 1 };
    expect(after(UNGUARDED, bounced(HARM_MIN - 1, 4), NOW, lax).move).toBeNull();
    expect(after(UNGUARDED, bounced(HARM_MIN, 4), NOW, lax).move).toBe("paused");
  });
});

describe("a level is eased", () => {
  test("after an hour at the earliest, and well below its threshold only", () => {
    const slowed = at({ level: "slowed", cause: "bounces" });
    expect(after(slowed, bounced(0), NOW + DWELL_MS - 1).move).toBeNull();
    expect(after(slowed, bounced(25), NOW + DWELL_MS).move).toBeNull();
    const warned = after(slowed, bounced(23), NOW + DWELL_MS);
    expect([warned.state.level, warned.move]).toEqual(["warned", "resumed"]);
    const normal = after(slowed, bounced(0), NOW + DWELL_MS);
    expect([normal.state.level, normal.move]).toEqual(["normal", "resumed"]);
    const cleared = after(at({ level: "warned" }), bounced(0), NOW + DWELL_MS);
    expect([cleared.state.level, cleared.move]).toEqual(["normal", "cleared"]);
  });

  test("never while the rate wavers between release and threshold: nothing moves", () => {
    const rate = fc.integer({ min: Math.ceil(30 * RELEASE) + 1, max: 39 });
    fc.assert(
      fc.property(fc.array(rate, { minLength: 1, maxLength: 50 }), (rates) => {
        let state = at({ level: "slowed", cause: "bounces" });
        rates.forEach((hard, n) => {
          const verdict = after(state, bounced(hard), NOW + (n + 1) * 2 * DWELL_MS);
          expect(verdict.move).toBeNull();
          state = verdict.state;
        });
      }),
    );
  });

  test("at most once an hour, however the rate jumps", () => {
    const jumps = fc.array(fc.tuple(fc.integer({ min: 0, max: 39 }), fc.nat(20)), {
      maxLength: 80,
    });
    fc.assert(
      fc.property(jumps, (all) => {
        let state: GuardState = UNGUARDED;
        let now = NOW;
        const eased: number[] = [];
        for (const [hard, minutes] of all) {
          now += minutes * 60_000;
          const verdict = after(state, bounced(hard), now);
          if (verdict.move === "resumed" || verdict.move === "cleared") eased.push(now);
          state = verdict.state;
        }
        eased.forEach((time, n) => {
          expect(time - (eased[n - 1] ?? 0)).toBeGreaterThanOrEqual(DWELL_MS);
        });
      }),
    );
  });
});

describe("a pause", () => {
  const paused = after(UNGUARDED, bounced(40)).state;

  test("holds for its time, whatever the mail sent before it does yet", () => {
    expect(paused.until).toBe(NOW + 2 * HOUR);
    expect(after(paused, bounced(900), paused.until - 1).move).toBeNull();
    const over = after(paused, bounced(900), paused.until);
    expect([over.state.level, over.move]).toEqual(["probation", "resumed"]);
  });

  test("leaves behind what was sent until then: that has been answered for", () => {
    expect(after(paused, bounced(900), paused.until).state.since).toBe(paused.until);
    // Ended by hand within its first hour, it begins with the next.
    expect(lift(paused, NOW + 60_000).state.since).toBe(NOW + BUCKET_MS);
    expect(lift(UNGUARDED, NOW).move).toBeNull();
  });

  const probation = at({
    level: "probation",
    strikes: 1,
    struckAt: NOW - 2 * HOUR,
    cause: "bounces",
  });

  test("is over when enough mail was well, and not in the first hour", () => {
    expect(after(probation, bounced(0, 500), NOW + DWELL_MS - 1).move).toBeNull();
    expect(after(probation, bounced(0, 499), NOW + DWELL_MS).move).toBeNull();
    const well = after(probation, bounced(0, 500), NOW + DWELL_MS);
    expect([well.state.level, well.move]).toEqual(["normal", "resumed"]);
  });

  test("for complaints is over only when enough could have complained, or in a full window", () => {
    const trial = { ...probation, cause: "complaints" as const };
    expect(after(trial, bounced(0, 9_000), NOW + DWELL_MS).move).toBeNull();
    const heard = counts({ sent: 9_000, reporting: 1_000 });
    expect(after(trial, heard, NOW + DWELL_MS).move).toBe("resumed");
    expect(after(trial, bounced(0, 9_000), NOW + policy.windowMs).move).toBe("resumed");
  });

  test("is over after seven days without a relapse, however little was sent", () => {
    expect(after(probation, counts(), NOW + GOOD_DAYS_MS - 1).move).toBeNull();
    expect(after(probation, counts(), NOW + GOOD_DAYS_MS).move).toBe("resumed");
  });

  test("comes again at what slows others, and is longer each time, up to the longest", () => {
    let state: GuardState = probation;
    let now = NOW;
    const lengths: number[] = [];
    for (let n = 0; n < 40; n += 1) {
      const relapse = after(state, bounced(30), now);
      expect(relapse.move).toBe("paused");
      lengths.push((relapse.state.until - now) / HOUR);
      now = relapse.state.until;
      state = after(relapse.state, bounced(0), now).state;
      expect(state.level).toBe("probation");
    }
    expect(lengths.slice(0, 6)).toEqual([4, 8, 16, 32, 48, 48]);
    expect(Math.max(...lengths)).toBe(48);
  });

  test("after seven good days is a first one again", () => {
    const again = at({ strikes: 5, struckAt: NOW - GOOD_DAYS_MS - 1 });
    expect(after(again, bounced(40)).state).toMatchObject({ strikes: 1, until: NOW + 2 * HOUR });
  });
});

describe("in general", () => {
  const some = fc.record({
    ...{ sent: fc.nat(5_000), hard: fc.nat(300), withheld: fc.nat(300), reporting: fc.nat(5_000) },
    ...{ returned: fc.nat(300), complained: fc.nat(30), complainedOther: fc.nat(900) },
  });
  const rank = { normal: 0, warned: 1, probation: 2, slowed: 2, paused: 3 } as const;
  const anyState = fc.record({
    ...{ level: fc.constantFrom("normal", "warned", "slowed", "probation" as const) },
    ...{ age: fc.nat(3 * DWELL_MS), strikes: fc.nat(4) },
  });

  test("more harm never makes a milder level", () => {
    fc.assert(
      fc.property(anyState, some, fc.nat(50), fc.nat(10), (given, seen, hard, complained) => {
        const state = at({ level: given.level, at: NOW - given.age, strikes: given.strikes });
        const worse = { hard: seen.hard + hard, complained: seen.complained + complained };
        const less = after(state, counts(seen)).state.level;
        const more = after(state, counts({ ...seen, ...worse })).state.level;
        expect(rank[more]).toBeGreaterThanOrEqual(rank[less]);
      }),
    );
  });

  test("nothing is moved up with fewer samples than the minimum", () => {
    fc.assert(
      fc.property(anyState, some, (given, seen) => {
        const state = at({ level: given.level, at: NOW - given.age });
        const few = { ...seen, sent: seen.sent % 200, reporting: seen.reporting % 1_000 };
        const { move } = after(state, counts(few));
        expect(["warned", "slowed", "paused"]).not.toContain(move);
      }),
    );
  });

  test("good mail brings any state back to normal, within the pauses and a day", () => {
    fc.assert(
      fc.property(fc.array(some, { maxLength: 20 }), fc.boolean(), (bad, mayPause) => {
        const by = { ...policy, mayPause };
        let state: GuardState = UNGUARDED;
        let now = NOW;
        for (const seen of bad) {
          now += HOUR;
          state = after(state, counts(seen), now, by).state;
        }
        const end = now + by.pauseMaxMs + by.windowMs + DWELL_MS;
        const good = counts({ sent: 2_000, reporting: 2_000 });
        while (now < end) {
          now += HOUR / 2;
          state = after(state, good, now, by).state;
        }
        expect(state.level).toBe("normal");
      }),
    );
  });

  test("a state that does not move is the same one, and a move reaches another level", () => {
    fc.assert(
      fc.property(anyState, some, (given, seen) => {
        const state = at({ level: given.level, at: NOW - given.age, strikes: given.strikes });
        const verdict = after(state, counts(seen));
        if (verdict.move === null) expect(verdict.state).toBe(state);
        else expect(verdict.state.level).not.toBe(state.level);
      }),
    );
  });
});

test("a state is looked at when time may move it, and forgotten in the end", () => {
  expect(nextLook(at({ level: "paused", until: NOW + 7 }), NOW)).toBe(NOW + 7);
  expect(nextLook(at({ level: "slowed" }), NOW)).toBeLessThanOrEqual(NOW + DWELL_MS);
  const normal = at({ struckAt: NOW - HOUR });
  expect(isForgotten(normal, NOW + GOOD_DAYS_MS - 1)).toBe(false);
  expect(isForgotten(normal, NOW + GOOD_DAYS_MS)).toBe(true);
  expect(isForgotten(at({ level: "warned" }), NOW + 2 * GOOD_DAYS_MS)).toBe(false);
});
