/** The D1 table `suppression` (migrations/0001): addresses that are not written to, and why. */
import type { SuppressedRecipient } from "../core/custody.ts";

/**
 * The suppressed ones among `hashes`, in one query however many they are; expired rows do not
 * count.
 */
export async function readSuppressed(
  db: D1Database,
  account: string,
  hashes: readonly string[],
  now: number,
): Promise<SuppressedRecipient[]> {
  const { results } = await db
    .prepare(
      `SELECT recipient_hash AS hash, stream, reason FROM suppression
       WHERE account_id = ?1 AND recipient_hash IN (SELECT value FROM json_each(?2))
         AND (expires_at IS NULL OR expires_at > ?3)`,
    )
    .bind(account, JSON.stringify(hashes), now)
    .all<SuppressedRecipient>();
  return results;
}
