/**
 * Domain facts that isolates share: KV `facts:<FORMAT>:<domain>` holds them as JSON until they
 * expire; the D1 table `domain_facts` (migrations/0008) is behind it, with one row per domain, kept
 * for long after that: evidence of like domains is found by its `mx_type` and `provider`. Its
 * policy has a time of its own, since it is not always asked for. Writers only give what may be
 * shared.
 *
 * Rows written: one for facts, two for those of a popular domain, and none for older ones than
 * there are.
 */
import { DEMAND_HALF_LIFE_MS, POPULAR_KEPT_MIN, POPULAR_MIN } from "../core/demand.ts";
import type { DomainFacts } from "../core/domain-facts.ts";
import { portionsOf } from "./portions.ts";

/** Part of the key, to be raised when facts get another shape. D1 needs a migration then. */
const FORMAT = 1;

/** KV takes no shorter life; facts say themselves when they expire. */
const KV_TTL_MIN_S = 60;

/** KV writes under way at a time: an invocation has six connections, for everything. */
const KV_LANES = 4;

const keyOf = (domain: string): string => `facts:${FORMAT}:${domain}`;

/** What KV has of up to 100 domains, expired or not. One call, billed by domain. */
export async function readFactsKv(
  cache: KVNamespace,
  domains: readonly string[],
): Promise<DomainFacts[]> {
  const values = await cache.get(domains.map(keyOf));
  return domains.flatMap((domain) => {
    const facts = parsed<DomainFacts>(values.get(keyOf(domain)) ?? "");
    return facts?.domain === domain ? [{ ...facts, shared: true }] : [];
  });
}

/** Keeps facts in KV until they expire, one write each. Rejects when any was refused. */
export async function writeFactsKv(
  cache: KVNamespace,
  facts: readonly DomainFacts[],
  now: number,
): Promise<void> {
  const left = facts.values();
  const lane = async (): Promise<void> => {
    for (const { shared: _, ...kept } of left) {
      const lifeS = Math.ceil((kept.expiresAt - now) / 1_000);
      const entry = { expirationTtl: Math.max(KV_TTL_MIN_S, lifeS) };
      await cache.put(keyOf(kept.domain), JSON.stringify(kept), entry);
    }
  };
  // One that is refused does not cut off the others.
  const lanes = await Promise.allSettled(Array.from({ length: KV_LANES }, lane));
  for (const one of lanes) if (one.status === "rejected") throw one.reason;
}

/**
 * The part of facts that stands in the column of that name. SPF is in it as well: of a domain
 * without MX it is asked in any case, and says something of its mail.
 */
type Kept = Pick<DomainFacts, "status" | "mxType" | "mx" | "provider" | "reach" | "spf">;

interface Row {
  readonly domain: string;
  readonly facts: string;
  readonly at: number;
  readonly expires_at: number;
  readonly spf: DomainFacts["spf"];
  readonly dmarc: DomainFacts["dmarc"];
  readonly policy_until: number;
}

/** What D1 has of domains, each named once, and holds at `now`; the policy if it holds too. */
export async function readFactsD1(
  db: D1Database,
  domains: readonly string[],
  now: number,
): Promise<DomainFacts[]> {
  const { results } = await db
    .prepare(
      `SELECT domain, facts, at, expires_at, spf, dmarc, policy_until
       FROM json_each(?1) AS one CROSS JOIN domain_facts ON domain = one.value
       WHERE expires_at > ?2`,
    )
    .bind(JSON.stringify(domains), now)
    .all<Row>();
  return results.flatMap((row) => {
    const kept = parsed<Kept>(row.facts);
    if (kept === null) return [];
    const { domain, at, spf, dmarc } = row;
    const policy = row.policy_until > now;
    const expiresAt = policy ? Math.min(row.expires_at, row.policy_until) : row.expires_at;
    const said = policy ? { spf: kept.spf ?? spf, dmarc } : { dmarc: null };
    return [{ ...kept, ...said, domain, at, expiresAt, shared: true }];
  });
}

/** The larger of two answers of the same instant counts, so that the order of writing does not. */
const NEWER = "(excluded.at, excluded.expires_at, excluded.facts) > (at, expires_at, facts)";
const NEWER_POLICY = `(excluded.policy_at, excluded.policy_until, excluded.spf, excluded.dmarc)
  > (policy_at, policy_until, coalesce(spf, ''), coalesce(dmarc, ''))`;

const taken = (columns: readonly string[], condition: string): string =>
  columns
    .map((one) => `${one} = CASE WHEN ${condition} THEN excluded.${one} ELSE ${one} END`)
    .join();

const UPSERT = `
INSERT INTO domain_facts (domain, mx_type, provider, facts, at, expires_at, life_ms, spf, dmarc,
  policy_at, policy_until)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
  value ->> 5 - value ->> 4, value ->> 6, value ->> 7, value ->> 8, value ->> 9
FROM json_each(?1) WHERE true
ON CONFLICT (domain) DO UPDATE SET
  ${taken(["mx_type", "provider", "facts", "at", "expires_at"], NEWER)},
  life_ms = max(life_ms, excluded.life_ms),
  ${taken(["spf", "dmarc", "policy_at", "policy_until"], NEWER_POLICY)}
WHERE ${NEWER} OR ${NEWER_POLICY} OR excluded.life_ms > life_ms`;

