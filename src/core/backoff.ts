/** How long to wait before the next try: doubling, capped, with jitter. Milliseconds. */
export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * The wait before try `n + 1` after `n >= 1` failures. `random` in [0, 1) spreads it over the
 * upper half, so that what failed together does not come back together.
 */
export function backoffMs(backoff: Backoff, failures: number, random: number): number {
  const full = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(full / 2 + (full / 2) * random);
}
