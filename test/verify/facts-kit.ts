/** What tests of domain facts share: facts, plain stores that count, and a cache over them. */
import type { DomainFacts } from "../../src/core/domain-facts.ts";
import { type CacheDeps, createFactsCache, type Invocation } from "../../src/verify/cache.ts";
import { mergeFacts } from "../../src/verify/facts-merge.ts";
import type { FactsAsk } from "../../src/verify/ports.ts";

export const NOW = 1_900_000_000_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

export const PLAIN: FactsAsk = { policy: false, lookup: true };
export const WHOLE: FactsAsk = { policy: true, lookup: true };
export const CACHED: FactsAsk = { policy: false, lookup: false };

/** Facts of a domain with one MX host, learnt at `NOW` for an hour. */
export function factsOf(domain: string, given: Partial<DomainFacts> = {}): DomainFacts {
  const at = given.at ?? NOW;
  return {
    ...{ domain, status: "noerror", mxType: "mx", provider: null, reach: "routable" },
    mx: [{ host: `mx.${domain}`, preference: 10 }],
    ...{ spf: null, dmarc: null, at, expiresAt: at + HOUR_MS, shared: true },
    ...given,
  };
}

/** What a lookup that failed says. */
export function failedFacts(domain: string, at: number): DomainFacts {
  const nothing = { status: "timeout", mxType: null, mx: [], reach: null } as const;
  return factsOf(domain, { ...nothing, at, expiresAt: at + MINUTE_MS, shared: false });
}

/** What never comes. */
export const hanging = (): Promise<never> => new Promise(() => {});

/** Domains of a list. */
export const list = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => `d${n}.example`);

export const POLICY = { spf: "present", dmarc: "reject" } as const;

/** The promise's value, or a rejection after `ms` milliseconds. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

type Store = "readKv" | "writeKv" | "readD1" | "writeD1";

/** One installation: its stores, its DNS and its log; each isolate in it has a cache of its own. */
export function createWorld(now: () => number = Date.now) {
  const kv = new Map<string, DomainFacts>();
  const d1 = new Map<string, DomainFacts>();
  /** The domains of each call. */
  const calls = {
    readKv: [] as string[][],
    writeKv: [] as string[][],
    readD1: [] as string[][],
    writeD1: [] as string[][],
    gather: [] as [string, FactsAsk][],
    asked: [] as string[],
    log: [] as string[],
  };
  const settled: Promise<unknown>[] = [];
  const world = {
    kv,
    d1,
    calls,
    /** What a store does instead of its work. */
    broken: {} as Partial<Record<Store, () => Promise<never>>>,
    gather: async (domain: string, ask: FactsAsk): Promise<DomainFacts> =>
      factsOf(domain, { at: now(), ...(ask.policy ? POLICY : {}) }),
    /** Resolves when everything that was put off has been done. */
    idle: async (): Promise<void> => {
      while (settled.length > 0) await settled.pop();
    },
    isolate: () => {
      const { port, size } = createFactsCache(deps);
      return { facts: port(invocation), size };
    },
  };
  const through = async <T>(store: Store, domains: string[], work: () => T): Promise<T> => {
    calls[store].push(domains);
    await world.broken[store]?.();
    return work();
  };
  const names = (facts: readonly DomainFacts[]): string[] => facts.map(({ domain }) => domain);
  const has = (map: Map<string, DomainFacts>, domains: readonly string[]): DomainFacts[] =>
    domains.flatMap((domain) => map.get(domain) ?? []);
  const invocation: Invocation = {
    later: (promise) => settled.push(promise),
    gather: (domain, ask) => {
      calls.gather.push([domain, ask]);
      return world.gather(domain, ask);
    },
  };
  const deps: CacheDeps = {
    now,
    within,
    asked: (domain) => {
      calls.asked.push(domain);
      return null;
    },
    log: (event, fields) => calls.log.push(JSON.stringify({ event, ...fields })),
    readKv: (domains) => through("readKv", [...domains], () => has(kv, domains)),
    readD1: (domains) => through("readD1", [...domains], () => has(d1, domains)),
    writeKv: (facts) =>
      through("writeKv", names(facts), () => {
        for (const one of facts) kv.set(one.domain, one);
      }),
    writeD1: (facts) =>
      through("writeD1", names(facts), () => {
        for (const one of facts) {
          const held = d1.get(one.domain);
          const holds = held !== undefined && held.expiresAt > one.at;
          d1.set(one.domain, holds ? mergeFacts(held, one) : one);
        }
      }),
  };
  return world;
}
