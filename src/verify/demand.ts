/**
 * Counts which domains are asked for, so that the most asked are kept fresh ahead. Counts are kept
 * in memory and written rarely, in one statement. A row stands for `ASKS_PER_ROW` asks or more:
 * what is less is written as so many by a chance in proportion, else dropped, so that sums are
 * right on average however few asks an isolate lives to see. What it has not written when it ends
 * is lost, and not missed.
 */

/** Counts are written this often at most, by whoever asks then. */
export const FLUSH_EVERY_MS = 5 * 60_000;

/** An eighth of a row is added to the price of an ask: a quarter of a KV read. */
export const ASKS_PER_ROW = 8;

/** Rows of one flush, the most asked first: a statement that takes D1 some ten milliseconds. */
export const ROWS_MAX = 500;

/** Domains counted between two flushes: 1 MB. New ones are not counted when they are full. */
export const COUNTED_MAX = 10_000;

export interface Asks {
  readonly domain: string;
  readonly count: number;
}

export interface DemandDeps {
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Adds asks up to `now` to what is known; may reject. */
  readonly write: (asks: readonly Asks[], now: number) => Promise<void>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

export interface Demand {
  /**
   * Counts one ask; a promise when counts are being written for it, which never rejects and nobody
   * has to wait for, as long as the invocation lives until then.
   */
  readonly asked: (domain: string) => Promise<void> | null;
  /** Domains that are counted at the moment. */
  readonly size: () => number;
}

/** Makes the counts of one isolate. */
export function createDemand(deps: DemandDeps): Demand {
  const counts = new Map<string, number>();
  let flushAt = deps.now() + FLUSH_EVERY_MS;

  function flush(now: number): Promise<void> | null {
    flushAt = now + FLUSH_EVERY_MS;
    const asks: Asks[] = [];
    for (const [domain, count] of counts) {
      if (count >= ASKS_PER_ROW) asks.push({ domain, count });
      else if (deps.random() * ASKS_PER_ROW < count) asks.push({ domain, count: ASKS_PER_ROW });
    }
    counts.clear();
    asks.sort((a, b) => b.count - a.count);
    return asks.length > 0 ? write(asks.slice(0, ROWS_MAX), now) : null;
  }

  async function write(asks: readonly Asks[], now: number): Promise<void> {
    try {
      await deps.write(asks, now);
    } catch (error) {
      deps.log("demand_not_written", { reason: String(error) });
    }
  }

  return {
    asked(domain) {
      const count = counts.get(domain);
      if (count !== undefined) counts.set(domain, count + 1);
      else if (counts.size < COUNTED_MAX) counts.set(domain, 1);
      const now = deps.now();
      return now >= flushAt ? flush(now) : null;
    },
    size: () => counts.size,
  };
}
