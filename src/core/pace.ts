/**
 * Leave to send through one source: its API's rate and, per site, a budget. Pure; the Source
 * object keeps one of these in memory. Budgets are not stored: after a restart they start with
 * nothing saved up.
 */

import type { Lane } from "./custody.ts";
import { type GcraLimit, gcraRefund, gcraTake } from "./gcra.ts";

export interface PaceLimits {
  readonly requestsPerSecond?: number;
  readonly recipientsPerSecond?: number;
  readonly sites: Readonly<Record<string, { readonly perMinute: number; readonly burst: number }>>;
}

/** What asks for leave, all or nothing: a message, or a call of several. Recipients per site. */
export interface OfferItem {
  readonly lane: Lane;
  /** Its part of a call to the API: a message that shares one with nine others costs a tenth. */
  readonly calls: number;
  readonly sites: Readonly<Record<string, number>>;
  /** The rates to which the reputation guard has slowed it; left out when it is free. */
  readonly slow?: readonly SlowRate[];
}

/** A rate of recipients that all with the same key share. */
export interface SlowRate {
  readonly key: string;
  readonly perMinute: number;
}

export type Grant =
  | { readonly granted: true }
  | { readonly granted: false; readonly notBefore: number };

/** A broadcast never takes the last fifth of a budget: urgent mail finds room at once. */
export const BROADCAST_RESERVE = 0.2;

/** An API's rate is given per second; a tenth of a second's worth may go at one instant. */
const API_BURST_S = 0.1;

/**
 * Slowed keys that are remembered; the ones that nobody has asked for the longest give way, and
 * begin anew with nothing saved up.
 */
export const SLOW_KEYS_MAX = 1_000;

interface Bucket {
  readonly limit: GcraLimit;
  tat: number | undefined;
}

interface Debit {
  readonly bucket: Bucket;
  readonly cost: number;
  /** Broadcasts leave its last part alone. */
  readonly reserved: boolean;
}

/** The pace of one source. */
export class Pace {
  readonly #requests: Bucket | null;
  readonly #recipients: Bucket | null;
  readonly #sites = new Map<string, Bucket>();
  /** Last asked for last. */
  readonly #slow = new Map<string, Bucket>();
  /** The provider asked for a pause until then. */
  #throttledUntil = 0;

  constructor(limits: PaceLimits, now: number) {
    const perSecond = (count: number | undefined): Bucket | null =>
      count === undefined
        ? null
        : {
            limit: { periodMs: 1_000, count, burst: Math.max(1, Math.floor(count * API_BURST_S)) },
            tat: undefined,
          };
    this.#requests = perSecond(limits.requestsPerSecond);
    this.#recipients = perSecond(limits.recipientsPerSecond);
    for (const [site, { perMinute, burst }] of Object.entries(limits.sites)) {
      const limit = { periodMs: 60_000, count: perMinute, burst };
      // Empty: what was saved up before a restart may have been spent.
      const tat = now + ((burst - 1) * limit.periodMs) / perMinute;
      this.#sites.set(site, { limit, tat });
    }
  }

  /**
   * Decides for each item in turn; those that wait are told times apart, so that they do not come
   * back at once.
   */
  offer(items: readonly OfferItem[], now: number): Grant[] {
    const queued = new Map<Bucket, number>();
    return items.map((item) => this.#decide(item, now, queued));
  }

  #decide(item: OfferItem, now: number, queued: Map<Bucket, number>): Grant {
    if (this.#throttledUntil > now) return { granted: false, notBefore: this.#throttledUntil };
    const debits = this.#debits(item, now);
    let notBefore = 0;
    for (const { bucket, cost, reserved } of debits) {
      const at = now - (reserved && item.lane === "broadcast" ? reserveMs(bucket.limit) : 0);
      const decision = gcraTake(bucket.limit, bucket.tat, at, cost);
      if (decision.allowed) continue;
      const ahead = queued.get(bucket) ?? 0;
      queued.set(bucket, ahead + cost);
      const spread = (ahead * bucket.limit.periodMs) / bucket.limit.count;
      notBefore = Math.max(notBefore, now + decision.retryAfterMs + spread);
    }
    if (notBefore > 0) return { granted: false, notBefore: Math.ceil(notBefore) };
    for (const { bucket, cost } of debits) bucket.tat = take(bucket, now, cost);
    return { granted: true };
  }

  /** Gives back what a grant took when the message did not leave after all. */
  refund(item: OfferItem, now: number): void {
    for (const { bucket, cost } of this.#debits(item, now)) {
      bucket.tat = gcraRefund(bucket.limit, bucket.tat, now, cost);
    }
  }

  /** The provider refused for its own rate: nothing is granted before `until`. */
  throttle(until: number): void {
    this.#throttledUntil = Math.max(this.#throttledUntil, until);
  }

  #debits(item: OfferItem, now: number): Debit[] {
    const debits: Debit[] = [];
    let recipients = 0;
    for (const [site, cost] of Object.entries(item.sites)) {
      recipients += cost;
      const bucket = this.#sites.get(site);
      if (bucket !== undefined) debits.push({ bucket, cost, reserved: true });
    }
    if (this.#requests !== null) {
      debits.push({ bucket: this.#requests, cost: item.calls, reserved: true });
    }
    if (this.#recipients !== null) {
      debits.push({ bucket: this.#recipients, cost: recipients, reserved: true });
    }
    for (const rate of item.slow ?? []) {
      // A key is of one lane: there is nobody to reserve for.
      debits.push({ bucket: this.#slowed(rate, now), cost: recipients, reserved: false });
    }
    return debits;
  }

  #slowed({ key, perMinute }: SlowRate, now: number): Bucket {
    const known = this.#slow.get(key);
    this.#slow.delete(key);
    // One at a time, evenly, and none saved up: what is slowed may not go in bursts.
    const limit = { periodMs: 60_000, count: perMinute, burst: 1 };
    const bucket = known?.limit.count === perMinute ? known : { limit, tat: known?.tat ?? now };
    this.#slow.set(key, bucket);
    for (const oldest of this.#slow.keys()) {
      if (this.#slow.size <= SLOW_KEYS_MAX) break;
      this.#slow.delete(oldest);
    }
    return bucket;
  }
}

/** A grant debits in full, whatever the reserve let it look at. */
function take(bucket: Bucket, now: number, cost: number): number {
  const full = Math.max(bucket.tat ?? now, now);
  return full + (cost * bucket.limit.periodMs) / bucket.limit.count;
}

const reserveMs = (limit: GcraLimit): number =>
  (BROADCAST_RESERVE * limit.burst * limit.periodMs) / limit.count;
