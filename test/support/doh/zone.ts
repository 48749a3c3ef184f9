/** What a local DNS over HTTPS server is to answer, as plain data. */

export type ZoneType = "MX" | "A" | "AAAA" | "TXT";

/**
 * How a question can go wrong. `slow`: taken, never answered. `dead`: the connection ends without
 * an answer. `cut`: it ends within the body. The rest are answers that are none.
 */
export const FAULTS = [
  "servfail",
  "refused",
  "formerr",
  "notimp",
  "truncated",
  "garbage",
  "empty",
  "short",
  "slow",
  "dead",
  "cut",
  "http_429",
  "http_500",
  "redirect",
  "content_type",
  "too_long",
  "query_back",
  "wrong_name",
  "wrong_type",
  "wrong_id",
  "no_question",
  "pointer_loop",
  "pointer_ahead",
  "pointer_outside",
  "huge_counts",
  "record_overrun",
  "record_too_long",
  "trailing_bytes",
  "alias_loop",
  "alias_open",
  "referral",
  "nxdomain_with_records",
] as const;

export type Fault = (typeof FAULTS)[number];

/** TTLs in seconds. */
export interface Soa {
  readonly ttl: number;
  readonly minimum: number;
}

/** What one name holds. A name that is not in the zone does not exist. */
export interface ZoneName {
  /** Of its records, 3600 if not given. */
  readonly ttl?: number;
  readonly mx?: readonly (readonly [preference: number, host: string])[];
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  /** A record each; a list: a record of several strings. */
  readonly txt?: readonly (string | readonly string[])[];
  /** An alias; it is followed within the zone, all in one answer. */
  readonly cname?: string;
  /** Said with what it does not have; null: no SOA is said. */
  readonly soa?: Soa | null;
  /** True: it does not exist, with this SOA. */
  readonly nxdomain?: boolean;
  readonly fault?: Fault | Readonly<Partial<Record<ZoneType, Fault>>>;
}

/** Names are lower case, without the final dot. */
export type Zone =
  | Readonly<Record<string, ZoneName>>
  | ((name: string) => ZoneName | null | undefined);

/** Without a word of its own, a zone's negative answers say this. */
export const DEFAULT_SOA: Soa = { ttl: 1800, minimum: 900 };
export const DEFAULT_TTL = 3600;

/** What the zone holds at a name; null: it does not exist. */
export function nameIn(zone: Zone, name: string): ZoneName | null {
  if (typeof zone === "function") return zone(name) ?? null;
  return Object.hasOwn(zone, name) ? (zone[name] ?? null) : null;
}
