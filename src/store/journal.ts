/** What one batch of the journal writes: everything or nothing, in one transaction of D1. */
import type { RawEvent } from "../core/events.ts";
import type { EvidenceItem } from "../core/evidence.ts";
import type { FeedObservation } from "../core/feed.ts";
import type { Tally } from "../core/guard.ts";
import type { MergedRow, RecipientRow } from "../core/recipient-row.ts";
import type { SuppressionChange, SuppressionPolicy } from "../core/suppression.ts";
import type { Endpoint, Hint, NewDelivery } from "../core/webhook.ts";
import { evidenceStatements } from "./evidence.ts";
import { feedStatements } from "./feeds.ts";
import { messageStatements, messagesIn, type RecordedMessage, type Ref } from "./messages.ts";
import { rawEventStatements } from "./raw-events.ts";
import { mergedOf, recipientStatements } from "./recipients.ts";
import { tallyStatements } from "./reputation.ts";
import { suppressionStatements } from "./suppressions.ts";
import { deliveryStatements, type HintRow, hintOf } from "./webhook-deliveries.ts";
import { type EndpointRow, endpointOf, endpointsStatement } from "./webhook-endpoints.ts";

/** What is written together; what is left out is nothing. */
export interface JournalBatch {
  readonly rows: readonly RecipientRow[];
  readonly raws?: readonly RawEvent[];
  readonly suppressions?: readonly SuppressionChange[];
  readonly tallies?: readonly Tally[];
  readonly evidence?: readonly EvidenceItem[];
  readonly feeds?: readonly FeedObservation[];
  readonly deliveries?: readonly NewDelivery[];
}

/**
 * Records a batch.
 *
 * @param now Unix ms
 * @param sharesEvidence whether accounts learn about domains from one another's mail
 * @returns the rows as they stand afterwards, and a hint for each delivery that is new
 */
export async function recordJournal(
  db: D1Database,
  batch: JournalBatch,
  policy: SuppressionPolicy,
  now: number,
  sharesEvidence = false,
): Promise<{ merged: MergedRow[]; hints: Hint[] }> {
  // Counts compare with the rows as they are before the merge.
  const counts = [
    ...tallyStatements(db, batch.tallies ?? []),
    ...evidenceStatements(db, batch.evidence ?? [], sharesEvidence),
  ];
  const rows = recipientStatements(db, batch.rows);
  const deliveries = deliveryStatements(db, batch.deliveries ?? []);
  const others = [
    ...rawEventStatements(db, batch.raws ?? []),
    ...suppressionStatements(db, batch.suppressions ?? [], policy, now),
    ...feedStatements(db, batch.feeds ?? [], now),
  ];
  const statements = [...counts, ...rows, ...deliveries, ...others];
  if (statements.length === 0) return { merged: [], hints: [] };
  const results = await db.batch(statements);
  const merged = results.slice(counts.length, counts.length + rows.length);
  const hinted = results.slice(counts.length + rows.length).slice(0, deliveries.length);
  return {
    merged: mergedOf(merged),
    hints: hinted.flatMap(({ results: found }) => (found as unknown as HintRow[]).map(hintOf)),
  };
}

/** What is known before a batch is recorded, in one round trip. */
export async function lookJournal(
  db: D1Database,
  refs: readonly Ref[],
  providerKeys: readonly string[],
  accounts: readonly string[],
): Promise<{ found: RecordedMessage[]; byKey: ReadonlyMap<string, Ref>; endpoints: Endpoint[] }> {
  const statements = messageStatements(db, refs, providerKeys);
  const results = await db.batch([...statements, endpointsStatement(db, accounts)]);
  const endpoints = (results.pop()?.results ?? []) as unknown as EndpointRow[];
  return { ...messagesIn(results), endpoints: endpoints.map(endpointOf) };
}
