/**
 * How much a domain is asked for: a count of asks that halves in a day, kept as its value at
 * one moment, so that it fades without being touched and adding commutes.
 */

/** A day: what is asked for every morning is still known the next one. */
export const DEMAND_HALF_LIFE_MS = 86_400_000;

/** From this on a domain is popular: a day's asks, when it is asked for once an hour. */
export const POPULAR_MIN = 24;

/** Below this it is no longer: half, so that a domain at the limit does not go in and out. */
export const POPULAR_KEPT_MIN = POPULAR_MIN / 2;

/** What `asked` asks, as they weighed at `askedAt` (Unix ms), weigh at `now`. */
export function fadedDemand(asked: number, askedAt: number, now: number): number {
  return asked * 0.5 ** ((now - askedAt) / DEMAND_HALF_LIFE_MS);
}

/**
 * Asks in `lifeMs` milliseconds to expect of a domain with this faded count: asks that come at a
 * steady rate add up to rate x half-life / ln 2.
 */
export function expectedAsks(demand: number, lifeMs: number): number {
  return (demand * Math.LN2 * lifeMs) / DEMAND_HALF_LIFE_MS;
}
