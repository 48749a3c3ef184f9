/**
 * Conservation: accepted = pending + sent + delivered + bounced + ... + unknown, counted in
 * recipients.
 */
import type { ShardLedger } from "../core/custody.ts";
import { STATES } from "../core/delivery-state.ts";

export interface Ledger {
  readonly accepted: number;
  readonly pending: number;
  readonly sent: number;
  readonly delivered: number;
  readonly bounced: number;
  readonly suppressed: number;
  readonly cancelled: number;
  readonly expired: number;
  readonly failed: number;
  readonly unknown: number;
  /** A subset of delivered. */
  readonly complained: number;
  readonly conserved: boolean;
}

/**
 * Balances the shards' books against what is recorded. `recorded` must have been read after
 * `shards`. A held unknown counts as unknown; everything else that is not final is pending.
 */
export function ledgerOf(
  shards: readonly ShardLedger[],
  recorded: { readonly states: Readonly<Record<string, number>>; readonly complained: number },
): Ledger {
  const sum = (field: keyof ShardLedger): number =>
    shards.reduce((total, shard) => total + shard[field], 0);
  const of = (state: string): number => recorded.states[state] ?? 0;
  const closed = STATES.reduce((total, state) => total + of(state), 0);
  const accepted = sum("accepted");
  const held = sum("held");
  const balanced = shards.every((shard) => shard.accepted === shard.open + shard.confirmed);
  const pending = Math.max(0, accepted - closed - held);
  return {
    accepted,
    pending: pending + of("pending"),
    sent: of("sent"),
    delivered: of("delivered"),
    bounced: of("bounced"),
    suppressed: of("suppressed"),
    cancelled: of("cancelled"),
    expired: of("expired"),
    failed: of("failed"),
    unknown: of("unknown") + held,
    complained: recorded.complained,
    conserved: balanced && closed >= sum("confirmed"),
  };
}
