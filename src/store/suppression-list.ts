/**
 * The D1 table `suppression` (migrations/0003) as the API and people read and change it. A list is
 * in order of the addresses' hashes, which is that of the ids: an order by time would cost every
 * entry a second row.
 */
import {
  hashPrefixOf,
  type Override,
  type StoredSuppression,
  type SuppressionPolicy,
  type SuppressionReason,
  suppressionId,
} from "../core/suppression.ts";
import { FACT_COLUMNS, TOUCH } from "./suppressions.ts";

/** Overrides kept of one entry, the newest. */
const OVERRIDES_KEPT = 16;

const COLUMNS = `recipient_hash AS hash, stream, address, source, message_id AS messageId,
  first_seen_at AS firstSeenAt, last_seen_at AS lastSeenAt, overrides, ${FACT_COLUMNS}`;

/** When the time of a reason is over; the same as in core/suppression's `standingOf`. */
const REASON_SQL: Readonly<Record<SuppressionReason, string>> = {
  complaint: "complained_at > 0",
  hard_bounce: "hard_at > max(removed_at, :hard)",
  unsubscribe: "unsubscribed_at > removed_at",
  manual: "manual_at > removed_at",
  soft_bounce: "soft_at > max(removed_at, :soft)",
  provider_list: "listed_at > max(removed_at, delivered_at, :soft)",
};

/**
 * SQL that is true for rows that block now for one of `reasons`. Whole numbers of our own are put
 * into it as they are.
 */
export function activeSql(
  reasons: readonly SuppressionReason[],
  policy: SuppressionPolicy,
  now: number,
): string {
  const any = reasons.map((reason) => `(${REASON_SQL[reason]})`).join(" OR ");
  return `(${any})`
    .replaceAll(":hard", String(Math.trunc(now - policy.hardMs)))
    .replaceAll(":soft", String(Math.trunc(now - policy.softMs)));
}

type Row = Omit<StoredSuppression, "overrides"> & { readonly overrides: string };

const stored = (row: Row): StoredSuppression => ({
  ...row,
  overrides: JSON.parse(row.overrides) as Override[],
});

/** A place in the list: the key of a row. */
export interface ListPlace {
  readonly hash: string;
  readonly stream: string;
}

/** What is known of the addresses with these hashes, whether it blocks or not. */
export async function findSuppressions(
  db: D1Database,
  account: string,
  hashes: readonly string[],
): Promise<StoredSuppression[]> {
  const { results } = await db
    .prepare(
      `SELECT ${COLUMNS} FROM suppression
       WHERE account_id = ?1 AND recipient_hash IN (SELECT value FROM json_each(?2))`,
    )
    .bind(account, JSON.stringify(hashes))
    .all<Row>();
  return results.map(stored);
}

/** What is known under these ids, whether it blocks or not. */
export async function suppressionsById(
  db: D1Database,
  account: string,
  ids: readonly string[],
): Promise<StoredSuppression[]> {
  const prefixes = ids.map(hashPrefixOf).filter((prefix) => prefix !== null);
  if (prefixes.length === 0) return [];
  // Digits sort before letters, so that "g" ends a range of hexadecimal texts.
  const { results } = await db
    .prepare(
      `SELECT ${COLUMNS} FROM json_each(?2) AS wanted CROSS JOIN suppression
       WHERE account_id = ?1 AND recipient_hash >= wanted.value
         AND recipient_hash < wanted.value || 'g'`,
    )
    .bind(account, JSON.stringify([...new Set(prefixes)]))
    .all<Row>();
  const wanted = new Set(ids);
  return results.map(stored).filter((row) => wanted.has(suppressionId(row.hash, row.stream)));
}

/** The place of an id in the list, also when its row is gone. */
export async function placeOf(db: D1Database, account: string, id: string): Promise<ListPlace> {
  const [row] = await suppressionsById(db, account, [id]);
  return row ?? { hash: hashPrefixOf(id) ?? "", stream: "" };
}

/** Which entries a page is of, and which rows count. */
export interface SuppressionPage {
  readonly limit: number;
  /** The page begins after this place, or ends before it. */
  readonly after: ListPlace | null;
  readonly before: ListPlace | null;
  readonly reasons: readonly SuppressionReason[];
}

/** Entries that block at the moment, in order of their hashes and streams. */
export async function listSuppressions(
  db: D1Database,
  account: string,
  page: SuppressionPage,
  policy: SuppressionPolicy,
  now: number,
): Promise<StoredSuppression[]> {
  const back = page.before !== null;
  const place = page.before ?? page.after ?? { hash: "", stream: "" };
  const { results } = await db
    .prepare(
      `SELECT ${COLUMNS} FROM suppression
       WHERE account_id = ?1 AND (recipient_hash, stream) ${back ? "<" : ">"} (?2, ?3)
         AND ${activeSql(page.reasons, policy, now)}
       ORDER BY recipient_hash ${back ? "DESC, stream DESC" : ", stream"} LIMIT ?4`,
    )
    .bind(account, place.hash, place.stream, page.limit)
    .all<Row>();
  return (back ? results.reverse() : results).map(stored);
}

/**
 * Takes entries off the list: what was known up to `now` no longer counts, except for complaints,
 * which stay. The row is kept for a while without its address, so that an event that is reported
 * twice does not bring the entry back.
 */
export async function removeSuppressions(
  db: D1Database,
  account: string,
  places: readonly ListPlace[],
  now: number,
): Promise<void> {
  if (places.length === 0) return;
  const keys = JSON.stringify(places.map(({ hash, stream }) => [hash, stream]));
  await db.batch([
    db
      .prepare(
        `UPDATE suppression SET removed_at = max(removed_at, last_seen_at, ?3), address = '',
           soft = '{}', soft_at = 0
         WHERE complained_at = 0 AND (account_id, recipient_hash, stream) IN (
           SELECT ?1, value ->> 0, value ->> 1 FROM json_each(?2))`,
      )
      .bind(account, keys, now),
    db.prepare(TOUCH).bind(JSON.stringify([account])),
  ]);
}

/**
 * Lets transactional mail through in spite of a complaint.
 *
 * @returns the entry as it stands then; null when there is no complaint
 */
export async function overrideSuppression(
  db: D1Database,
  account: string,
  place: ListPlace,
  override: Override,
): Promise<StoredSuppression | null> {
  const [updated] = await db.batch<Row>([
    db
      .prepare(
        `UPDATE suppression SET overridden_at = max(overridden_at, complained_at, ?4),
           overrides = (SELECT json_group_array(json(value)) FROM (
             SELECT value FROM (
               SELECT value FROM json_each(overrides) UNION SELECT json(?5))
             ORDER BY value ->> 'at' DESC, value LIMIT ${OVERRIDES_KEPT}))
         WHERE account_id = ?1 AND recipient_hash = ?2 AND stream = ?3 AND complained_at > 0
         RETURNING ${COLUMNS}`,
      )
      .bind(account, place.hash, place.stream, override.at, JSON.stringify(override)),
    db.prepare(TOUCH).bind(JSON.stringify([account])),
  ]);
  const row = updated?.results[0];
  return row === undefined ? null : stored(row);
}
