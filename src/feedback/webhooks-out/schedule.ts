/** When a delivery is tried again, and how long an endpoint is left alone. Unix ms throughout. */
import { type Backoff, backoffMs } from "../../core/backoff.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/**
 * Before each attempt, the wait after the one before it: Standard Webhooks' example. All of it is
 * three days and a few hours, which is longer than a weekend.
 */
export const SCHEDULE_MS: readonly number[] = [
  0,
  5_000,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];

/**
 * The part of a wait that chance may take away. Never more than the whole: a queue holds a message
 * back for a day at most.
 */
const JITTER = 0.1;

/** An endpoint that asks for more is asked again after this all the same: a typo is no outage. */
export const RETRY_AFTER_MAX_MS = HOUR_MS;

/**
 * When to try again after `step >= 1` attempts of a round, of which the last ended at `now`. Null:
 * that was the last one.
 *
 * @param random in [0, 1)
 * @param retryAfterMs what the endpoint asked for; the wait is not shorter, within
 *   `RETRY_AFTER_MAX_MS`
 */
export function nextAttempt(
  step: number,
  now: number,
  random: number,
  retryAfterMs: number | null,
): number | null {
  const base = SCHEDULE_MS[step];
  if (base === undefined) return null;
  const asked = Math.min(RETRY_AFTER_MAX_MS, Math.max(0, retryAfterMs ?? 0));
  // What was asked for is stretched, never shortened.
  const waitMs = Math.max(base * (1 - JITTER * random), asked * (1 + JITTER * random));
  return now + Math.ceil(waitMs);
}

/**
 * Milliseconds of a `Retry-After` (RFC 9110 section 10.2.3: seconds or a date), null when it is
 * absent, in the past or neither.
 */
export function retryAfterMs(header: string | null, now: number): number | null {
  const text = header?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  if (!/^[A-Za-z]{3,9},? /.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) || at <= now ? null : at - now;
}

/** Doubling from the schedule's first wait; at most so long that its end is soon noticed. */
const PAUSE: Backoff = { firstMs: 5_000, maxMs: 15 * MINUTE_MS };

/** What asks for less: RFC 6585 429, RFC 9110 502 and 504, and 503, whose meaning is the same. */
const SLOW: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** No answer is no reason to wait the first time: a connection breaks now and then. */
const SILENT_FAILS = 2;

/**
 * Until when an endpoint gets nothing after an attempt that failed; null: it goes on as before.
 *
 * @param status of the answer, 0 without one
 * @param fails failures in a row, this one included
 */
export function pauseUntil(
  {
    status,
    retryAfterMs: asked,
  }: { readonly status: number; readonly retryAfterMs: number | null },
  fails: number,
  now: number,
  random: number,
): number | null {
  const slow = SLOW.has(status);
  if (!slow && (status !== 0 || fails < SILENT_FAILS)) return null;
  const own = backoffMs(PAUSE, Math.max(1, fails), random);
  return now + Math.max(own, slow ? Math.min(RETRY_AFTER_MAX_MS, asked ?? 0) : 0);
}

/** How long nothing may succeed before an endpoint is given up: a long weekend and two days. */
export const DISABLE_AFTER_MS = 5 * 24 * HOUR_MS;

/** Events given up: one that an endpoint cannot digest is no reason to switch it off. */
export const DISABLE_EXHAUSTED = 3;

/**
 * Failures in a row that say as much: an endpoint that is down is tried with few of many events,
 * and none of these may ever be through its schedule.
 */
export const DISABLE_FAILS = 50;

/** Whether an endpoint has failed for so long, and so much, that it is switched off. */
export function persistent(
  health: {
    readonly fails: number;
    readonly exhausted: number;
    readonly failingSince: number | null;
  },
  now: number,
): boolean {
  const { fails, exhausted, failingSince } = health;
  if (failingSince === null || now - failingSince < DISABLE_AFTER_MS) return false;
  return exhausted >= DISABLE_EXHAUSTED || fails >= DISABLE_FAILS;
}
