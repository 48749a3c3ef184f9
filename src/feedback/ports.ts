/** What the journal's consumer needs from outside. */
import type { Confirmation, SettleRequest, ShardRef } from "../core/custody.ts";
import type { MergedRow, RecipientRow } from "../core/recipient-row.ts";

export interface JournalDeps {
  readonly now: () => number;
  /**
   * Merges rows in one transaction and answers how they stand. Rejects when nothing was written.
   */
  readonly record: (rows: readonly RecipientRow[]) => Promise<MergedRow[]>;
  /** Whether the database answers at all: tells an outage from a row that it refuses. */
  readonly recordAnswers: () => Promise<boolean>;
  /** The shard that a message's id names. */
  readonly shardOf: (account: string, messageId: string) => Promise<ShardRef | null>;
  readonly confirm: (ref: ShardRef, confirmations: readonly Confirmation[]) => Promise<void>;
  readonly settle: (ref: ShardRef, settlements: readonly SettleRequest[]) => Promise<void>;
  /** Keeps what cannot be recorded, for people to look at. */
  readonly keepPoison: (body: unknown, reason: string) => Promise<void>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/** One message of the journal queue. */
export interface JournalMessage {
  readonly body: unknown;
  readonly attempts: number;
  ack(): void;
  retry(options: { delaySeconds: number }): void;
}
