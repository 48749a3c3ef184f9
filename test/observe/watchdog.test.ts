import { describe, expect, test } from "vitest";
import { freshFeed } from "../../src/core/feed.ts";
import {
  type FeedAction,
  FILL_OVERLAP_MS,
  type WatchDeps,
  type WatchedFeed,
  watchFeeds,
} from "../../src/observe/watchdog.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

/** Rows as the store keeps them, and what was told. */
function world(...given: Partial<WatchedFeed>[]) {
  const rows = new Map<string, WatchedFeed>();
  for (const one of given) {
    const source = one.source ?? "mg";
    rows.set(source, { ...freshFeed(source), notice: "", noticeSince: 0, ...one });
  }
  const told: FeedAction[][] = [];
  const logged: string[] = [];
  const fillFrom: number[] = [];
  const set = (source: string, change: Partial<WatchedFeed>): true => {
    const row = rows.get(source);
    if (row !== undefined) rows.set(source, { ...row, ...change });
    return true;
  };
  const deps: WatchDeps = {
    now: () => NOW,
    policy: { floorMs: 900_000, factor: 4 },
    isSource: (name) => name !== "gone",
    feeds: async () => [...rows.values()],
    recordStop: async ({ source, arrivedAt }, from) => {
      fillFrom.push(from);
      const notice = "feed_stopped";
      return set(source, { stoppedSince: arrivedAt, notice, noticeSince: arrivedAt });
    },
    recordResume: async ({ source, stoppedSince }) =>
      set(source, { stoppedSince: 0, notice: "feed_resumed", noticeSince: stoppedSince }),
    forgetNotice: async (source) => {
      set(source, { notice: "" });
    },
    tell: async (actions) => {
      told.push([...actions]);
    },
    log: (event) => logged.push(event),
  };
  return { rows, told, logged, fillFrom, set, deps };
}

const silent: Partial<WatchedFeed> = {
  sentAt: NOW - 1_000,
  arrivedAt: NOW - 2 * HOUR,
  reportedAt: NOW - 2 * HOUR - 500,
  openAt: NOW - HOUR,
  noticedAt: NOW - HOUR,
  againAt: NOW - HOUR,
  usualGapMs: 2_000,
};
const stop = {
  id: `feed_stopped:mg:${NOW - 2 * HOUR}`,
  source: "mg",
  kind: "feed_stopped",
  since: NOW - 2 * HOUR,
  usualGapMs: 2_000,
} as const;

describe("the watchdog", () => {
  test("tells once that a feed has stopped, however often it looks", async () => {
    const { deps, told, fillFrom, logged } = world(silent);
    expect(await watchFeeds(deps)).toEqual([stop]);
    expect(await watchFeeds(deps)).toEqual([]);
    expect(told).toEqual([[stop]]);
    expect(logged).toEqual(["feed_stopped"]);
    expect(fillFrom).toEqual([NOW - 2 * HOUR - 500 - FILL_OVERLAP_MS]);
  });

  test("tells that it has resumed when an event has come", async () => {
    const { deps, told, set } = world(silent);
    await watchFeeds(deps);
    set("mg", { openAt: 0, noticedAt: 0, againAt: 0, arrivedAt: NOW });
    await watchFeeds(deps);
    const id = `feed_resumed:mg:${stop.since}`;
    expect(told).toEqual([[stop], [{ ...stop, id, kind: "feed_resumed" }]]);
    expect(await watchFeeds(deps)).toEqual([]);
  });

  test("tells again under the same id what could not be told, before what came after", async () => {
    const { deps, told, set, logged } = world(silent);
    const tell = () => Promise.reject(new Error("queue"));
    expect(await watchFeeds({ ...deps, tell })).toEqual([]);
    expect(logged).toEqual(["feed_stopped", "feeds_not_watched"]);
    set("mg", { openAt: 0, noticedAt: 0, againAt: 0, arrivedAt: NOW });
    await watchFeeds(deps);
    await watchFeeds(deps);
    expect(told.flat().map(({ kind }) => kind)).toEqual(["feed_stopped", "feed_resumed"]);
    expect(told[0]).toEqual([stop]);
  });

  test("leaves to another run what that one has noted first", async () => {
    const { deps, told } = world(silent);
    expect(await watchFeeds({ ...deps, recordStop: async () => false })).toEqual([]);
    expect(told).toEqual([]);
  });

  test("says nothing of a source that is not configured, never reported or is well", async () => {
    const { deps, told } = world(
      { ...silent, source: "gone" },
      { ...silent, source: "never", arrivedAt: 0 },
      { ...silent, source: "well", againAt: NOW - 1_000 },
    );
    expect(await watchFeeds(deps)).toEqual([]);
    expect(told).toEqual([]);
  });

  test("survives a database that is down", async () => {
    const { deps, logged } = world(silent);
    const feeds = () => Promise.reject(new Error("down"));
    expect(await watchFeeds({ ...deps, feeds })).toEqual([]);
    expect(logged).toEqual(["feeds_not_watched"]);
  });
});
