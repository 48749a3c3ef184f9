/** The D1 table `source_feed` (migrations/0006): what is known of each source's events. */
import {
  type FeedObservation,
  type FeedState,
  GAP_FADE_MAX_MS,
  GAP_FIRST_MAX_MS,
  GAP_HALF_LIFE_MS,
} from "../core/feed.ts";

/**
 * Messages with unknown events that are remembered as counted: a queue's repeats come within
 * minutes, and such messages are rare.
 */
export const COUNTED_MAX = 64;

/** A row for each source; there already, it costs nothing. */
const BEGIN = `INSERT INTO source_feed (source) SELECT value ->> 'source' FROM json_each(?1)
WHERE true ON CONFLICT DO NOTHING`;

/** `observe` of core/feed: every name is of the same value there. */
const OBSERVE = `
WITH seen AS (
  SELECT value ->> 'source' AS source, value ->> 'firstSentAt' AS first_sent,
    value ->> 'sentAt' AS seen_sent, value ->> 'arrivedAt' AS seen_arrived,
    value ->> 'reportedAt' AS seen_reported, value ->> 'events' AS seen_events,
    value ->> 'foreign' AS seen_foreign, value -> 'unknown' AS seen_unknown
  FROM json_each(?1)),
merged AS (
  SELECT feed.*, seen.*, max(sent_at, seen_sent) AS sent, max(arrived_at, seen_arrived) AS arrived,
    (SELECT json_group_array(value) FROM json_each(seen_unknown)
      WHERE value ->> 'id' NOT IN (SELECT value FROM json_each(counted))) AS fresh
  FROM seen JOIN source_feed AS feed ON feed.source = seen.source),
judged AS (
  SELECT *, open_at > 0 AND open_at <= arrived AS answered, open_at > arrived AS kept,
    sent > arrived AS is_open, CASE WHEN first_sent > arrived THEN first_sent
      WHEN seen_sent > arrived THEN seen_sent ELSE sent END AS first_open
  FROM merged)
UPDATE source_feed SET
  sent_at = sent, arrived_at = arrived, reported_at = max(judged.reported_at, seen_reported),
  open_at = CASE WHEN NOT is_open THEN 0
    WHEN kept THEN min(judged.open_at, first_open) ELSE first_open END,
  noticed_at = CASE WHEN NOT is_open THEN 0 WHEN kept THEN judged.noticed_at ELSE ?2 END,
  again_at = CASE WHEN NOT is_open OR NOT kept THEN 0 WHEN judged.again_at > 0 THEN judged.again_at
    WHEN sent > judged.noticed_at THEN ?2 ELSE 0 END,
  usual_gap_ms = CASE WHEN answered THEN max(
      judged.usual_gap_ms * pow(2.0,
        -1.0 * min(max(arrived - judged.usual_at, 0), ${GAP_FADE_MAX_MS}) / ${GAP_HALF_LIFE_MS}),
      min(arrived - judged.open_at, max(2 * judged.usual_gap_ms, ${GAP_FIRST_MAX_MS})))
    ELSE judged.usual_gap_ms END,
  usual_at = CASE WHEN answered THEN arrived ELSE judged.usual_at END,
  events = judged.events + seen_events,
  foreign_events = judged.foreign_events + seen_foreign,
  unknown_events = judged.unknown_events
    + coalesce((SELECT sum(value ->> 'count') FROM json_each(fresh)), 0),
  counted = (SELECT json_group_array(id) FROM (
    SELECT value ->> 'id' AS id, key - ${10 * COUNTED_MAX} AS place FROM json_each(fresh)
    UNION ALL SELECT value, key FROM json_each(judged.counted)
    ORDER BY place LIMIT ${COUNTED_MAX}))
FROM judged WHERE source_feed.source = judged.source`;

/**
 * What a batch says of feeds, for the journal's transaction: one row written per source. Repeated,
 * it changes no time; `unknown` is counted once, `events` and `foreign` again.
 *
 * @param observations one per source
 * @param at when they are recorded, Unix ms
 */
