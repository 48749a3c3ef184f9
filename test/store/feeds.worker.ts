import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { type FeedObservation, type FeedState, freshFeed, observe } from "../../src/core/feed.ts";
import {
  COUNTED_MAX,
  feedStatements,
  forgetNotice,
  readFeeds,
  recordFill,
  recordResume,
  recordStop,
  type StoredFeed,
} from "../../src/store/feeds.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

const seen = (source: string, given: Partial<FeedObservation>): FeedObservation => ({
  source,
  firstSentAt: given.sentAt ?? 0,
  sentAt: 0,
  arrivedAt: 0,
  reportedAt: 0,
  events: 0,
  foreign: 0,
  unknown: [],
  ...given,
});

async function record(at: number, ...observations: FeedObservation[]): Promise<number> {
  const results = await env.DB.batch(feedStatements(env.DB, observations, at));
  return results.reduce((sum, { meta }) => sum + meta.rows_written, 0);
}

async function feed(source: string): Promise<StoredFeed> {
  const found = (await readFeeds(env.DB)).find((one) => one.source === source);
  if (found === undefined) throw new Error(`no feed of ${source}`);
  return found;
}

/** Numbers from 0 to `below`, the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe("what a batch says of feeds", () => {
  test("is merged in SQL exactly as it is by the pure function", async () => {
    for (let run = 1; run <= 6; run++) {
      const source = `merged-${run}`;
      const draw = numbers(run);
      let state: FeedState = freshFeed(source);
      for (let step = 0; step < 25; step++) {
        // Mostly in order of time, some far back, so that every branch is met.
        const time = NOW + step * draw(6) * HOUR - (draw(4) === 0 ? draw(40) * HOUR : 0);
        const sentAt = draw(3) > 0 ? time : 0;
        const one = seen(source, {
          sentAt,
          firstSentAt: sentAt === 0 ? 0 : sentAt - draw(2 * HOUR),
          arrivedAt: draw(3) === 0 ? time + draw(2 * HOUR) : 0,
          reportedAt: draw(2) * (time - draw(HOUR)),
          events: draw(5),
          foreign: draw(2),
          unknown: draw(4) === 0 ? [{ id: `${run}-${step}`, count: 1 + draw(3) }] : [],
        });
        const at = time + draw(HOUR);
        state = observe(state, one, at);
        await record(at, one);
        const stored = await feed(source);
        const { usualGapMs, ...exact } = state;
        expect(stored, `run ${run}, step ${step}`).toMatchObject(exact);
        expect(stored.usualGapMs).toBeCloseTo(usualGapMs, 3);
      }
      expect(state.usualGapMs).toBeGreaterThan(0);
    }
  });

  test("costs one row written per source, and one more for a new source", async () => {
    const both = [seen("cost-a", { sentAt: NOW }), seen("cost-b", { arrivedAt: NOW })];
    expect(await record(NOW, ...both)).toBe(4);
    expect(await record(NOW, ...both)).toBe(2);
    expect(feedStatements(env.DB, [], NOW)).toEqual([]);
  });

  test("counts the unknown events of a message once, as long as it may come again", async () => {
    const of = (n: number) => ({ id: `m${n}`, count: 2 });
    await record(NOW, seen("odd", { unknown: [of(0), of(1)] }));
    await record(NOW, seen("odd", { unknown: [of(1), of(2)] }));
    expect((await feed("odd")).unknown).toBe(6);
    for (let n = 3; n < COUNTED_MAX + 2; n++) await record(NOW, seen("odd", { unknown: [of(n)] }));
    const unknown = 2 * (COUNTED_MAX + 2);
    await record(NOW, seen("odd", { unknown: [of(2), of(COUNTED_MAX + 1)] }));
    expect((await feed("odd")).unknown).toBe(unknown);
    const { counted } = (await env.DB.prepare(
      "SELECT counted FROM source_feed WHERE source = 'odd'",
    ).first<{ counted: string }>()) ?? { counted: "" };
    expect(JSON.parse(counted)).toHaveLength(COUNTED_MAX);
  });
});

describe("a change of a feed", () => {
  const stopped = async (source: string): Promise<StoredFeed> => {
    await record(NOW, seen(source, { arrivedAt: NOW, reportedAt: NOW - 500, sentAt: NOW + 1 }));
    return feed(source);
  };

  test("is noted by one of several that see it, and told before the next is", async () => {
    const before = await stopped("race");
    const raised = await Promise.all([1, 2, 3].map(() => recordStop(env.DB, before, NOW - HOUR)));
    expect(raised.filter(Boolean)).toHaveLength(1);
    const after = await feed("race");
    expect(after).toMatchObject({ stoppedSince: NOW, notice: "feed_stopped", noticeSince: NOW });
    expect(after).toMatchObject({ fillFrom: NOW - HOUR, fillUntil: 0 });
    expect(await recordResume(env.DB, after, NOW + HOUR)).toBe(false);
    await forgetNotice(env.DB, "race", "feed_resumed");
    expect((await feed("race")).notice).toBe("feed_stopped");
    await forgetNotice(env.DB, "race", "feed_stopped");
    const resumed = await Promise.all([1, 2].map(() => recordResume(env.DB, after, NOW + HOUR)));
    expect(resumed.filter(Boolean)).toHaveLength(1);
    expect(await feed("race")).toMatchObject({
      stoppedSince: 0,
      notice: "feed_resumed",
      noticeSince: NOW,
      fillFrom: NOW - HOUR,
      fillUntil: NOW + HOUR,
    });
  });

  test("is not noted when an event has come in since it was seen", async () => {
    const before = await stopped("late");
    await record(NOW + 2, seen("late", { arrivedAt: NOW + 2 }));
    expect(await recordStop(env.DB, before, NOW)).toBe(false);
    expect((await feed("late")).stoppedSince).toBe(0);
  });

  test("a gap goes on where it is when the feed stops again", async () => {
    const before = await stopped("gap");
    await recordStop(env.DB, before, NOW - HOUR);
    const first = await feed("gap");
    await recordFill(env.DB, first, NOW, 3);
    expect(await feed("gap")).toMatchObject({ fillFrom: NOW, foreign: 3 });
    // Another run, which was slower, has the old place.
    await recordFill(env.DB, first, NOW - 1, 5);
    expect(await feed("gap")).toMatchObject({ fillFrom: NOW, foreign: 3 });
    await forgetNotice(env.DB, "gap", "feed_stopped");
    await recordResume(env.DB, first, NOW + HOUR);
    await forgetNotice(env.DB, "gap", "feed_resumed");
    const open = await feed("gap");
    await recordStop(env.DB, open, NOW + HOUR);
    expect(await feed("gap")).toMatchObject({ fillFrom: NOW, fillUntil: 0 });
    // The end that was seen before the feed stopped again is not its end any more.
    await recordFill(env.DB, open, 0, 0);
    expect(await feed("gap")).toMatchObject({ fillFrom: NOW });
    await recordFill(env.DB, await feed("gap"), 0, 0);
    expect(await feed("gap")).toMatchObject({ fillFrom: 0, fillUntil: 0 });
  });
});
