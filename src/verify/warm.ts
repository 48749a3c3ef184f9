/**
 * Keeps the facts of popular domains fresh: the cron looks them up before they expire, so that
 * nobody who asks has to wait for DNS.
 */
import type { DomainFacts } from "../core/domain-facts.ts";
import type { Gather } from "./cache.ts";

/**
 * Facts that run out within this are due: until the next run (one minute), until its lookups are
 * done, and until KV tells of them everywhere (another minute). A resolver whose own copy is about
 * to expire answers with the little that is left; the run after the next then brings all of it.
 */
export const MARGIN_MS = 150_000;

/**
 * Domains of one run: six connections, four questions of 75 ms for each domain, make 20 domains a
 * second, so that these take 10 seconds of a run's minute. With a KV write each that is 1,000 of an
 * invocation's 10,000 subrequests.
 */
export const DOMAINS_MAX = 200;

/** Domains that are asked about at a time: an invocation has six connections. */
export const LANES = 6;

/** No lookup begins after this: slow domains do not keep the cron's other work from its turn. */
export const RUN_MS = 20_000;

export interface WarmDeps {
  readonly now: () => number;
  /** The most asked popular domains whose facts run out before `before`; may reject. */
  readonly due: (
    before: number,
    now: number,
    limit: number,
  ) => Promise<readonly { readonly domain: string; readonly policy: boolean }[]>;
  readonly gather: Gather;
  /** May reject. */
  readonly writeKv: (facts: readonly DomainFacts[], now: number) => Promise<void>;
  /** May reject. */
  readonly writeD1: (facts: readonly DomainFacts[]) => Promise<void>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

export interface Warmed {
  /** Domains whose facts are new in D1. */
  readonly refreshed: number;
  /** Domains that DNS gave no answer for: what is known stays until it expires. */
  readonly failed: number;
}

/**
 * One run: looks up what is due and keeps what may be shared, in D1 and in KV. Rejects when D1
 * fails; KV is passed over when it does.
 */
export async function warm(deps: WarmDeps): Promise<Warmed> {
  const start = deps.now();
  const due = await deps.due(start + MARGIN_MS, start, DOMAINS_MAX);
  const fresh: DomainFacts[] = [];
  let failed = 0;
  const left = due.values();
  const lane = async (): Promise<void> => {
    for (const { domain, policy } of left) {
      const facts = await deps.gather(domain, { policy, lookup: true }).catch(() => null);
      if (facts?.shared === true) fresh.push(facts);
      else failed += 1;
      if (deps.now() - start >= RUN_MS) return;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  if (fresh.length === 0) return { refreshed: 0, failed };
  await deps.writeD1(fresh);
  await deps.writeKv(fresh, deps.now()).catch((error: unknown) => {
    deps.log("facts_store_failed", { store: "kv_write", reason: String(error) });
  });
  return { refreshed: fresh.length, failed };
}
