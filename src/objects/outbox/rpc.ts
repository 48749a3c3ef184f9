/** An Outbox as it is called from outside. Any call may reject: then its effect is unknown. */
import type {
  AcceptReply,
  AcceptRequest,
  Confirmation,
  OutboxPort,
  ShardLedger,
  StoredUnit,
} from "../../core/custody.ts";
import type { IdempotencyKey, Replayed } from "../../core/idempotency.ts";

/** A page of ids in order of time: below `before`, newest first, or above `after`, oldest first. */
export interface UnitPage {
  readonly before: string | null;
  readonly after: string | null;
}

/** What the edge, the journal and the cron call besides. */
export interface OutboxRpc extends OutboxPort {
  accept(request: AcceptRequest): Promise<AcceptReply>;
  replay(idempotency: IdempotencyKey): Promise<Replayed | null>;
  confirm(confirmations: readonly Confirmation[]): Promise<void>;
  read(id: string): Promise<StoredUnit | null>;
  heads(ids: readonly string[]): Promise<{ readonly id: string; readonly head: string }[]>;
  list(page: UnitPage, limit: number): Promise<StoredUnit[]>;
  ledger(): Promise<ShardLedger>;
  setPaused(stream: string, paused: boolean): Promise<void>;
  touch(): Promise<void>;
}
