/** Rows written as the journal writes them. */
import { env } from "cloudflare:workers";
import type { MergedRow, RecipientRow } from "../../../src/core/recipient-row.ts";
import { type JournalBatch, recordJournal } from "../../../src/store/journal.ts";

const POLICY = { hardMs: 1, softMessages: 3, softWindowMs: 1, softMs: 1 };

/** Merges rows; answers how they stand. */
export async function recordRows(
  rows: readonly RecipientRow[],
  db: D1Database = env.DB,
): Promise<MergedRow[]> {
  return (await recordJournal(db, { rows }, POLICY, Date.now())).merged;
}

/** Writes a batch in one transaction. */
export const recordBatch = (batch: JournalBatch): ReturnType<typeof recordJournal> =>
  recordJournal(env.DB, batch, POLICY, Date.now());
