/**
 * The D1 table `recipient` (migrations/0001, 0002): one row per message and recipient. Writes are
 * upserts that commute: rank decides the state, sets are united, so any order and any repetition
 * end alike, just as `mergeRows` has it.
 */
import { BOUNCES_MAX } from "../core/attempts.ts";
import { BOUNCE_KINDS } from "../core/bounce.ts";
import { REPEATING, TIMELINE_MAX, timelineText } from "../core/delivery-state.ts";
import {
  attemptOf,
  ENGAGEMENT_MAX,
  type MergedRow,
  type RecipientRow,
  type StoredRecipient,
} from "../core/recipient-row.ts";
import { portionsOf } from "./portions.ts";

const REPEATING_SQL = [...REPEATING].map((type) => `'${type}'`).join(", ");

const KIND_RANK = BOUNCE_KINDS.map((kind, rank) => `WHEN '${kind}' THEN ${rank}`).join(" ");

/**
 * The better-informed fact: higher rank, then earlier, then smaller code and text. See
 * core/delivery-state.
 */
const WINS = `(excluded.rank > recipient.rank OR (excluded.rank = recipient.rank AND
  (excluded.state_at, excluded.code, excluded.text)
    < (recipient.state_at, recipient.code, recipient.text)))`;

/** The newer record of the Outbox. */
const NEWER = `(
  (excluded.rev, excluded.custody, coalesce(excluded.source, ''),
    coalesce(excluded.provider_message_id, ''))
  > (recipient.rev, recipient.custody, coalesce(recipient.source, ''),
    coalesce(recipient.provider_message_id, '')))`;

const when = (condition: string) => (column: string) =>
  `${column} = CASE WHEN ${condition} THEN excluded.${column} ELSE recipient.${column} END`;

/** A rank names one state, so the state follows it. */
const FACT = ["state", "rank", "state_at", "code", "text"].map(when(WINS)).join(", ");

const RECORD = ["custody", "source", "provider_message_id", "attempt_key", "rev"]
  .map(when(NEWER))
  .join(", ");

const known = (column: string): string =>
  `${column} = coalesce(min(recipient.${column}, excluded.${column}), recipient.${column},
    excluded.${column})`;

/** The worst bounce of each attempt; see core/attempts. */
const BOUNCES = `bounces = CASE
  WHEN excluded.bounces = '{}' THEN recipient.bounces
  WHEN recipient.bounces = '{}' THEN excluded.bounces
  ELSE (SELECT json_group_object(key, json(fact)) FROM (SELECT key, fact FROM (
    SELECT key, fact, row_number() OVER (PARTITION BY key ORDER BY
      CASE fact ->> 'kind' ${KIND_RANK} END DESC, fact ->> 'at', fact ->> 'code', fact ->> 'text',
      fact ->> 'category') AS place
    FROM (SELECT key, value AS fact FROM json_each(recipient.bounces)
      UNION ALL SELECT key, value FROM json_each(excluded.bounces)))
    WHERE place = 1 ORDER BY key LIMIT ${BOUNCES_MAX})) END`;

const ENGAGEMENT = `engagement = CASE WHEN excluded.engagement = '[]' THEN recipient.engagement
  ELSE (SELECT json_group_array(entry) FROM (
    SELECT value AS entry FROM json_each(recipient.engagement)
    UNION SELECT value FROM json_each(excluded.engagement)
    ORDER BY entry LIMIT ${ENGAGEMENT_MAX})) END`;

const TIMELINE = `timeline = (SELECT json_group_array(json(entry)) FROM (
  SELECT entry FROM (
    SELECT entry FROM (
      SELECT value AS entry FROM json_each(recipient.timeline)
      UNION SELECT value FROM json_each(excluded.timeline))
    ORDER BY entry ->> 'type' IN (${REPEATING_SQL}), entry ->> 'at', entry LIMIT ${TIMELINE_MAX})
  ORDER BY entry ->> 'at', entry))`;

const COLUMNS_WRITTEN = [
  ...["account_id", "message_id", "recipient_no", "address", "recipient_hash", "kind", "state"],
  ...["rank", "state_at", "code", "text", "rev", "custody", "source", "provider_message_id"],
  ...["complained_at", "timeline", "message", "marks", "bounces", "engagement", "attempt_key"],
  "provider_key",
];

/** Columns with an index: an update that names one costs a row written more. */
type Indexed = "recipient_hash" | "provider_key";

