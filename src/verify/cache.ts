/**
 * Domain facts behind four layers: the isolate's memory, KV, D1, DNS. A layer is only ever faster:
 * every fact says itself when it expires, and is not used past that, wherever it was found. What a
 * failure has had a part in never leaves the isolate. KV is behind by a minute and remembers for as
 * long that it has no entry: nothing relies on it.
 *
 * Operations: from memory none. A domain by itself, or a few: one KV read each in one call, then
 * one D1 query for all that are missing, and for each that is looked up one KV write and one D1
 * row, after the answer. Many: one D1 query and one D1 statement for `CHUNK_MAX` domains.
 */
import type { DomainFacts, FactsLayer, KnownFacts } from "../core/domain-facts.ts";
import { Lru } from "../core/lru.ts";
import { hasPolicy, mergeFacts } from "./facts-merge.ts";
import { createFlights, FLIGHT_WAIT_MS } from "./flight.ts";
import type { FactsAsk, FactsPort } from "./ports.ts";

/**
 * Domains in memory: with three mail hosts each takes up 0.75 KB, all of them 15 MB of the 128 that
 * an isolate has for everything.
 */
export const MEMORY_MAX = 20_000;

/** What a failure has had a part in is not asked again for this long, at most. */
export const UNSHARED_MS = 60_000;

/** More domains than this are a list, without KV: a write there costs as much as five D1 rows. */
export const FEW_MAX = 8;

/** Domains of one D1 query, and lookups that one call has under way at a time. */
export const CHUNK_MAX = 1_000;

/** A KV read takes 5 to 200 ms; later than this D1 is as fast. */
export const KV_READ_MS = 500;

/** Where nothing is looked up the answer is wanted at once: mail waits for it. */
export const KV_CACHED_MS = 100;

/** A D1 query by key takes 5 to 50 ms, from far away 300; later than this DNS is as fast. */
export const D1_READ_MS = 1_000;

/** A thousand rows, while others write. A list has the time. */
export const D1_MANY_MS = 5_000;

/** A write that nobody waits for, below the 30 seconds that are left after an answer. */
export const WRITE_MS = 10_000;

/** A store that fails is passed over for this long: a line in the log each time, and no waiting. */
export const REST_MS = 2_000;

/**
 * Facts of D1 younger than this were written to KV too, which may still say that it has none: they
 * are not written again.
 */
const KV_SETTLED_MS = 60_000;

/** What expires sooner is not worth a KV write. */
const KV_WORTH_MS = 60_000;

/** Stores of shared facts. Everything may reject, or take its time. */
export interface FactsStores {
  /** What KV has of up to `FEW_MAX` domains. */
  readonly readKv: (domains: readonly string[]) => Promise<readonly DomainFacts[]>;
  readonly writeKv: (facts: readonly DomainFacts[], now: number) => Promise<void>;
  /** What D1 has of up to `CHUNK_MAX` domains and holds at `now`. */
  readonly readD1: (domains: readonly string[], now: number) => Promise<readonly DomainFacts[]>;
  readonly writeD1: (facts: readonly DomainFacts[]) => Promise<void>;
}

/** Asks DNS. A failure is a fact with its status. */
export type Gather = (domain: string, ask: FactsAsk) => Promise<DomainFacts>;

