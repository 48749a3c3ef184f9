/**
 * The D1 table `reputation` (migrations/0004): recipients by what has been true of them, per scope
 * and hour of sending. Rows are counters, so a recipient's mark is counted when it first appears:
 * the statement compares with the row of `recipient` as it was, and has to run before the upsert of
 * the same transaction.
 *
 * The hour is that in which the provider accepted the message, as the Outbox's own entry of the
 * timeline says: a bounce then meets the sends it belongs to, however late it comes, and what
 * waited for days in a pause counts when it leaves. Until that entry is known the event goes by
 * `at`.
 */
import type { Tally } from "../core/guard.ts";
import { MARK } from "../core/marks.ts";
import { BUCKET_MS } from "../core/reputation.ts";
import { portionsOf } from "./portions.ts";

const RETURNED = MARK.hard | MARK.soft | MARK.block | MARK.withheld;
const COUNTED = MARK.sent | MARK.delivered | MARK.complained | RETURNED;

const has = (mark: number): string => `sum((fresh & ${mark}) <> 0)`;

const COLUMNS = {
  sent: has(MARK.sent),
  delivered: has(MARK.delivered),
  hard: has(MARK.hard),
  soft: has(MARK.soft),
  block: has(MARK.block),
  withheld: has(MARK.withheld),
  reporting: `sum(reports AND (fresh & ${MARK.sent}) <> 0)`,
  // A second reason to come back is not a second return.
  returned: `sum(reports AND (fresh & ${RETURNED}) <> 0 AND (old & ${RETURNED}) = 0)`,
  complained: `sum(reports AND (fresh & ${MARK.complained}) <> 0)`,
  complained_other: `sum(NOT reports AND (fresh & ${MARK.complained}) <> 0)`,
} as const;

const NAMES = Object.keys(COLUMNS);

/**
 * `attempt` tells the Outbox's entries from the providers', whose clocks are their own. Fresh marks
 * are those of the tally that the row does not have.
 */
const TALLY = `
INSERT INTO reputation (scope, bucket, ${NAMES.join(", ")})
SELECT scope.value, news.at - news.at % ${BUCKET_MS}, ${Object.values(COLUMNS).join(", ")}
FROM (
  SELECT tally.value ->> 3 & ${COUNTED} & ~coalesce(row.marks, 0) AS fresh,
    coalesce(row.marks, 0) AS old,
    coalesce((SELECT min(entry.value ->> 'at') FROM json_each(row.timeline) AS entry
      WHERE entry.value ->> 'type' = 'sent' AND entry.value ->> 'attempt' IS NOT NULL),
      tally.value ->> 4) AS at,
    tally.value ->> 5 AS reports, tally.value -> 6 AS scopes
  FROM json_each(?1) AS tally LEFT JOIN recipient AS row
    ON row.account_id = tally.value ->> 0 AND row.message_id = tally.value ->> 1
      AND row.recipient_no = tally.value ->> 2
) AS news, json_each(news.scopes) AS scope
WHERE news.fresh <> 0
GROUP BY 1, 2
ON CONFLICT (scope, bucket) DO UPDATE SET
  ${NAMES.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")}`;

/**
 * Statements that count what is new in the tallies, for the transaction that merges the same facts
 * into `recipient`, and before that merge. Each recipient stands in one tally at most; those of one
 * transaction may come in any number of transactions again, and count once. Writes one row for each
 * scope and hour touched, and none when nothing is new.
 */
export function tallyStatements(db: D1Database, tallies: readonly Tally[]): D1PreparedStatement[] {
  const counted = tallies.filter(
    ({ marks, scopes }) => (marks & COUNTED) !== 0 && scopes.length > 0,
  );
  const rows = counted.map(({ account, messageId, no, marks, at, reports, scopes }) =>
    JSON.stringify([account, messageId, no, marks, Math.floor(at), reports ? 1 : 0, scopes]),
  );
  return portionsOf(rows).map((portion) => db.prepare(TALLY).bind(portion));
}

/** Rows that one cron run deletes at most: as many scopes in an hour are a large installation. */
export const PRUNE_MAX = 2_000;

/** Deletes up to `PRUNE_MAX` rows of hours before `before` (Unix ms); answers how many. */
export async function pruneReputation(db: D1Database, before: number): Promise<number> {
  const { meta } = await db
    .prepare(
      `DELETE FROM reputation WHERE (scope, bucket) IN (
         SELECT scope, bucket FROM reputation WHERE bucket < ? ORDER BY bucket LIMIT ${PRUNE_MAX})`,
    )
    .bind(before)
    .run();
  return meta.changes;
}
