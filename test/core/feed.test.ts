import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  check,
  type FeedObservation,
  type FeedPolicy,
  type FeedState,
  freshFeed,
  GAP_FIRST_MAX_MS,
  observe,
  patienceMs,
} from "../../src/core/feed.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = 1_800_000_000_000;
const POLICY: FeedPolicy = { floorMs: 15 * MINUTE, factor: 4 };

const seen = (given: Partial<FeedObservation>): FeedObservation => ({
  source: "s",
  firstSentAt: given.sentAt ?? 0,
  sentAt: 0,
  arrivedAt: 0,
  reportedAt: given.arrivedAt ?? 0,
  events: (given.arrivedAt ?? 0) > 0 ? 1 : 0,
  foreign: 0,
  unknown: [],
  ...given,
});

interface Moment {
  readonly at: number;
  readonly send?: true;
  readonly event?: true;
}

/**
 * Plays moments in order of time and checks every minute, to the last moment or to `until`. Answers
 * when there was an alarm.
 */
function play(moments: readonly Moment[], begin: FeedState = freshFeed("s"), until = 0) {
  const alarms: number[] = [];
  const waiting = moments.toSorted((a, b) => a.at - b.at);
  const end = Math.max(until, waiting.at(-1)?.at ?? 0);
  let state = begin;
  for (let now = waiting[0]?.at ?? end; ; now = Math.min(now + MINUTE, end)) {
    while (waiting[0] !== undefined && waiting[0].at <= now) {
      const { at, send, event } = waiting.shift() as Moment;
      const told = seen({ sentAt: send ? at : 0, arrivedAt: event ? at : 0 });
      state = observe(state, told, at + 1_000);
    }
    if (typeof check(state, now, POLICY) === "object") alarms.push(now);
    if (now === end) return { state, alarms };
  }
}

/** A send every `every` ms, whose event follows after `gap` ms. */
const answered = (from: number, to: number, every: number, gap: number): Moment[] =>
  Array.from({ length: Math.ceil((to - from) / every) }, (_, n) => from + n * every).flatMap(
    (at) => [
      { at, send: true },
      { at: at + gap, event: true },
    ],
  );

const sends = (from: number, to: number, every: number): Moment[] =>
  Array.from({ length: Math.ceil((to - from) / every) }, (_, n) => ({
    at: from + n * every,
    send: true,
  }));

const spaced = fc.integer({ min: 20_000, max: 6 * HOUR });

const DAILY = answered(START, START + HOUR, MINUTE, 2_000);

describe("an alarm", () => {
  test("comes when events stop and sends go on, a patience after the second of them", () => {
    fc.assert(
      fc.property(spaced, fc.integer({ min: 0, max: 10 * MINUTE }), (every, gap) => {
        const stop = START + 20 * every;
        const { state, alarms: early } = play(answered(START, stop, every, gap));
        expect(early).toEqual([]);
        const begin = state.arrivedAt + 1;
        const patience = patienceMs(state, POLICY);
        const { alarms } = play(sends(begin, begin + 4 * (every + patience), every), state);
        const second = begin + every + 1_000;
        expect(alarms[0]).toBeGreaterThan(second + patience);
        expect(alarms[0]).toBeLessThanOrEqual(second + patience + 2 * MINUTE);
        // It stays until an event comes.
        expect(alarms.length).toBeGreaterThan((2 * every + patience) / MINUTE);
      }),
      { numRuns: 50 },
    );
  });

  test("ends with the first event, whatever was sent meanwhile", () => {
    const before = play(DAILY).state;
    const now = START + 6 * HOUR;
    const { state } = play(sends(START + 2 * HOUR, now, MINUTE), before, now);
    const { arrivedAt, usualGapMs } = before;
    expect(check(state, now, POLICY)).toEqual({ stoppedSince: arrivedAt, usualGapMs });
    const after = observe(state, seen({ arrivedAt: now }), now);
    expect(check(after, now + DAY, POLICY)).toBe("ok");
  });

  test("never comes without sends, however long the night", () => {
    fc.assert(
      fc.property(spaced, fc.integer({ min: 1, max: 90 }), (every, days) => {
        const { state, alarms } = play(answered(START, START + 9 * every, every, 3_000));
        expect(alarms).toEqual([]);
        expect(check(state, START + 9 * every + days * DAY, POLICY)).toBe("ok");
        const trickle = observe(state, seen({ arrivedAt: START + 10 * every }), START);
        expect(check(trickle, START + 10 * every + days * DAY, POLICY)).toBe("ok");
      }),
    );
  });

  test("never comes while events come at their usual gap, by day and after every night", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 30_000, max: HOUR }),
        fc.integer({ min: 0, max: POLICY.floorMs }),
        fc.integer({ min: 1, max: 4 }),
        (every, gap, days) => {
          const all = Array.from({ length: days }, (_, n) =>
            answered(START + n * DAY, START + n * DAY + 8 * HOUR, every, gap),
          );
          expect(play(all.flat(), undefined, START + days * DAY).alarms).toEqual([]);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("never comes for one send alone, and not at once when the next one goes out", () => {
    const sent = START + 2 * HOUR;
    const alone = observe(play(DAILY).state, seen({ sentAt: sent }), sent);
    expect(check(alone, START + 9 * DAY, POLICY)).toBe("ok");
    const next = START + 9 * DAY;
    const two = observe(alone, seen({ sentAt: next }), next);
    expect(check(two, next + POLICY.floorMs, POLICY)).toBe("ok");
    expect(check(two, next + POLICY.floorMs + 1, POLICY)).toMatchObject({ usualGapMs: 2_000 });
  });

  test("waits for events that lie in the same backlog as their sends", () => {
    let state = play(DAILY).state;
    const now = START + 8 * HOUR;
    for (const one of sends(START + 2 * HOUR, now, MINUTE)) {
      state = observe(state, seen({ sentAt: one.at }), now);
      expect(check(state, now + POLICY.floorMs, POLICY)).toBe("ok");
    }
  });
});