export interface CacheDeps extends FactsStores {
  readonly now: () => number;
  /** The promise's value, or a rejection after `ms` milliseconds. */
  readonly within: <T>(promise: Promise<T>, ms: number) => Promise<T>;
  /** Counts an ask that is not one of a list; a write that is due for that, or null. */
  readonly asked: (domain: string) => Promise<void> | null;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/** What belongs to one request, or other invocation: its connections, and its life. */
export interface Invocation {
  readonly gather: Gather;
  /** Keeps the invocation alive until the promise settles, and does not wait: waitUntil. */
  readonly later: (promise: Promise<unknown>) => void;
}

export interface FactsCache {
  /** The facts, as one invocation asks for them. */
  readonly port: (invocation: Invocation) => FactsPort;
  /** Domains in memory. */
  readonly size: () => number;
}

interface Entry {
  readonly facts: DomainFacts;
  /** As it is told when it is found here. */
  readonly known: KnownFacts;
  readonly until: number;
  /** Until then it also answers who asks for the policy: that is known, or cannot be had now. */
  readonly wholeUntil: number;
}

/** One call on its way down the layers: what is found, and what is still wanted. */
interface Search extends Invocation {
  readonly ask: FactsAsk;
  readonly found: Map<string, KnownFacts>;
  wanted: string[];
}

/** Makes the cache of one isolate, to be kept as long as the isolate lives. */
export function createFactsCache(deps: CacheDeps): FactsCache {
  const memory = new Lru<string, Entry>(MEMORY_MAX);
  const flights = createFlights<DomainFacts>({ ...deps, waitMs: FLIGHT_WAIT_MS });
  const restsUntil = { kv: 0, d1: 0, kv_write: 0, d1_write: 0 };

  /** What memory has and holds now. */
  function recall(domain: string): Entry | null {
    const entry = memory.get(domain);
    return entry !== undefined && entry.until > deps.now() ? entry : null;
  }

  /** Where nothing is looked up, what is known has to do. */
  const answers = (entry: Entry, { policy, lookup }: FactsAsk): boolean =>
    !policy || !lookup || entry.wholeUntil > deps.now();

  /** Takes facts into memory; answers what is known with them. */
  function learn(fresh: DomainFacts, policyAsked: boolean): Entry {
    const held = recall(fresh.domain);
    const facts = held === null ? fresh : mergeFacts(held.facts, fresh);
    const failedUntil = fresh.at + UNSHARED_MS;
    const until = facts.shared ? facts.expiresAt : Math.min(facts.expiresAt, failedUntil);
    // Asked and not learnt: not again for every caller, but soon.
    const triedUntil = policyAsked ? (fresh.shared ? until : failedUntil) : (held?.wholeUntil ?? 0);
    const entry = {
      facts,
      known: { facts, layer: "memory" as const },
      until,
      wholeUntil: hasPolicy(facts) ? until : Math.min(until, triedUntil),
    };
    memory.set(fresh.domain, entry);
    return entry;
  }

  /**
   * Settles the domains that a store has, and answers their facts; those whose policy is missing
   * stay wanted.
   */
  function settle(search: Search, rows: readonly DomainFacts[], layer: FactsLayer): DomainFacts[] {
    const settled: DomainFacts[] = [];
    for (const row of rows) {
      if (!row.shared || row.expiresAt <= deps.now()) continue;
      const entry = learn(row, false);
      if (!answers(entry, search.ask)) continue;
      search.found.set(row.domain, { facts: entry.facts, layer });
      settled.push(row);
    }
    search.wanted = search.wanted.filter((domain) => !search.found.has(domain));
    return settled;
  }

  /** A store's answer; null when it fails, is too slow, or has a moment ago. */
  async function from<T>(
    store: keyof typeof restsUntil,
    ms: number,
    use: () => Promise<T>,
  ): Promise<T | null> {
    if (deps.now() < restsUntil[store]) return null;
    try {
      return await deps.within(use(), ms);
    } catch (error) {
      // That it is not at its fastest is no failure.
      if (ms > KV_CACHED_MS) {
        restsUntil[store] = deps.now() + REST_MS;
        deps.log("facts_store_failed", { store, reason: String(error) });
      }
      return null;
    }
  }

  /** Looks up what is still wanted; answers what this call itself has learnt and may be shared. */
  async function lookUp(search: Search): Promise<DomainFacts[]> {
    const fresh: DomainFacts[] = [];
    const one = async (domain: string): Promise<void> => {
      // Another caller may have learnt it while the stores were asked.
      const learnt = recall(domain);
      if (learnt !== null && answers(learnt, search.ask)) {
        search.found.set(domain, learnt.known);
        return;
      }
      const asked = await flights.run(domain, search.ask.policy, async () => {
        const facts = await gather(search, domain);
        if (facts.shared) fresh.push(facts);
        return facts;
      });
      const { facts, known } = learn(asked, search.ask.policy);
      // What was known already stands when the lookup failed.
      const learntNow = asked.shared || facts === asked;
      search.found.set(domain, learntNow ? { facts, layer: "dns" } : known);
    };
    await Promise.all(search.wanted.map(one));
    return fresh;
  }

  async function gather({ gather, ask }: Search, domain: string): Promise<DomainFacts> {
    try {
      return await gather(domain, ask);
    } catch (error) {
      deps.log("facts_lookup_failed", { reason: String(error) });
      return unanswered(domain, deps.now());
    }
  }

  const toKv = ({ later }: Search, facts: readonly DomainFacts[]): void => {
    const now = deps.now();
    const worth = facts.filter(({ expiresAt }) => expiresAt - now >= KV_WORTH_MS);
    if (worth.length > 0) later(from("kv_write", WRITE_MS, () => deps.writeKv(worth, now)));
  };
  const toD1 = ({ later }: Search, facts: readonly DomainFacts[]): void => {
    if (facts.length > 0) later(from("d1_write", WRITE_MS, () => deps.writeD1(facts)));
  };
  /** With the policy that is known beside: KV has one value for both. */
  const whole = (facts: DomainFacts): DomainFacts => recall(facts.domain)?.facts ?? facts;

  async function few(search: Search): Promise<void> {
    const { lookup } = search.ask;
    const kvMs = lookup ? KV_READ_MS : KV_CACHED_MS;
    const kept = await from("kv", kvMs, () => deps.readKv(search.wanted));
    settle(search, kept ?? [], "kv");
    if (!lookup || search.wanted.length === 0) return;
    const rows = await from("d1", D1_READ_MS, () => deps.readD1(search.wanted, deps.now()));
    const settled = settle(search, rows ?? [], "d1").filter(
      ({ at }) => deps.now() - at >= KV_SETTLED_MS,
    );
    // A KV that did not answer may well have them.
    if (kept !== null) toKv(search, settled.map(whole));
    const fresh = await lookUp(search);
    toKv(search, fresh.map(whole));
    toD1(search, fresh);
  }

  async function many(search: Search): Promise<void> {
    if (!search.ask.lookup) return;
    const all = search.wanted;
    for (let at = 0; at < all.length; at += CHUNK_MAX) {
      search.wanted = all.slice(at, at + CHUNK_MAX);
      const rows = await from("d1", D1_MANY_MS, () => deps.readD1(search.wanted, deps.now()));
      settle(search, rows ?? [], "d1");
      toD1(search, await lookUp(search));
    }
  }

  return {
    port: (invocation) => async (domains, ask) => {
      const { later } = invocation;
      const found = new Map<string, KnownFacts>();
      const wanted: string[] = [];
      const single = domains.length <= FEW_MAX;
      for (const domain of domains) {
        const due = single ? deps.asked(domain) : null;
        if (due !== null) later(due);
        const entry = recall(domain);
        if (entry !== null && answers(entry, ask)) found.set(domain, entry.known);
        else wanted.push(domain);
      }
      if (wanted.length === 0) return found;
      const search = { ...invocation, ask, found, wanted: [...new Set(wanted)] };
      const searching = single ? few(search) : many(search);
      // A caller that goes away leaves others waiting for its lookups.
      if (ask.lookup) later(searching);
      await searching;
      return found;
    },
    size: () => memory.size,
  };
}

/** What stands in for facts when the resolver breaks: nothing is known, and nothing is kept. */
function unanswered(domain: string, now: number): DomainFacts {
  return {
    ...{ domain, status: "servfail", mxType: null, mx: [], provider: null, reach: null },
    ...{ spf: null, dmarc: null, at: now, expiresAt: now + UNSHARED_MS, shared: false },
  };
}