/** Keeps facts in D1: one statement for some thousand domains, which may be given in any order. */
export async function writeFactsD1(db: D1Database, facts: readonly DomainFacts[]): Promise<void> {
  const rows = facts.map(
    ({ domain, status, mxType, mx, provider, reach, spf, dmarc, ...times }) => {
      const kept: Kept = { status, mxType, mx, provider, reach, spf };
      const { at, expiresAt } = times;
      const policy =
        spf !== null && dmarc !== null ? [spf, dmarc, at, expiresAt] : [null, null, 0, 0];
      return JSON.stringify([
        ...[domain, mxType, provider, JSON.stringify(kept), at, expiresAt],
        ...policy,
      ]);
    },
  );
  for (const portion of portionsOf(rows)) await db.prepare(UPSERT).bind(portion).run();
}

/** Asks of one domain since they were written last. */
export interface Asks {
  readonly domain: string;
  readonly count: number;
}

const faded = (asked: string, from: string, to: string): string =>
  `${asked} * pow(0.5, (${to} - ${from}) * 1.0 / ${DEMAND_HALF_LIFE_MS})`;

const SUM = `CASE WHEN excluded.asked_at >= asked_at
  THEN excluded.asked + ${faded("asked", "asked_at", "excluded.asked_at")}
  ELSE asked + ${faded("excluded.asked", "excluded.asked_at", "asked_at")} END`;

const COUNT = `
INSERT INTO domain_facts (domain, asked, asked_at)
SELECT value ->> 0, value ->> 1, ?2 FROM json_each(?1) WHERE true
ON CONFLICT (domain) DO UPDATE SET
  asked = ${SUM}, asked_at = max(asked_at, excluded.asked_at)`;

/** By itself, so that the index is written to only when a domain becomes popular. */
const MARK = `
UPDATE domain_facts SET popular = 1 WHERE popular = 0 AND asked >= ${POPULAR_MIN}
  AND domain IN (SELECT value ->> 0 FROM json_each(?1))`;

/**
 * Adds asks up to `now` to what their domains have: one row each, and two more when a domain
 * becomes popular.
 */
export async function addDemand(db: D1Database, asks: readonly Asks[], now: number): Promise<void> {
  const rows = asks.map(({ domain, count }) => JSON.stringify([domain, count]));
  for (const portion of portionsOf(rows)) {
    await db.batch([db.prepare(COUNT).bind(portion, now), db.prepare(MARK).bind(portion)]);
  }
}

/** A popular domain whose facts run out. */
export interface DueFacts {
  readonly domain: string;
  /** Whether its policy is known too. */
  readonly policy: boolean;
}

const DEMAND_NOW = faded("asked", "asked_at", "?2");
/** In the life of a fact: see `expectedAsks` of core/demand. */
const EXPECTED = `${DEMAND_NOW} * ln(2) * life_ms / ${DEMAND_HALF_LIFE_MS}`;

/**
 * The most asked of the popular domains whose facts run out before `before`, or are not known yet:
 * those for which a lookup serves an ask or more. Domains that are not asked for any longer cease
 * to be popular, at one row each. Reads as many rows as are due.
 */
export async function dueFacts(
  db: D1Database,
  before: number,
  now: number,
  limit: number,
): Promise<DueFacts[]> {
  const [, due] = await db.batch<{ domain: string; policy_at: number }>([
    db
      .prepare(
        `UPDATE domain_facts SET popular = 0, life_ms = expires_at - at
         WHERE popular = 1 AND expires_at <= ?1 AND ${DEMAND_NOW} < ${POPULAR_KEPT_MIN}`,
      )
      .bind(before, now),
    db
      .prepare(
        `SELECT domain, policy_at FROM domain_facts
         WHERE popular = 1 AND expires_at <= ?1 AND (at = 0 OR ${EXPECTED} >= 1)
         ORDER BY ${DEMAND_NOW} DESC LIMIT ?3`,
      )
      .bind(before, now, limit),
  ]);
  return (due?.results ?? []).map((row) => ({ domain: row.domain, policy: row.policy_at > 0 }));
}

/** Rows are kept this long after they have expired and were last counted. */
export const KEEP_MS = 30 * 86_400_000;

/** Rows that one run deletes at most. */
const PRUNE_MAX = 2_000;

/** Of what domains in A-labels are made of, in the order of their codes. */
const LETTERS = "-.0123456789abcdefghijklmnopqrstuvwxyz";

/** By their first two characters; the table is gone through in as many minutes: once a day. */
export const PRUNE_PARTS = LETTERS.length ** 2;

/** The domains of one of the `PRUNE_PARTS`: from `from` on, before `to`. */
export function prunePart(part: number): { readonly from: string; readonly to: string } {
  const start = (at: number): string =>
    `${LETTERS[Math.floor(at / LETTERS.length)]}${LETTERS[at % LETTERS.length]}`;
  return {
    from: part === 0 ? "" : start(part),
    to: part + 1 === PRUNE_PARTS ? "\u007f" : start(part + 1),
  };
}

/**
 * Deletes rows that nothing is asked of any longer, among the domains that begin with the two
 * characters whose turn it is this minute: all of them once a day, without an index that every
 * lookup would have to write to. A million rows are then read once a day, for three cents a month.
 *
 * @returns how many were deleted
 */
export async function pruneFacts(db: D1Database, now: number): Promise<number> {
  const { from, to } = prunePart(Math.floor(now / 60_000) % PRUNE_PARTS);
  const { meta } = await db
    .prepare(
      `DELETE FROM domain_facts WHERE domain IN (
         SELECT domain FROM domain_facts WHERE domain >= ?1 AND domain < ?2
           AND popular = 0 AND max(expires_at, asked_at) < ?3 LIMIT ${PRUNE_MAX})`,
    )
    .bind(from, to, now - KEEP_MS)
    .run();
  return meta.changes;
}

function parsed<T>(text: string): T | null {
  if (text === "") return null;
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}