export function feedStatements(
  db: D1Database,
  observations: readonly FeedObservation[],
  at: number,
): D1PreparedStatement[] {
  if (observations.length === 0) return [];
  const text = JSON.stringify(observations);
  return [db.prepare(BEGIN).bind(text), db.prepare(OBSERVE).bind(text, at)];
}

/** What a feed's change of state is called. */
export type FeedNotice = "" | "feed_stopped" | "feed_resumed";

/** A feed as it is stored, with what is still to be told and asked. */
export interface StoredFeed extends FeedState {
  readonly notice: FeedNotice;
  readonly noticeSince: number;
  readonly fillFrom: number;
  readonly fillUntil: number;
}

/** Every feed there is: one row per source. */
export async function readFeeds(db: D1Database): Promise<StoredFeed[]> {
  const { results } = await db
    .prepare(
      `SELECT source, sent_at AS sentAt, arrived_at AS arrivedAt, reported_at AS reportedAt,
         open_at AS openAt, noticed_at AS noticedAt, again_at AS againAt,
         usual_gap_ms AS usualGapMs, usual_at AS usualAt, events, unknown_events AS unknown,
         foreign_events AS "foreign", stopped_since AS stoppedSince, notice,
         notice_since AS noticeSince, fill_from AS fillFrom, fill_until AS fillUntil
       FROM source_feed ORDER BY source`,
    )
    .all<StoredFeed>();
  return results;
}

const changed = async (statement: D1PreparedStatement): Promise<boolean> =>
  (await statement.run()).meta.changes > 0;

/**
 * Raises the alarm, unless it is raised, an event has come in meanwhile, or an older change is not
 * told yet. What is missing is to be asked for from `fillFrom` on; an asking that is not done
 * goes on from where it is.
 *
 * @returns whether this call raised it
 */
export function recordStop(
  db: D1Database,
  { source, arrivedAt }: Pick<FeedState, "source" | "arrivedAt">,
  fillFrom: number,
): Promise<boolean> {
  return changed(
    db
      .prepare(
        `UPDATE source_feed SET stopped_since = ?2, notice = 'feed_stopped', notice_since = ?2,
           fill_from = CASE WHEN fill_from > 0 THEN fill_from ELSE ?3 END, fill_until = 0
         WHERE source = ?1 AND stopped_since = 0 AND notice = '' AND arrived_at = ?2`,
      )
      .bind(source, arrivedAt, fillFrom),
  );
}

/** Ends the alarm at `at`, up to which the gap is still to be filled; see `recordStop`. */
export function recordResume(
  db: D1Database,
  { source, stoppedSince }: Pick<FeedState, "source" | "stoppedSince">,
  at: number,
): Promise<boolean> {
  return changed(
    db
      .prepare(
        `UPDATE source_feed SET stopped_since = 0, notice = 'feed_resumed', notice_since = ?2,
           fill_until = CASE WHEN fill_from > 0 THEN ?3 ELSE 0 END
         WHERE source = ?1 AND stopped_since = ?2 AND notice = ''`,
      )
      .bind(source, stoppedSince, at),
  );
}

/** Forgets a change that has been told. */
export async function forgetNotice(
  db: D1Database,
  source: string,
  notice: FeedNotice,
): Promise<void> {
  await db
    .prepare("UPDATE source_feed SET notice = '' WHERE source = ?1 AND notice = ?2")
    .bind(source, notice)
    .run();
}

/**
 * Notes up to where a gap is filled and what was found that is not ours. Another run that was
 * quicker stays as it is.
 *
 * @param to the provider's time to go on from; 0: the gap is filled
 */
export async function recordFill(
  db: D1Database,
  feed: Pick<StoredFeed, "source" | "fillFrom" | "fillUntil">,
  to: number,
  foreign: number,
): Promise<void> {
  await db
    .prepare(
      `UPDATE source_feed SET fill_from = ?4, fill_until = CASE WHEN ?4 = 0 THEN 0 ELSE ?3 END,
         foreign_events = foreign_events + ?5
       WHERE source = ?1 AND fill_from = ?2 AND fill_until = ?3`,
    )
    .bind(feed.source, feed.fillFrom, feed.fillUntil, to, foreign)
    .run();
}
