/**
 * What the warming of domain facts is worth: a day of traffic in virtual time, through the cache,
 * the demand counts and the warming as they are, with and without the latter. Isolates come and go
 * in several places; KV remembers for a minute in each place what it has and what it has not; DNS
 * answers with what is left of a record's life. Deterministic by its seed.
 *
 * Two kinds of asks: a verification looks up what is missing; mail that is sent goes by what is
 * known, from memory and KV alone.
 */
import { expectedAsks, fadedDemand, POPULAR_KEPT_MIN, POPULAR_MIN } from "../../src/core/demand.ts";
import type { DomainFacts } from "../../src/core/domain-facts.ts";
import { createFactsCache, type FactsStores, type Gather } from "../../src/verify/cache.ts";
import { createDemand } from "../../src/verify/demand.ts";
import { hasPolicy, mergeFacts } from "../../src/verify/facts-merge.ts";
import type { FactsPort } from "../../src/verify/ports.ts";
import { warm } from "../../src/verify/warm.ts";
import { xorshift } from "./random.ts";
import { round } from "./stats.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const START = 1_900_000_000_000;

export interface Traffic {
  readonly seed: number;
  readonly hours: number;
  /** The first hours, in which everything is new, are not counted. */
  readonly uncountedHours: number;
  readonly asksPerSecond: number;
  /** Isolates at a time, spread over the places, and how long each lives on average. */
  readonly isolates: number;
  readonly places: number;
  readonly lifeMinutes: number;
}

/** A small company's day. */
export const TRAFFIC: Traffic = {
  ...{ seed: 5, hours: 26, uncountedHours: 2, asksPerSecond: 0.5 },
  ...{ isolates: 8, places: 3, lifeMinutes: 20 },
};

/** Nine in ten asks are about a hundred domains; in both parts popularity falls with the rank. */
const HEAD = 100;
const HEAD_SHARE = 0.9;
const TAIL = 10_000;

/** Lives of MX records by share of domains, seconds: five minutes is what many hosters set. */
const LIVES: readonly (readonly [share: number, seconds: number])[] = [
  [0.3, 300],
  [0.8, 3_600],
  [0.9, 14_400],
  [1, 86_400],
];
/** The cache's clamp of what DNS answers, in the facts. */
const LIFE_MIN_MS = 5 * MINUTE_MS;
const LOOKUPS_THAT_FAIL = 0.01;
const SENT_SHARE = 0.5;

/** KV remembers for this long in a place what it has told there. */
const KV_PLACE_MS = MINUTE_MS;

/** One day, with or without warming. */
export interface Day {
  /** Of verifications, those whose answer needed no DNS; 0 to 1. */
  readonly hit_ratio: number;
  /** The same of the hundred popular domains: to the others hardly anybody comes back. */
  readonly popular_hit_ratio: number;
  /** Of mail that goes by what is known, the part whose domain was; 0 to 1. */
  readonly known_ratio: number;
  /** Lookups that somebody waited for, and those made ahead. */
  readonly lookups_waited_for: number;
  readonly lookups_ahead: number;
  readonly verifications: number;
  /** Rows of D1 that the counting of demand took, for a thousand asks. */
  readonly demand_rows_per_1000: number;
}

/** The same day twice. */
export interface CacheFigures {
  readonly without_warming: Day;
  readonly with_warming: Day;
}

/** Simulates the traffic without and with warming. Takes a few seconds. */
export async function simulateCache(traffic: Traffic = TRAFFIC): Promise<CacheFigures> {
  return {
    without_warming: await simulate(traffic, false),
    with_warming: await simulate(traffic, true),
  };
}

interface Row {
  facts: DomainFacts | null;
  lifeMs: number;
  asked: number;
  askedAt: number;
  popular: boolean;
}

