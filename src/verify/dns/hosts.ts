/** Whether mail hosts can be reached: by their addresses, remembered as long as these say. */
import type { Reach } from "../../core/domain-facts.ts";
import { isGloballyRoutable } from "../../core/ip.ts";
import { Lru } from "../../core/lru.ts";
import { type Answer, isTransient } from "./answer.ts";
import { type Basis, basisOf, both } from "./basis.ts";
import type { Resolve } from "./resolver.ts";

/** What the addresses of a name say. */
export interface NameReach {
  /** Null: not learnt. */
  readonly reach: Reach | null;
  /** Of which type the addresses are that count; null: there are none. */
  readonly family: "A" | "AAAA" | null;
  readonly basis: Basis;
}

/**
 * Asks for the addresses of a name: A, and AAAA when those alone do not make it reachable.
 */
export async function askReach(name: string, resolve: Resolve): Promise<NameReach> {
  const v4 = await resolve(name, "A");
  if (isTransient(v4)) return { reach: null, family: null, basis: basisOf(v4) };
  if (hasRoutable(v4)) return { reach: "routable", family: "A", basis: basisOf(v4) };
  const v6 = await resolve(name, "AAAA");
  const basis = both(basisOf(v4), basisOf(v6));
  if (isTransient(v6)) return { reach: null, family: null, basis };
  if (hasRoutable(v6)) return { reach: "routable", family: "AAAA", basis };
  const family = v4.kind === "records" ? "A" : v6.kind === "records" ? "AAAA" : null;
  return { reach: family === null ? "no_address" : "unroutable", family, basis };
}

const hasRoutable = (answer: Answer<"A"> | Answer<"AAAA">): boolean =>
  answer.kind === "records" && answer.records.some(isGloballyRoutable);

/** Hosts of other people's mail are shared by many domains; an entry has about 200 bytes. */
export const HOSTS_MAX = 5_000;

/** The hosts that an isolate knows. */
export interface HostCache {
  /** Null: not known, or no longer. */
  get(host: string, now: number): NameReach | null;
  /** What was not learnt is not kept. */
  set(host: string, reach: NameReach, now: number): void;
}

/** Makes a cache that forgets what was not asked for long. `now` is in Unix ms. */
export function createHostCache(max: number = HOSTS_MAX): HostCache {
  const known = new Lru<string, { readonly reach: NameReach; readonly at: number }>(max);
  return {
    get(host, now) {
      const entry = known.get(host);
      if (entry === undefined) return null;
      const { basis } = entry.reach;
      const ageS = (now - entry.at) / 1_000;
      if (ageS >= Math.min(basis.foundS, basis.negativeS)) return null;
      const left = { foundS: basis.foundS - ageS, negativeS: basis.negativeS - ageS };
      return { ...entry.reach, basis: { ...basis, ...left } };
    },
    set(host, reach, now) {
      if (reach.reach !== null) known.set(host, { reach, at: now });
    },
  };
}
