/** The RateLimiter: one object per account; how many requests its clients may make. */
import { DurableObject } from "cloudflare:workers";
import { type GcraLimit, gcraTake, type RateDecision } from "../core/gcra.ts";

/** The request allowance of one account. */
export class RateLimiterObject<E> extends DurableObject<E> {
  readonly #now: () => number;
  /** Kept in memory only: an eviction needs a quiet account, whose allowance is whole anyway. */
  #tat: number | undefined;

  constructor(ctx: DurableObjectState, env: E, now: () => number) {
    super(ctx, env);
    this.#now = now;
  }

  /** Takes one request out of the allowance. */
  take(limit: GcraLimit): RateDecision {
    const decision = gcraTake(limit, this.#tat, this.#now());
    this.#tat = decision.tat;
    return {
      allowed: decision.allowed,
      limit: limit.burst,
      remaining: decision.remaining,
      resetMs: decision.resetMs,
      retryAfterMs: decision.allowed ? 0 : decision.retryAfterMs,
    };
  }
}
