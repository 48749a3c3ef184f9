/** The RateLimiter: one object per account; how many requests its clients may make. */
import { DurableObject } from "cloudflare:workers";
import { type GcraLimit, gcraTake, type RateGrant } from "../core/gcra.ts";

/** The request allowance of one account. */
export class RateLimiterObject<E> extends DurableObject<E> {
  readonly #now: () => number;
  /** Kept in memory only: an eviction needs a quiet account, whose allowance is whole anyway. */
  #tat: number | undefined;

  constructor(ctx: DurableObjectState, env: E, now: () => number) {
    super(ctx, env);
    this.#now = now;
  }

  /** Takes up to `wanted` requests out of the allowance, as many as conform. */
  take(limit: GcraLimit, wanted = 1): RateGrant {
    const now = this.#now();
    let decision = gcraTake(limit, this.#tat, now);
    this.#tat = decision.tat;
    let granted = decision.allowed ? 1 : 0;
    while (decision.allowed && granted < wanted) {
      const next = gcraTake(limit, this.#tat, now);
      if (!next.allowed) break;
      decision = next;
      this.#tat = next.tat;
      granted += 1;
    }
    return {
      granted,
      allowed: decision.allowed,
      limit: limit.burst,
      remaining: decision.remaining,
      resetMs: decision.resetMs,
      retryAfterMs: decision.allowed ? 0 : decision.retryAfterMs,
    };
  }
}