async function simulate(traffic: Traffic, warming: boolean): Promise<Day> {
  const random = xorshift(traffic.seed);
  /** Failures are drawn apart, so that both days have the same asks. */
  const chance = xorshift(traffic.seed + 1);
  let now = START;
  const clock = (): number => now;
  const pending: Promise<unknown>[] = [];
  const rows = new Map<string, Row>();
  const kv = new Map<string, DomainFacts>();
  const counts = { hits: 0, verifications: 0, known: 0, sent: 0, waited: 0, ahead: 0 };
  const popular = { hits: 0, verifications: 0 };
  let demandRows = 0;
  let counted = false;

  const rowOf = (domain: string): Row => {
    const row = rows.get(domain) ?? {
      ...{ facts: null, lifeMs: 0, asked: 0, askedAt: now, popular: false },
    };
    rows.set(domain, row);
    return row;
  };
  const gather = (count: () => void): Gather => {
    return async (domain, { policy }) => {
      if (counted) count();
      const failed = chance() < LOOKUPS_THAT_FAIL;
      return dnsAnswer(domain, now, failed, policy);
    };
  };
  const shared = {
    writeKv: async (facts: readonly DomainFacts[]) => {
      for (const one of facts) kv.set(one.domain, one);
    },
    readD1: async (domains: readonly string[], at: number) =>
      domains.flatMap((domain) => {
        const facts = rows.get(domain)?.facts ?? null;
        return facts !== null && facts.expiresAt > at ? [facts] : [];
      }),
    writeD1: async (facts: readonly DomainFacts[]) => {
      for (const one of facts) {
        const row = rowOf(one.domain);
        const holds = row.facts !== null && row.facts.expiresAt > now;
        row.facts = holds ? mergeFacts(row.facts as DomainFacts, one) : one;
        row.lifeMs = Math.max(row.lifeMs, one.expiresAt - one.at);
      }
    },
  };
  const places = Array.from({ length: traffic.places }, () => createPlace(kv, clock));

  const waited = gather(() => {
    counts.waited += 1;
  });
  const isolateAt = (place: FactsStores["readKv"]): FactsPort => {
    const { asked } = createDemand({
      now: clock,
      random: chance,
      write: async (asks, at) => {
        if (counted) demandRows += asks.length;
        for (const { domain, count } of asks) {
          const row = rowOf(domain);
          row.asked = count + fadedDemand(row.asked, row.askedAt, at);
          row.askedAt = at;
          row.popular ||= row.asked >= POPULAR_MIN;
        }
      },
      log: () => {},
    });
    const cache = createFactsCache({
      ...shared,
      readKv: place,
      now: clock,
      within: (promise) => promise,
      asked,
      log: () => {},
    });
    return cache.port({ gather: waited, later: (promise) => pending.push(promise) });
  };
  const begin = () => ({
    facts: isolateAt(places[Math.floor(random() * places.length)] as FactsStores["readKv"]),
    until: now - Math.log(1 - random()) * traffic.lifeMinutes * MINUTE_MS,
  });
  const isolates = Array.from({ length: traffic.isolates }, begin);

  const due = async (before: number, at: number, limit: number) => {
    const found: { domain: string; policy: boolean; demand: number }[] = [];
    for (const [domain, row] of rows) {
      if (!row.popular || (row.facts?.expiresAt ?? 0) > before) continue;
      const demand = fadedDemand(row.asked, row.askedAt, at);
      if (demand < POPULAR_KEPT_MIN) row.popular = false;
      const isNew = row.facts === null;
      if (row.popular && (isNew || expectedAsks(demand, row.lifeMs) >= 1)) {
        found.push({ domain, policy: row.facts !== null && hasPolicy(row.facts), demand });
      }
    }
    return found.sort((a, b) => b.demand - a.demand).slice(0, limit);
  };
  const ahead = gather(() => {
    counts.ahead += 1;
  });
  const cron = () => warm({ ...shared, now: clock, due, gather: ahead, log: () => {} });

  let cronAt = now + MINUTE_MS;
  const end = START + traffic.hours * HOUR_MS;
  for (;;) {
    now += (-Math.log(1 - random()) * 1_000) / traffic.asksPerSecond;
    if (now >= end) break;
    for (; cronAt <= now; cronAt += MINUTE_MS) if (warming) await cron();
    counted = now >= START + traffic.uncountedHours * HOUR_MS;
    const at = Math.floor(random() * isolates.length);
    if ((isolates[at]?.until ?? 0) <= now) isolates[at] = begin();
    const domain = drawDomain(random);
    const isSent = random() < SENT_SHARE;
    const ask = { policy: !isSent, lookup: !isSent };
    const found = await isolates[at]?.facts([domain], ask);
    while (pending.length > 0) await pending.pop();
    if (!counted) continue;
    const layer = found?.get(domain)?.layer;
    counts[isSent ? "sent" : "verifications"] += 1;
    if (isSent && layer !== undefined) counts.known += 1;
    const of = isSent ? [] : isPopular(domain) ? [counts, popular] : [counts];
    for (const one of of) if (layer !== "dns") one.hits += 1;
    if (!isSent && isPopular(domain)) popular.verifications += 1;
  }
  return {
    hit_ratio: round(counts.hits / counts.verifications, 4),
    popular_hit_ratio: round(popular.hits / popular.verifications, 4),
    known_ratio: round(counts.known / counts.sent, 4),
    lookups_waited_for: counts.waited,
    lookups_ahead: counts.ahead,
    verifications: counts.verifications,
    demand_rows_per_1000: round((1_000 * demandRows) / (counts.verifications + counts.sent)),
  };
}

