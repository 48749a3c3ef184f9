/**
 * The Source: one object per configured source, which gives leave to send (a shell over
 * `core/pace.ts`); and one per provider whose webhooks have tokens that may be used once, which
 * remembers them.
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

/**
 * Tokens of webhooks whose time is over are swept this often, this many at a time, and while there
 * are more with every token: looking for them reads all that there are.
 */
const SWEEP_EVERY_MS = 600_000;
const SWEEP_MAX = 10_000;

/** The pace-keeper of one source; its name is the source's. */
export class SourceObject<E> extends DurableObject<E> {
  readonly #pace: Pace;
  readonly #now: () => number;
  #sweepAt = 0;

  constructor(ctx: DurableObjectState, env: E, deps: SourceDeps) {
    super(ctx, env);
    ctx.storage.sql.exec(`
      CREATE TABLE IF NOT EXISTS token (
        token TEXT PRIMARY KEY, digest TEXT NOT NULL, until INTEGER NOT NULL
      ) WITHOUT ROWID;
    `);
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

  /**
   * Notes that a webhook's token came with a body, for `forMs` milliseconds.
   *
   * @returns false when it came with another one before
   */
  witness(token: string, digest: string, forMs: number): boolean {
    const now = this.#now();
    const { sql } = this.ctx.storage;
    if (now >= this.#sweepAt) {
      const { rowsWritten } = sql.exec(
        "DELETE FROM token WHERE token IN (SELECT token FROM token WHERE until < ? LIMIT ?)",
        now,
        SWEEP_MAX,
      );
      this.#sweepAt = rowsWritten < SWEEP_MAX ? now + SWEEP_EVERY_MS : now;
    }
    const [known] = sql
      .exec<{ digest: string }>(
        "SELECT digest FROM token WHERE token = ? AND until >= ?",
        token,
        now,
      )
      .toArray();
    if (known !== undefined) return known.digest === digest;
    sql.exec("INSERT OR REPLACE INTO token VALUES (?, ?, ?)", token, digest, now + forMs);
    return true;
  }
}