const upsert = (indexed: readonly Indexed[]): string => `
INSERT INTO recipient (${COLUMNS_WRITTEN.join(", ")})
SELECT ${COLUMNS_WRITTEN.map((_, index) => `value ->> ${index}`).join(", ")}
FROM json_each(?1) WHERE true
ON CONFLICT (account_id, message_id, recipient_no) DO UPDATE SET
  ${[...indexed, "address", "kind", "message"].map(known).join(", ")},
  ${FACT},
  ${RECORD},
  complained_at = coalesce(min(recipient.complained_at, excluded.complained_at),
    recipient.complained_at, excluded.complained_at),
  marks = recipient.marks | excluded.marks,
  ${BOUNCES},
  ${ENGAGEMENT},
  ${TIMELINE}
RETURNING account_id, message_id, recipient_no, standing, state_at, custody`;

/** `described` rows come from an Outbox and say who the recipient is; events do not. */
const UPSERTS: readonly [(row: RecipientRow) => boolean, string][] = [
  [(row) => row.providerKey !== null, upsert(["recipient_hash", "provider_key"])],
  [(row) => row.providerKey === null && row.hash !== null, upsert(["recipient_hash"])],
  [(row) => row.providerKey === null && row.hash === null, upsert([])],
];

interface Returned {
  readonly account_id: string;
  readonly message_id: string;
  readonly recipient_no: number;
  readonly standing: RecipientRow["state"];
  readonly state_at: number;
  readonly custody: number;
}

function bound(row: RecipientRow): unknown[] {
  return [
    row.account,
    row.messageId,
    row.no,
    row.address,
    row.hash,
    row.kind,
    row.state,
    row.rank,
    row.stateAt,
    row.code,
    row.text,
    row.rev,
    row.custody ? 1 : 0,
    row.source,
    row.providerMessageId,
    row.complainedAt,
    `[${row.timeline.map(timelineText).join(",")}]`,
    row.message,
    row.marks,
    JSON.stringify(row.bounces),
    JSON.stringify(row.engagement),
    attemptOf(row),
    row.providerKey,
  ];
}

/** Statements that merge rows, each key once; their results are read by `mergedOf`. */
export function recipientStatements(
  db: D1Database,
  rows: readonly RecipientRow[],
): D1PreparedStatement[] {
  return UPSERTS.flatMap(([takes, sql]) =>
    portionsOf(rows.filter(takes).map((row) => JSON.stringify(bound(row)))).map((portion) =>
      db.prepare(sql).bind(portion),
    ),
  );
}

/** Each merged row as it stands afterwards. */
export function mergedOf(results: readonly D1Result[]): MergedRow[] {
  return results.flatMap(({ results: returned }) =>
    (returned as Returned[]).map((row) => ({
      account: row.account_id,
      messageId: row.message_id,
      no: row.recipient_no,
      state: row.standing,
      stateAt: row.state_at,
      custody: row.custody === 1,
    })),
  );
}

const COLUMNS = `message_id, recipient_no, address, kind, state, state_at, code, text, source,
  provider_message_id, marks, bounces, attempt_key, engagement, timeline, message`;

/** All recipients of one message, in order; none when it is not recorded. */
export async function readMessage(
  db: D1Database,
  account: string,
  messageId: string,
): Promise<StoredRecipient[]> {
  const { results } = await db
    .prepare(`SELECT ${COLUMNS} FROM recipient WHERE account_id = ? AND message_id = ?`)
    .bind(account, messageId)
    .all<StoredRecipient>();
  return results;
}

/** The rows of a page of messages, newest or oldest first; ids are in order of time. */
export async function listMessages(
  db: D1Database,
  account: string,
  page: { readonly after: string | null; readonly before: string | null; readonly limit: number },
): Promise<StoredRecipient[]> {
  const ids =
    page.before === null
      ? "message_id < ?2 ORDER BY message_id DESC"
      : "message_id > ?2 ORDER BY message_id ASC";
  const { results } = await db
    .prepare(
      `SELECT ${COLUMNS} FROM recipient WHERE account_id = ?1 AND message_id IN (
         SELECT DISTINCT message_id FROM recipient WHERE account_id = ?1 AND ${ids} LIMIT ?3)
       ORDER BY message_id DESC, recipient_no`,
    )
    .bind(account, page.before ?? page.after ?? "g", page.limit)
    .all<StoredRecipient>();
  return results;
}

export interface StateCounts {
  readonly states: Readonly<Record<string, number>>;
  readonly complained: number;
}

/**
 * Recipients by state, of messages that their Outbox has let go of. Reads every row of the
 * account.
 */
export async function countStates(db: D1Database, account: string): Promise<StateCounts> {
  const { results } = await db
    .prepare(
      `SELECT standing AS state, count(*) AS count, count(complained_at) AS complained
       FROM recipient WHERE account_id = ? AND custody = 0 AND rev > 0 GROUP BY standing`,
    )
    .bind(account)
    .all<{ state: string; count: number; complained: number }>();
  return {
    states: Object.fromEntries(results.map((row) => [row.state, row.count])),
    complained: results.reduce((sum, row) => sum + row.complained, 0),
  };
}
