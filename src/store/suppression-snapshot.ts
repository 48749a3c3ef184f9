/**
 * The part of the suppression list that transactional mail goes by when D1 does not answer: R2
 * `suppressed/<account>`, a set of hashes (core/hash-set) of the addresses with a hard bounce, a
 * complaint without override or a manual entry, for all streams. Written by the cron where the D1
 * table `suppression_list` (migrations/0003) says that the list has changed. The cron also deletes
 * rows that no longer say anything.
 */
import { hasHash, MEMBER_BYTES, MEMBER_DIGITS, packHashes } from "../core/hash-set.ts";
import { SUPPRESSION_REASONS, type SuppressionPolicy } from "../core/suppression.ts";
import { activeSql } from "./suppression-list.ts";

/** Entries of one snapshot: 4 MB, of which an isolate holds a few. More are left out, and told. */
export const SNAPSHOT_MAX = 500_000;

/** Hashes of one query. */
const PAGE = 10_000;

/** A busy list is read as a whole this often at most: a million rows read cost 0.1 cents. */
export const SNAPSHOT_EVERY_MS = 5 * 60_000;

/** Lists written in one run of the cron: 50 queries each at most, of the 1,000 of an invocation. */
const LISTS_MAX = 10;

/** Rows deleted in one run of the cron. */
const PURGE_MAX = 1_000;

/**
 * A row that says nothing is kept this long after its last fact or removal: above the longest
 * window of soft bounces, and above the time in which an event is reported twice.
 */
export const PURGE_AFTER_MS = 31 * 86_400_000;

/** The hash space is gone through in this many parts, one a minute: once in 17 hours. */
const PURGE_PARTS = 1_024;

const keyOf = (account: string): string => `suppressed/${account}`;

/** Addresses that transactional mail is not sent to when D1 does not answer. */
export interface Snapshot {
  readonly has: (hash: string) => boolean;
}

/** The stored snapshot of an account, null when there is none. */
export async function readSnapshot(bucket: R2Bucket, account: string): Promise<Snapshot | null> {
  const object = await bucket.get(keyOf(account));
  if (object === null) return null;
  const set = new DataView(await object.arrayBuffer());
  return { has: (hash) => hasHash(set, hash) };
}

export interface SnapshotStores {
  readonly db: D1Database;
  readonly bucket: R2Bucket;
}

export interface SnapshotsWritten {
  readonly written: number;
  /** Accounts whose list did not fit. */
  readonly capped: number;
}

/** Writes the snapshots of lists that have changed since theirs was written. */
export async function writeSnapshots(
  { db, bucket }: SnapshotStores,
  policy: SuppressionPolicy,
  now: number,
): Promise<SnapshotsWritten> {
  const { results } = await db
    .prepare(
      `SELECT account_id, revision FROM suppression_list
       WHERE revision > snapshot_revision AND snapshot_at <= ?1 ORDER BY snapshot_at LIMIT ?2`,
    )
    .bind(now - SNAPSHOT_EVERY_MS, LISTS_MAX)
    .all<{ account_id: string; revision: number }>();
  let capped = 0;
  for (const { account_id: account, revision } of results) {
    const { set, whole } = await collect(db, account, policy, now);
    if (!whole) capped += 1;
    await bucket.put(keyOf(account), set);
    // The revision from before the list was read: what changed meanwhile is for the next run.
    await db
      .prepare(
        `UPDATE suppression_list SET snapshot_revision = ?2, snapshot_at = ?3
         WHERE account_id = ?1`,
      )
      .bind(account, revision, now)
      .run();
  }
  return { written: results.length, capped };
}

async function collect(
  db: D1Database,
  account: string,
  policy: SuppressionPolicy,
  now: number,
): Promise<{ set: Uint8Array; whole: boolean }> {
  const blocking = `(${activeSql(["hard_bounce", "manual"], policy, now)}
    OR complained_at > overridden_at)`;
  const parts: Uint8Array[] = [];
  let count = 0;
  let after = "";
  for (;;) {
    const { results } = await db
      .prepare(
        `SELECT recipient_hash FROM suppression
         WHERE account_id = ?1 AND recipient_hash > ?2 AND stream = '*' AND ${blocking}
         ORDER BY recipient_hash LIMIT ?3`,
      )
      .bind(account, after, PAGE)
      .all<{ recipient_hash: string }>();
    const hashes = results.map((row) => row.recipient_hash);
    parts.push(packHashes(hashes.map((hash) => hash.slice(0, MEMBER_DIGITS))));
    count += hashes.length;
    after = hashes.at(-1) ?? "";
    const whole = hashes.length < PAGE;
    if (whole || count >= SNAPSHOT_MAX) return { set: joined(parts, count), whole };
  }
}

function joined(parts: readonly Uint8Array[], count: number): Uint8Array {
  const set = new Uint8Array(count * MEMBER_BYTES);
  let at = 0;
  for (const part of parts) {
    set.set(part, at);
    at += part.byteLength;
  }
  return set;
}

/**
 * Deletes rows that no longer block and whose last fact is long ago, in the part of the hash space
 * whose turn it is: no index, no cursor, and no row is looked at twice within hours.
 *
 * @returns how many were deleted
 */
export async function purgeSuppressions(
  db: D1Database,
  accounts: readonly string[],
  policy: SuppressionPolicy,
  now: number,
): Promise<number> {
  const part = Math.floor(now / 60_000) % PURGE_PARTS;
  const digits = (index: number): string => (index * 4).toString(16).padStart(3, "0");
  const end = part + 1 === PURGE_PARTS ? "g" : digits(part + 1);
  const { meta } = await db
    .prepare(
      `DELETE FROM suppression WHERE (account_id, recipient_hash, stream) IN (
         SELECT account_id, recipient_hash, stream FROM json_each(?1) AS account
           CROSS JOIN suppression
         WHERE account_id = account.value AND recipient_hash >= ?2 AND recipient_hash < ?3
           AND max(last_seen_at, removed_at) <= ?4
           AND NOT ${activeSql(SUPPRESSION_REASONS, policy, now)} LIMIT ?5)`,
    )
    .bind(JSON.stringify(accounts), digits(part), end, now - PURGE_AFTER_MS, PURGE_MAX)
    .run();
  return meta.changes;
}