describe("the usual gap", () => {
  test("a source that never reported is told as such; of an unknown one all is well", () => {
    const { state, alarms } = play(sends(START, START + DAY, MINUTE));
    expect(alarms).toEqual([]);
    expect(check(state, START + 9 * DAY, POLICY)).toBe("never");
    expect(check(freshFeed("s"), START, POLICY)).toBe("ok");
  });

  test("an outage of any length counts for five minutes, or twice what was usual", () => {
    fc.assert(
      fc.property(fc.integer({ min: HOUR, max: 30 * DAY }), (outage) => {
        const sent = START + 2 * HOUR;
        const back = sent + outage;
        const learned = (usualGapMs: number) => {
          const open = observe({ ...play(DAILY).state, usualGapMs }, seen({ sentAt: sent }), sent);
          return observe(open, seen({ arrivedAt: back }), back).usualGapMs;
        };
        expect(learned(2_000)).toBe(GAP_FIRST_MAX_MS);
        expect(learned(10 * MINUTE)).toBe(20 * MINUTE);
      }),
    );
  });

  test("a source that is always slow is learned within a few gaps, and then left in peace", () => {
    const slow = answered(START, START + 20 * DAY, 6 * HOUR, 3 * HOUR);
    const { state, alarms } = play([
      ...slow,
      ...slow.map(({ at, ...one }) => ({ at: at + HOUR, ...one })),
    ]);
    expect(state.usualGapMs).toBe(3 * HOUR);
    expect(alarms.length).toBeGreaterThan(0);
    expect(Math.max(...alarms)).toBeLessThan(START + 2 * DAY);
  });

  test("what was slow once is forgotten within weeks of use, not by a month without", () => {
    const hour = { arrivedAt: START, sentAt: START, usualAt: START, usualGapMs: HOUR };
    const slow: FeedState = { ...freshFeed("s"), ...hour };
    const back = START + 30 * DAY;
    const idle = play(answered(back, back + MINUTE, MINUTE, 1_000), slow).state;
    expect(idle.usualGapMs).toBeGreaterThan(0.75 * HOUR);
    expect(idle.usualGapMs).toBeLessThan(HOUR);
    const used = play(answered(START + HOUR, back, HOUR, 1_000), slow).state;
    expect(used.usualGapMs).toBeLessThan(MINUTE);
  });
});

describe("batches in any order, and again", () => {
  const moment = fc.record({
    sent: fc.boolean(),
    time: fc.integer({ min: START, max: START + 5 * HOUR }),
  });
  const told = ({ sent, time }: { sent: boolean; time: number }) =>
    seen(sent ? { sentAt: time } : { arrivedAt: time });
  const fold = (all: readonly FeedObservation[]) =>
    all.reduce((state, one) => observe(state, one, START + 6 * HOUR), freshFeed("s"));

  test("end with the same times, and a send that no event followed is never missed", () => {
    fc.assert(
      fc.property(fc.array(moment, { maxLength: 20 }), fc.infiniteStream(fc.nat()), (all, keys) => {
        const given = all.map(told);
        const order = new Map(given.map((one) => [one, keys.next().value ?? 0]));
        const shuffled = given.toSorted((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
        const one = fold(given);
        const other = fold([...shuffled, ...given]);
        const { sentAt, arrivedAt, reportedAt } = one;
        expect(other).toMatchObject({ sentAt, arrivedAt, reportedAt });
        const open = given.map((each) => each.sentAt).filter((time) => time > arrivedAt);
        for (const { openAt } of [one, other]) {
          expect(openAt > 0).toBe(open.length > 0);
          if (open.length > 0) expect(openAt).toBeGreaterThanOrEqual(Math.min(...open));
          expect(openAt).toBeLessThanOrEqual(sentAt);
        }
      }),
    );
  });

  test("change nothing when the last one is handled again", () => {
    fc.assert(
      fc.property(fc.array(moment, { minLength: 1, maxLength: 20 }), (all) => {
        const given = all.map(told);
        const state = fold(given);
        const last = given.at(-1) ?? seen({});
        const again = observe(state, last, START + 8 * HOUR);
        expect({ ...again, events: 0 }).toEqual({ ...state, events: 0 });
      }),
    );
  });
});
