/**
 * The D1 table `recipient` (migrations/0001): one row per message and recipient. Writes are
 * upserts that commute: rank decides the state, timelines are united, so any order and any
 * repetition end alike.
 */
import { REPEATING, TIMELINE_MAX, timelineText } from "../core/delivery-state.ts";
import type { MergedRow, RecipientRow, StoredRecipient } from "../core/recipient-row.ts";

/** Characters of rows in one statement: a bound value is at most 2 MB. */
const STATEMENT_MAX = 500_000;

const REPEATING_SQL = [...REPEATING].map((type) => `'${type}'`).join(", ");

/**
 * The better-informed fact: higher rank, then earlier, then smaller code and text. See
 * core/delivery-state.
 */
const WINS = `(
  excluded.rank > recipient.rank OR (excluded.rank = recipient.rank AND (
    excluded.state_at < recipient.state_at OR (excluded.state_at = recipient.state_at AND (
      excluded.code < recipient.code OR (excluded.code = recipient.code AND
        excluded.text < recipient.text))))))`;

/** A rank names one state, so the state follows it. */
const fact = (column: string): string =>
  `${column} = CASE WHEN ${WINS} THEN excluded.${column} ELSE recipient.${column} END`;

const newer = (column: string): string =>
  `${column} = CASE WHEN excluded.rev > recipient.rev
     THEN coalesce(excluded.${column}, recipient.${column})
     ELSE coalesce(recipient.${column}, excluded.${column}) END`;

const known = (column: string): string =>
  `${column} = coalesce(recipient.${column}, excluded.${column})`;

/**
 * `described` rows come from an Outbox and say who the recipient is. Events do not, and leave the
 * indexed column alone: an update that names it costs a row written more.
 */
const upsert = (described: boolean): string => `
INSERT INTO recipient (account_id, message_id, recipient_no, address, recipient_hash, kind, state,
  rank, state_at, code, text, rev, custody, source, provider_message_id, complained_at, timeline,
  message)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
  value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13,
  value ->> 14, value ->> 15, value ->> 16, value ->> 17
FROM json_each(?1) WHERE true
ON CONFLICT (account_id, message_id, recipient_no) DO UPDATE SET
  ${described ? `${known("recipient_hash")},` : ""}
  ${known("address")}, ${known("kind")}, ${known("message")},
  ${["state", "rank", "state_at", "code", "text"].map(fact).join(", ")},
  ${["source", "provider_message_id"].map(newer).join(", ")},
  custody = CASE WHEN excluded.rev > recipient.rev THEN excluded.custody ELSE recipient.custody END,
  rev = max(excluded.rev, recipient.rev),
  complained_at = CASE
    WHEN recipient.complained_at IS NULL THEN excluded.complained_at
    WHEN excluded.complained_at IS NULL THEN recipient.complained_at
    ELSE min(recipient.complained_at, excluded.complained_at) END,
  timeline = (SELECT json_group_array(json(entry)) FROM (
    SELECT entry FROM (
      SELECT entry FROM (
        SELECT value AS entry FROM json_each(recipient.timeline)
        UNION SELECT value FROM json_each(excluded.timeline))
      ORDER BY entry ->> 'type' IN (${REPEATING_SQL}), entry ->> 'at', entry LIMIT ${TIMELINE_MAX})
    ORDER BY entry ->> 'at', entry))
RETURNING account_id, message_id, recipient_no, state, state_at, custody`;

interface Returned {
  readonly account_id: string;
  readonly message_id: string;
  readonly recipient_no: number;
  readonly state: RecipientRow["state"];
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
  ];
}

/** The rows as JSON arrays, each within what one statement takes. */
function portions(rows: readonly RecipientRow[]): string[] {
  const closed: string[] = [];
  let open: string[] = [];
  let size = 0;
  for (const row of rows) {
    const text = JSON.stringify(bound(row));
    if (open.length > 0 && size + text.length > STATEMENT_MAX) {
      closed.push(`[${open.join(",")}]`);
      open = [];
      size = 0;
    }
    open.push(text);
    size += text.length;
  }
  if (open.length > 0) closed.push(`[${open.join(",")}]`);
  return closed;
}

/**
 * Merges rows, each key once, in one transaction.
 *
 * @returns each row as it stands afterwards
 */
export async function mergeRecipients(
  db: D1Database,
  rows: readonly RecipientRow[],
): Promise<MergedRow[]> {
  if (rows.length === 0) return [];
  const statements = [true, false].flatMap((described) =>
    portions(rows.filter((row) => (row.hash !== null) === described)).map((portion) =>
      db.prepare(upsert(described)).bind(portion),
    ),
  );
  const results = await db.batch<Returned>(statements);
  return results.flatMap(({ results: returned }) =>
    returned.map((row) => ({
      account: row.account_id,
      messageId: row.message_id,
      no: row.recipient_no,
      state: row.state,
      stateAt: row.state_at,
      custody: row.custody === 1,
    })),
  );
}

const COLUMNS = `message_id, recipient_no, address, kind, state, state_at, code, text, source,
  provider_message_id, timeline, message`;

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
      `SELECT state, count(*) AS count, count(complained_at) AS complained FROM recipient
       WHERE account_id = ? AND custody = 0 AND rev > 0 GROUP BY state`,
    )
    .bind(account)
    .all<{ state: string; count: number; complained: number }>();
  return {
    states: Object.fromEntries(results.map((row) => [row.state, row.count])),
    complained: results.reduce((sum, row) => sum + row.complained, 0),
  };
}
