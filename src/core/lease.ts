/**
 * Requests that one isolate may let pass without asking the account's limiter again: under load it
 * takes a few ahead, so that not every request costs a call. What is granted is counted by the
 * limiter, so that the account's rate holds exactly; a lease that is not used up runs out.
 */
import type { RateDecision } from "./gcra.ts";

/** A lease ends this soon: tokens left in a quiet isolate are not missed elsewhere for long. */
export const LEASE_MS = 50;

/** Tokens taken at a time, at most: one call then serves 2,000 requests a second of an isolate. */
export const LEASE_MAX = 100;

/** One isolate's lease of one account. */
export class Lease {
  #left = 0;
  #until = 0;
  #last: RateDecision | null = null;
  #windowEnd = 0;
  #demand = 0;
  #lastDemand = 0;

  /** Lets one request pass if a token is at hand, with the limiter's last word for its headers. */
  use(now: number): RateDecision | null {
    this.#count(now);
    if (this.#last === null || this.#left === 0 || now >= this.#until) return null;
    this.#left -= 1;
    return this.#last;
  }

  /** How many tokens to ask for, the one of the asking request included. */
  wanted(): number {
    return Math.min(LEASE_MAX, Math.max(1, this.#lastDemand));
  }

  /** Takes over what the limiter granted to a request that asked for `wanted()`. */
  add(decision: RateDecision, granted: number, now: number): void {
    if (!decision.allowed) return;
    if (now >= this.#until) this.#left = 0;
    this.#left += granted - 1;
    this.#until = now + LEASE_MS;
    this.#last = decision;
  }

  #count(now: number): void {
    if (now >= this.#windowEnd) {
      // A window that ended long ago says nothing of the demand now.
      this.#lastDemand = now < this.#windowEnd + LEASE_MS ? this.#demand : 0;
      this.#demand = 0;
      this.#windowEnd = now + LEASE_MS;
    }
    this.#demand += 1;
  }
}
