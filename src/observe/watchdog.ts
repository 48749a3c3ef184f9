/**
 * The cron's look at every source's feed: tell what is not told yet -> check -> note a change.
 * A change is noted once, by a compare-and-set, and told at least once, with the same id each time.
 */
import { check, type FeedPolicy, type FeedState } from "../core/feed.ts";

/** A change of a feed, as it is told. */
export interface FeedAction {
  /** The same however often it is told. */
  readonly id: string;
  readonly source: string;
  readonly kind: "feed_stopped" | "feed_resumed";
  /** The last event before the feed stopped, Unix ms. */
  readonly since: number;
  readonly usualGapMs: number;
}

/** A feed as it is stored. */
export interface WatchedFeed extends FeedState {
  /** A change that is not told yet; empty: none. */
  readonly notice: "" | FeedAction["kind"];
  /** The `since` of that change. */
  readonly noticeSince: number;
}

export interface WatchDeps {
  readonly now: () => number;
  readonly policy: FeedPolicy;
  /** Whether the configuration has this source. */
  readonly isSource: (name: string) => boolean;
  readonly feeds: () => Promise<readonly WatchedFeed[]>;
  /** True: this call has raised the alarm. */
  readonly recordStop: (feed: WatchedFeed, fillFrom: number) => Promise<boolean>;
  /** True: this call has ended it. */
  readonly recordResume: (feed: WatchedFeed, at: number) => Promise<boolean>;
  readonly forgetNotice: (source: string, notice: FeedAction["kind"]) => Promise<void>;
  /** Passes actions on; when it rejects they are told again. */
  readonly tell: (actions: readonly FeedAction[]) => Promise<void>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/**
 * What is asked for again before the last event that came in: events come out of order, by as much
 * as a mailbox operator is slow, and what is known already changes nothing.
 */
export const FILL_OVERLAP_MS = 3_600_000;

/**
 * Checks every configured source and tells what has changed. Never rejects: without the database,
 * the next minute sees the same.
 *
 * @returns what was told in this run
 */
export async function watchFeeds(deps: WatchDeps): Promise<FeedAction[]> {
  try {
    const feeds = (await deps.feeds()).filter(({ source }) => deps.isSource(source));
    // One at a time: a change waits until the one before it has been told.
    const told = feeds.filter(({ notice }) => notice !== "");
    const quiet = feeds.filter(({ notice }) => notice === "");
    const changes = await Promise.all(quiet.map((feed) => change(feed, deps)));
    const actions = [...told.flatMap(untold), ...changes.flat()];
    if (actions.length === 0) return [];
    await deps.tell(actions);
    for (const { source, kind } of actions) await deps.forgetNotice(source, kind);
    return actions;
  } catch (error) {
    deps.log("feeds_not_watched", { reason: String(error) });
    return [];
  }
}

function untold({ source, notice, noticeSince, usualGapMs }: WatchedFeed): FeedAction[] {
  return notice === "" ? [] : [actionOf(source, notice, noticeSince, usualGapMs)];
}

async function change(feed: WatchedFeed, deps: WatchDeps): Promise<FeedAction[]> {
  const { source, stoppedSince, usualGapMs } = feed;
  const now = deps.now();
  const found = check(feed, now, deps.policy);
  const stopped = typeof found === "object" ? found : null;
  if (stopped !== null && stoppedSince === 0) {
    const from = Math.max(1, (feed.reportedAt || feed.arrivedAt) - FILL_OVERLAP_MS);
    if (!(await deps.recordStop(feed, from))) return [];
    const silentMs = now - stopped.stoppedSince;
    deps.log("feed_stopped", { source, silentMs, usualGapMs: Math.round(usualGapMs) });
    return [actionOf(source, "feed_stopped", stopped.stoppedSince, usualGapMs)];
  }
  if (stopped === null && stoppedSince > 0) {
    if (!(await deps.recordResume(feed, now))) return [];
    deps.log("feed_resumed", { source, silentMs: feed.arrivedAt - stoppedSince });
    return [actionOf(source, "feed_resumed", stoppedSince, usualGapMs)];
  }
  return [];
}

const actionOf = (
  source: string,
  kind: FeedAction["kind"],
  since: number,
  usualGapMs: number,
): FeedAction => ({ id: `${kind}:${source}:${since}`, source, kind, since, usualGapMs });