/** KV as one place sees it: what was told there is told for a minute, be it nothing. */
function createPlace(kv: ReadonlyMap<string, DomainFacts>, now: () => number) {
  const told = new Map<string, { readonly facts: DomainFacts | null; readonly until: number }>();
  return async (domains: readonly string[]): Promise<DomainFacts[]> =>
    domains.flatMap((domain) => {
      let known = told.get(domain);
      if (known === undefined || known.until <= now()) {
        known = { facts: kv.get(domain) ?? null, until: now() + KV_PLACE_MS };
        told.set(domain, known);
      }
      return known.facts ?? [];
    });
}

/** What a resolver says that keeps a copy of the record, of whose life some part has passed. */
function dnsAnswer(domain: string, at: number, failed: boolean, policy: boolean): DomainFacts {
  const number = numberOf(domain);
  const share = (number * 0.618_034) % 1;
  const lifeMs = (LIVES.find(([upTo]) => share < upTo)?.[1] ?? 0) * 1_000;
  const phaseMs = (number * 7_919_000) % lifeMs;
  const leftMs = Math.max(LIFE_MIN_MS, lifeMs - ((at + phaseMs) % lifeMs));
  const unanswered = { status: "timeout", mxType: null, mx: [], reach: null } as const;
  return {
    ...{ domain, status: "noerror", mxType: "mx", provider: null, reach: "routable" },
    mx: [{ host: `mx.${domain}`, preference: 10 }],
    ...(policy ? { spf: "present", dmarc: "none" } : { spf: null, dmarc: null }),
    ...{ at, expiresAt: at + leftMs, shared: true },
    ...(failed ? { ...unanswered, expiresAt: at + 30_000, shared: false } : {}),
  };
}

const numberOf = (domain: string): number => Number(domain.slice(1, domain.indexOf(".")));
const isPopular = (domain: string): boolean => numberOf(domain) < HEAD;

function drawDomain(random: () => number): string {
  const [first, count] = random() < HEAD_SHARE ? [0, HEAD] : [HEAD, TAIL];
  // The rank r with a weight of 1/r, by the inverse of its sum, which grows as ln(r + 1).
  const rank = Math.floor((count + 1) ** random()) - 1;
  return `d${first + Math.min(rank, count - 1)}.example`;
}
