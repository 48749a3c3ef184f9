/** What one batch of the journal writes: everything or nothing, in one transaction of D1. */
import type { MergedRow, RecipientRow } from "../core/recipient-row.ts";
import { type RawEventRow, rawEventStatements } from "./raw-events.ts";
import { mergedOf, recipientStatements } from "./recipients.ts";

export interface JournalBatch {
  readonly rows: readonly RecipientRow[];
  readonly raws: readonly RawEventRow[];
}

/**
 * Records a batch.
 *
 * @returns the rows as they stand afterwards
 */
export async function recordJournal(db: D1Database, batch: JournalBatch): Promise<MergedRow[]> {
  const rows = recipientStatements(db, batch.rows);
  const statements = [...rows, ...rawEventStatements(db, batch.raws)];
  if (statements.length === 0) return [];
  const results = await db.batch(statements);
  return mergedOf(results.slice(0, rows.length));
}
