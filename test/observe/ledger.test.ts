import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ShardLedger } from "../../src/core/custody.ts";
import { type Ledger, ledgerOf } from "../../src/observe/ledger.ts";

const shard = (given: Partial<ShardLedger>): ShardLedger => ({
  accepted: 0,
  open: 0,
  confirmed: 0,
  claimed: 0,
  held: 0,
  ...given,
});
const recorded = (states: Record<string, number>, complained = 0) => ({ states, complained });

function total(ledger: Ledger): number {
  const { pending, sent, delivered, bounced, suppressed } = ledger;
  const { cancelled, expired, failed, unknown } = ledger;
  const reached = pending + sent + delivered + bounced + suppressed;
  return reached + cancelled + expired + failed + unknown;
}

describe("the ledger", () => {
  test("of an empty account is conserved", () => {
    expect(ledgerOf([shard({})], recorded({}))).toMatchObject({ accepted: 0, conserved: true });
  });

  test("adds up the shards and what is recorded", () => {
    const shards = [
      shard({ accepted: 10, open: 4, confirmed: 6, held: 1 }),
      shard({ accepted: 5, open: 0, confirmed: 5 }),
    ];
    const states = { sent: 3, delivered: 5, bounced: 2, failed: 1, unknown: 1 };
    const ledger = ledgerOf(shards, recorded(states, 2));
    expect(ledger).toMatchObject({ accepted: 15, sent: 3, delivered: 5, bounced: 2, failed: 1 });
    expect(ledger).toMatchObject({ unknown: 2, pending: 2, complained: 2, conserved: true });
    expect(total(ledger)).toBe(15);
  });

  test("every accepted recipient stands in exactly one place, whatever has been recorded", () => {
    const counts = fc.record({
      sent: fc.nat(50),
      delivered: fc.nat(50),
      bounced: fc.nat(50),
      suppressed: fc.nat(50),
      cancelled: fc.nat(50),
      expired: fc.nat(50),
      failed: fc.nat(50),
      unknown: fc.nat(50),
    });
    fc.assert(
      fc.property(counts, fc.nat(50), fc.nat(50), fc.nat(50), (states, held, waiting, early) => {
        const closed = Object.values(states).reduce((sum, count) => sum + count, 0);
        const confirmed = Math.max(0, closed - early);
        const accepted = closed + held + waiting;
        const open = accepted - confirmed;
        const ledger = ledgerOf([shard({ accepted, open, confirmed, held })], recorded(states));
        expect(total(ledger)).toBe(accepted);
        expect(ledger).toMatchObject({ pending: waiting, conserved: true });
        expect(ledger.unknown).toBe(states.unknown + held);
      }),
    );
  });

  test("is not conserved when a shard has let go of what is not recorded", () => {
    const shards = [shard({ accepted: 10, open: 0, confirmed: 10 })];
    expect(ledgerOf(shards, recorded({ delivered: 9 })).conserved).toBe(false);
    expect(ledgerOf(shards, recorded({ delivered: 10 })).conserved).toBe(true);
  });

  test("is not conserved when one shard's own books do not balance, though the sums do", () => {
    const shards = [shard({ accepted: 5, open: 4 }), shard({ accepted: 5, open: 6 })];
    expect(ledgerOf(shards, recorded({})).conserved).toBe(false);
  });
});
