/** The few figures every bench states. Times are in milliseconds. */

/**
 * The value below which the share `p` (0 to 1) of `values` lies, nearest rank; NaN without
 * values.
 */
export function percentile(values: readonly number[], p: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(p * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

/** The middle value; the mean of the two middle ones when their number is even. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

/** `value` with `digits` decimals, as a number: JSON reads better so. */
export function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}

export interface Latency {
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly samples: number;
}

/** p50 and p99 of times in milliseconds. */
export function latency(values: readonly number[]): Latency {
  return {
    p50_ms: round(percentile(values, 0.5)),
    p99_ms: round(percentile(values, 0.99)),
    samples: values.length,
  };
}

/** Wall clock in Unix milliseconds with fractions, comparable between processes of one machine. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Resolves after `ms` milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Asks `probe` every `everyMs` until it answers true or `limitMs` have passed; says whether it did.
 */
export async function waitUntil(
  probe: () => Promise<boolean> | boolean,
  limitMs: number,
  everyMs: number,
): Promise<boolean> {
  const end = performance.now() + limitMs;
  for (;;) {
    if (await probe()) return true;
    if (performance.now() >= end) return false;
    await sleep(everyMs);
  }
}
