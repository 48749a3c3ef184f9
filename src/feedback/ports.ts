/** What the journal's consumer needs from outside. */
import type { Confirmation, JournalBody, SettleRequest, ShardRef } from "../core/custody.ts";
import type { RawEvent } from "../core/events.ts";
import type { MergedRow, RecipientRow } from "../core/recipient-row.ts";
import type { Hint } from "../core/webhook.ts";
import type { EffectDeps, Effects } from "./effects.ts";
import type { FollowDeps } from "./follow.ts";
import type { ResolveDeps } from "./resolve.ts";

/** What one transaction writes. */
export interface JournalRecord extends Effects {
  readonly rows: readonly RecipientRow[];
  readonly raws: readonly RawEvent[];
}

/** What a transaction answers. */
export interface Recorded {
  /** The rows as they stand. */
  readonly merged: readonly MergedRow[];
  /** Deliveries of webhooks that are new. */
  readonly hints: readonly Hint[];
}

/** Why something is kept outside the database. */
export type Aside = "poison" | "orphans" | "unknown";

export interface JournalDeps extends ResolveDeps {
  readonly now: () => number;
  readonly effects: EffectDeps;
  readonly follow: FollowDeps;
  /** Writes in one transaction. Rejects when nothing was written. */
  readonly record: (record: JournalRecord) => Promise<Recorded>;
  /** Whether the database answers at all: tells an outage from a row that it refuses. */
  readonly recordAnswers: () => Promise<boolean>;
  readonly confirm: (ref: ShardRef, confirmations: readonly Confirmation[]) => Promise<void>;
  readonly settle: (ref: ShardRef, settlements: readonly SettleRequest[]) => Promise<void>;
  /** Puts something on the journal again, after a wait in seconds. */
  readonly journalLater: (body: JournalBody, delayS: number) => Promise<void>;
  /** Keeps what cannot be recorded, for people to look at. */
  readonly keepAside: (where: Aside, body: unknown, reason: string) => Promise<void>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/** One message of the journal queue. */
export interface JournalMessage {
  readonly body: unknown;
  /** The same whenever it comes again. */
  readonly id: string;
  /** When it was put on the queue. */
  readonly timestamp: Date;
  readonly attempts: number;
  ack(): void;
  retry(options: { delaySeconds: number }): void;
}
