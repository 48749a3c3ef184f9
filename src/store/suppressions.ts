/**
 * The D1 table `suppression` (migrations/0003): what is known of addresses, per account and stream.
 * Writes merge: times take the later one, soft bounces are a set, so any order and any repetition
 * end alike. What an entry means is told by core/suppression; `activeSql` says the same in SQL.
 */
import type { SuppressedRecipient } from "../core/custody.ts";
import {
  foldChanges,
  type SuppressionChange,
  type SuppressionFacts,
  type SuppressionPolicy,
  standingOf,
} from "../core/suppression.ts";
import { portionsOf } from "./portions.ts";

/**
 * Soft bounces kept of one address, the newest: more than any policy asks for, and a row stays
 * small.
 */
export const SOFT_KEPT = 16;

/**
 * An address's newest messages among which a delivery is looked for that was recorded before the
 * soft bounce it lifts.
 */
const MESSAGES_LOOKED_AT = 50;

/** What merges as the later of two times. */
const TIMES = [
  "hard_at",
  "listed_at",
  "complained_at",
  "unsubscribed_at",
  "manual_at",
  "delivered_at",
] as const;

/** What the merge decides; a row that would stay the same is not written. */
const DECIDED = [
  "address",
  "source",
  "message_id",
  "first_seen_at",
  "last_seen_at",
  "soft",
  "soft_at",
  ...TIMES,
] as const;

const FACTS = `fact AS (
  SELECT value ->> 0 AS account_id, value ->> 1 AS recipient_hash, value ->> 2 AS stream,
    value ->> 3 AS address, value ->> 4 AS source, value ->> 5 AS message_id,
    value ->> 6 AS first_seen_at, value ->> 7 AS last_seen_at, value ->> 8 AS hard_at,
    value ->> 9 AS listed_at, value ->> 10 AS complained_at, value ->> 11 AS unsubscribed_at,
    value ->> 12 AS manual_at, value ->> 13 AS delivered_at, value ->> 14 AS soft
  FROM json_each(?1))`;

/** Soft bounces after `since`, one per message, the newest ones. */
const united = (sets: string, since: string): string => `(
  SELECT json_group_object(key, at) FROM (
    SELECT key, min(value) AS at FROM (${sets}) GROUP BY key HAVING min(value) > ${since}
    ORDER BY at DESC, key LIMIT ${SOFT_KEPT}))`;

/** The newest soft bounce that ends a large enough group; ?2 messages within ?3 milliseconds. */
const groupEnd = (soft: string): string => `coalesce((
  SELECT max(last.value) FROM json_each(${soft}) AS last WHERE ?2 <= (
    SELECT count(*) FROM json_each(${soft}) AS other
    WHERE other.value <= last.value AND other.value > last.value - ?3)), 0)`;

/**
 * A delivery lifts what came before it also when it was recorded first: then `recipient` has it. A
 * manual entry of the very millisecond of a removal is the later one: people add what they removed.
 * Without `MATERIALIZED` each use of a merged value would compute it again, and without
 * `INDEXED BY` all messages of the account would be looked through in their order.
 */
const MERGE = `WITH ${FACTS},
known AS MATERIALIZED (
  SELECT fact.*, old.soft AS old_soft, coalesce(old.removed_at, 0) AS removed_at,
    coalesce(old.address, '') AS old_address, old.source AS old_source,
    old.message_id AS old_message_id, old.first_seen_at AS old_first, old.last_seen_at AS old_last,
    max(fact.hard_at, coalesce(old.hard_at, 0)) AS new_hard_at,
    max(fact.listed_at, coalesce(old.listed_at, 0)) AS new_listed_at,
    max(fact.complained_at, coalesce(old.complained_at, 0)) AS new_complained_at,
    max(fact.unsubscribed_at, coalesce(old.unsubscribed_at, 0)) AS new_unsubscribed_at,
    max(coalesce(old.manual_at, 0), CASE WHEN fact.manual_at = 0 THEN 0
      ELSE max(fact.manual_at, coalesce(old.removed_at, 0) + 1) END) AS new_manual_at,
    max(fact.delivered_at, coalesce(old.delivered_at, 0),
      CASE WHEN fact.soft = '{}' AND fact.listed_at = 0 THEN 0 ELSE coalesce((
        SELECT max(state_at) FROM (SELECT state, state_at
          FROM recipient INDEXED BY recipient_by_hash
          WHERE recipient.account_id = fact.account_id
            AND recipient.recipient_hash = fact.recipient_hash
          ORDER BY message_id DESC LIMIT ${MESSAGES_LOOKED_AT})
        WHERE state = 'delivered'), 0) END) AS new_delivered_at
  FROM fact LEFT JOIN suppression AS old USING (account_id, recipient_hash, stream)),
merged AS MATERIALIZED (
  SELECT known.*, ${united(
    `SELECT key, value FROM json_each(known.soft)
     UNION ALL SELECT key, value FROM json_each(coalesce(known.old_soft, '{}'))`,
    "max(known.new_delivered_at, known.removed_at)",
  )} AS new_soft,
    old_last IS NULL OR (last_seen_at, message_id, source) > (old_last, old_message_id, old_source)
      AS newer
  FROM known)
INSERT INTO suppression (account_id, recipient_hash, stream, address, source, message_id,
  first_seen_at, last_seen_at, soft, soft_at, ${TIMES.join(", ")})
SELECT account_id, recipient_hash, stream, iif(old_address = '', address, old_address),
  iif(newer, source, old_source), iif(newer, message_id, old_message_id),
  CASE WHEN old_first IS NULL OR old_first <= removed_at THEN first_seen_at
    ELSE min(old_first, first_seen_at) END,
  max(last_seen_at, coalesce(old_last, 0)), new_soft, ${groupEnd("new_soft")},
  ${TIMES.map((column) => `new_${column}`).join(", ")}
FROM merged WHERE true
ON CONFLICT (account_id, recipient_hash, stream) DO UPDATE SET
  ${DECIDED.map((column) => `${column} = excluded.${column}`).join(", ")}
WHERE (${DECIDED.map((column) => `suppression.${column}`).join(", ")})
  IS NOT (${DECIDED.map((column) => `excluded.${column}`).join(", ")})`;

