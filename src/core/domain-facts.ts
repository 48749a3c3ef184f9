/**
 * What DNS says about a domain that is to receive mail: facts, never verdicts. Shared by
 * verification, its caches and whoever needs the mailbox operator behind a domain.
 */

/**
 * Where mail for the domain goes. `mx`: to its MX hosts. `implicit_a`, `implicit_aaaa`: to the
 * domain itself (RFC 5321 section 5.1). `null`: it says that it takes none (RFC 7505). `none`:
 * nowhere.
 */
export type MxType = "mx" | "implicit_a" | "implicit_aaaa" | "null" | "none";

/** How the question was answered. `servfail` stands for every answer that says nothing. */
export type ResolverStatus = "noerror" | "nxdomain" | "servfail" | "timeout";

/**
 * Whether the hosts that take the domain's mail can be reached: `unroutable`: all their addresses
 * are private or reserved; `no_address`: they have none; null: not asked, or not learnt.
 */
export type Reach = "routable" | "unroutable" | "no_address";

/** `reject_all`: `v=spf1 -all`, the sign of a domain that sends none. */
export type Spf = "none" | "present" | "reject_all";

/** The policy of `_dmarc` (RFC 7489 section 6.3). */
export type Dmarc = "absent" | "none" | "quarantine" | "reject";

export interface MailHost {
  /** Lower case, without the final dot. */
  readonly host: string;
  readonly preference: number;
}

export interface DomainFacts {
  /** A-labels, lower case. */
  readonly domain: string;
  readonly status: ResolverStatus;
  /** Null: it could not be learnt. */
  readonly mxType: MxType | null;
  /** In order of preference, at most `MAIL_HOSTS_MAX`. */
  readonly mx: readonly MailHost[];
  /** The mailbox operator behind the MX, e.g. `google`; null: none that is known. */
  readonly provider: string | null;
  readonly reach: Reach | null;
  /** Null: not asked, or not learnt. */
  readonly spf: Spf | null;
  readonly dmarc: Dmarc | null;
  /** When it was learnt, Unix ms. */
  readonly at: number;
  /** When it has to be asked again, Unix ms. */
  readonly expiresAt: number;
  /**
   * Whether it may leave the isolate: nothing that a failure has had a part in may, so that a
   * transient failure is never kept as a fact.
   */
  readonly shared: boolean;
}

/** MX hosts that are kept: more than ten are one operator's. */
export const MAIL_HOSTS_MAX = 10;

/** Where facts were found. */
export type FactsLayer = "memory" | "kv" | "d1" | "dns";

export interface KnownFacts {
  readonly facts: DomainFacts;
  readonly layer: FactsLayer;
}

/**
 * The mailbox operator behind a domain: the operator of its MX, else its first mail host, else the
 * domain itself. What the pace of delivery is kept by.
 */
export function siteOf({ domain, provider, mx }: DomainFacts): string {
  return provider ?? mx[0]?.host ?? domain;
}
