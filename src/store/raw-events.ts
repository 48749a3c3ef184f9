/**
 * The D1 table `raw_event` (migrations/0002): providers' events as they came, of those that are no
 * plain delivery, open or click.
 */
import type { RawEvent } from "../core/events.ts";
import { portionsOf } from "./portions.ts";

/**
 * Events of one message. More than anybody reads, and a bound on what somebody can fill the
 * database with who has a mail of ours, and so may report of it by mail as often as they like.
 */
const KEPT_MAX = 200;

const INSERT = `
INSERT INTO raw_event (account_id, message_id, id, recipient_no, source, type, at, raw)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
  value ->> 7 FROM json_each(?1) AS given WHERE NOT EXISTS (
    SELECT 1 FROM raw_event AS known
    WHERE known.account_id = given.value ->> 0 AND known.message_id = given.value ->> 1
    LIMIT 1 OFFSET ${KEPT_MAX - 1})
ON CONFLICT DO NOTHING`;

/**
 * Statements that keep events; a known one costs nothing. A message that has `KEPT_MAX` is given
 * no more.
 */
export function rawEventStatements(
  db: D1Database,
  events: readonly RawEvent[],
): D1PreparedStatement[] {
  const rows = events.map(({ account, messageId, id, no, source, type, at, raw }) =>
    JSON.stringify([account, messageId, id, no, source, type, at, raw]),
  );
  return portionsOf(rows).map((portion) => db.prepare(INSERT).bind(portion));
}

/** The kept events of one message, in order of time. */
export async function readRawEvents(
  db: D1Database,
  account: string,
  messageId: string,
): Promise<Omit<RawEvent, "account" | "messageId">[]> {
  const { results } = await db
    .prepare(
      `SELECT id, recipient_no AS no, source, type, at, raw FROM raw_event
       WHERE account_id = ? AND message_id = ? ORDER BY at, id LIMIT ${KEPT_MAX}`,
    )
    .bind(account, messageId)
    .all<Omit<RawEvent, "account" | "messageId">>();
  return results;
}

/**
 * Deletes an account's events of messages older than `before`, a message id: ids are in order of
 * time.
 *
 * @returns how many of at most `limit` were deleted
 */
export async function pruneRawEvents(
  db: D1Database,
  account: string,
  before: string,
  limit: number,
): Promise<number> {
  const { meta } = await db
    .prepare(
      `DELETE FROM raw_event WHERE (account_id, message_id, id) IN (
         SELECT account_id, message_id, id FROM raw_event
         WHERE account_id = ?1 AND message_id < ?2 LIMIT ?3)`,
    )
    .bind(account, before, limit)
    .run();
  return meta.changes;
}