/** A delivery of an address that nothing is held against costs one read, and writes nothing. */
const LIFT = `WITH ${FACTS},
lifted AS MATERIALIZED (
  SELECT account_id, recipient_hash, stream, fact.delivered_at AS lifted_at, ${united(
    "SELECT key, value FROM json_each(old.soft)",
    "fact.delivered_at",
  )} AS left_over
  FROM fact CROSS JOIN suppression AS old USING (account_id, recipient_hash, stream)
  WHERE fact.delivered_at > old.delivered_at
    AND (old.soft <> '{}' OR old.listed_at > old.delivered_at))
UPDATE suppression SET delivered_at = lifted_at, soft = left_over,
  soft_at = ${groupEnd("left_over")}
FROM lifted WHERE suppression.account_id = lifted.account_id
  AND suppression.recipient_hash = lifted.recipient_hash AND suppression.stream = lifted.stream`;

/** Rises with every transaction that may change what a snapshot holds. */
export const TOUCH = `INSERT INTO suppression_list (account_id, revision)
SELECT value, 1 FROM json_each(?1) WHERE true
ON CONFLICT (account_id) DO UPDATE SET revision = revision + 1`;

/** The columns of a row as `FACTS` reads them; no time is later than `now`. */
function bound(one: SuppressionChange, now: number): unknown[] {
  const past = (at: number): number => Math.min(at, now);
  const soft = Object.entries(one.soft).map(([id, at]) => [id, past(at)] as const);
  return [
    one.account,
    one.hash,
    one.stream,
    one.address,
    one.source,
    one.messageId,
    past(one.firstAt),
    past(one.lastAt),
    past(one.hardAt),
    past(one.listedAt),
    past(one.complainedAt),
    past(one.unsubscribedAt),
    past(one.manualAt),
    past(one.deliveredAt),
    JSON.stringify(Object.fromEntries(soft)),
  ];
}

const portions = (changes: readonly SuppressionChange[], now: number): string[] =>
  portionsOf(changes.map((change) => JSON.stringify(bound(change, now))));

/**
 * The statements that add `changes` to the list, for one transaction (`db.batch`); none for none.
 * Safe to repeat, alone or with others, and alike in any order. They need nothing of the other
 * statements of the transaction and may stand anywhere in it. An entry costs one row written, a
 * repetition none; where hard bounces, complaints or manual entries change, one more per account.
 *
 * @param now Unix ms; a time after it counts as now, so that no provider's clock blocks the future
 */
export function suppressionStatements(
  db: D1Database,
  changes: readonly SuppressionChange[],
  policy: SuppressionPolicy,
  now: number,
): D1PreparedStatement[] {
  const folded = foldChanges(changes);
  // A change whose facts were never seen is a delivery and nothing else.
  const lifts = folded.filter((one) => one.lastAt === 0);
  const facts = folded.filter((one) => one.lastAt > 0);
  const terms = [policy.softMessages, policy.softWindowMs] as const;
  const lists = facts.filter((one) => one.hardAt + one.complainedAt + one.manualAt > 0);
  const accounts = [...new Set(lists.map((one) => one.account))];
  return [
    ...portions(facts, now).map((portion) => db.prepare(MERGE).bind(portion, ...terms)),
    ...portions(lifts, now).map((portion) => db.prepare(LIFT).bind(portion, ...terms)),
    ...(accounts.length === 0 ? [] : [db.prepare(TOUCH).bind(JSON.stringify(accounts))]),
  ];
}

/** The facts of a row, named as `SuppressionFacts` has them. */
export const FACT_COLUMNS = `hard_at AS hardAt, soft_at AS softAt, listed_at AS listedAt,
  complained_at AS complainedAt, unsubscribed_at AS unsubscribedAt, manual_at AS manualAt,
  delivered_at AS deliveredAt, removed_at AS removedAt, overridden_at AS overriddenAt`;

/**
 * Of the addresses with these hashes those that are not to be written to: one query however many
 * they are.
 */
export async function readSuppressed(
  db: D1Database,
  account: string,
  hashes: readonly string[],
  policy: SuppressionPolicy,
  now: number,
): Promise<SuppressedRecipient[]> {
  const { results } = await db
    .prepare(
      `SELECT recipient_hash AS hash, stream, ${FACT_COLUMNS} FROM suppression
       WHERE account_id = ?1 AND recipient_hash IN (SELECT value FROM json_each(?2))`,
    )
    .bind(account, JSON.stringify(hashes))
    .all<SuppressionFacts & { hash: string; stream: string }>();
  return results.flatMap(({ hash, stream, ...facts }) => {
    const standing = standingOf(facts, policy, now);
    return standing === null
      ? []
      : [{ hash, stream, lane: standing.lane, reason: standing.reason }];
  });
}
