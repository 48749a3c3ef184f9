/**
 * The Source: one object per configured source; gives leave to send. A shell over `core/pace.ts`.
 */
import { DurableObject } from "cloudflare:workers";
import { type Grant, type OfferItem, Pace, type PaceLimits } from "../core/pace.ts";

export interface SourceDeps {
  readonly now: () => number;
  /** The limits of the source of this name. */
  readonly limitsOf: (source: string) => PaceLimits;
}

/** What became of grants: returned ones, and a pause that the provider asked for. */
export interface SourceSettle {
  readonly refunds: readonly OfferItem[];
  readonly throttledUntil: number | null;
}

/** The pace-keeper of one source; its name is the source's. */
export class SourceObject<E> extends DurableObject<E> {
  readonly #pace: Pace;
  readonly #now: () => number;

  constructor(ctx: DurableObjectState, env: E, deps: SourceDeps) {
    super(ctx, env);
    this.#now = deps.now;
    this.#pace = new Pace(deps.limitsOf(ctx.id.name ?? ""), deps.now());
  }

  /** Answers each message: granted, or not before a time. */
  offer(items: readonly OfferItem[]): Grant[] {
    return this.#pace.offer(items, this.#now());
  }

  settle({ refunds, throttledUntil }: SourceSettle): void {
    for (const item of refunds) this.#pace.refund(item, this.#now());
    if (throttledUntil !== null) this.#pace.throttle(throttledUntil);
  }
}
