/** An Outbox as it is called from outside. Any call may reject: then its effect is unknown. */
import type {
  AcceptReply,
  AcceptRequest,
  Claimed,
  ClaimRef,
  ClaimRequest,
  Confirmation,
  Pack,
  Peeked,
  SettleRequest,
  ShardLedger,
  StoredUnit,
} from "../../core/custody.ts";

/** A page of ids in order of time: below `before`, newest first, or above `after`, oldest first. */
export interface UnitPage {
  readonly before: string | null;
  readonly after: string | null;
}

export interface OutboxRpc {
  peek(pack: Pick<Pack, "ids" | "generation">): Promise<Peeked[]>;
  claim(requests: readonly ClaimRequest[]): Promise<Claimed[]>;
  settle(requests: readonly SettleRequest[]): Promise<void>;
  release(claims: readonly ClaimRef[]): Promise<void>;
  renew(claims: readonly ClaimRef[]): Promise<void>;
  defer(waits: readonly { readonly id: string; readonly notBefore: number }[]): Promise<void>;
  accept(request: AcceptRequest): Promise<AcceptReply>;
  confirm(confirmations: readonly Confirmation[]): Promise<void>;
  read(id: string): Promise<StoredUnit | null>;
  list(page: UnitPage, limit: number): Promise<StoredUnit[]>;
  ledger(): Promise<ShardLedger>;
  setPaused(stream: string, paused: boolean): Promise<void>;
  touch(): Promise<void>;
}
