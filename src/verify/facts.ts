/**
 * Gathers what DNS says about a domain that is to receive mail:
 *
 *   MX -> hosts' addresses, unless their operator is known by name
 *      -> none: the domain's own addresses (RFC 5321 section 5.1), and SPF
 *   SPF, DMARC at the same time, when asked for
 *
 * What a failed question has a part in is not shared, and says nothing against the domain.
 */
import {
  type Dmarc,
  type DomainFacts,
  MAIL_HOSTS_MAX,
  type MailHost,
  type Reach,
  type Spf,
} from "../core/domain-facts.ts";
import { operatorOf } from "../core/mail-operators.ts";
import { type Answer, isTransient } from "./dns/answer.ts";
import { type Basis, basisOf, both, keepFor, NO_BASIS } from "./dns/basis.ts";
import { askReach, type HostCache } from "./dns/hosts.ts";
import { dmarcOf, spfOf } from "./dns/policy.ts";
import type { Resolve } from "./dns/resolver.ts";
import type { FactsAsk } from "./ports.ts";

/** Hosts whose addresses are asked for; mail servers commonly try five before they give up. */
export const HOSTS_ASKED_MAX = 5;
/** Hosts of which nothing is learnt before a domain's lookup ends: each may cost its time limit. */
export const HOST_FAILURES_MAX = 2;

/** What gathering facts needs. */
export interface FactsDeps {
  readonly resolve: Resolve;
  /** Of the isolate. */
  readonly hosts: HostCache;
  /** The part of a domain that somebody has registered, null for a public suffix. */
  readonly registrable: (domain: string) => string | null;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** How mail gets to the domain, and what that is known from. */
type Route = Pick<DomainFacts, "status" | "mxType" | "mx" | "provider" | "reach"> & {
  readonly basis: Basis;
};

interface Learnt<T> {
  /** Null: not asked, or not learnt. */
  readonly value: T | null;
  readonly basis: Basis;
}

const NOT_ASKED: Learnt<never> = { value: null, basis: NO_BASIS };

/**
 * The facts of a domain (A-labels, lower case, neither an address literal nor a special-use name).
 * Never rejects: what could not be learnt is null, with the status that says why.
 */
export async function gatherFacts(
  domain: string,
  ask: Pick<FactsAsk, "policy">,
  deps: FactsDeps,
): Promise<DomainFacts> {
  const spfAsked = ask.policy ? askSpf(domain, deps) : null;
  const dmarcAsked = ask.policy ? askDmarc(domain, deps) : NOT_ASKED;
  const mx = await deps.resolve(domain, "MX");
  const [route, spf, dmarc] = await Promise.all([
    routeOf(domain, mx, deps),
    spfAsked ?? (mx.kind === "nodata" ? askSpf(domain, deps) : NOT_ASKED),
    dmarcAsked,
  ]);
  // A domain that does not exist has no policies either.
  const exists = route.status !== "nxdomain";
  const basis = exists ? both(route.basis, both(spf.basis, dmarc.basis)) : route.basis;
  const { ms, shared } = keepFor(basis, route.reach === "routable" || route.mxType === "null");
  const at = deps.now();
  return {
    domain,
    status: route.status,
    mxType: route.mxType,
    mx: route.mx,
    provider: route.provider,
    reach: route.reach,
    spf: exists ? spf.value : null,
    dmarc: exists ? dmarc.value : null,
    at,
    expiresAt: at + ms,
    shared,
  };
}

const NO_ROUTE = { mxType: null, mx: [], provider: null, reach: null } as const;

async function routeOf(domain: string, answer: Answer<"MX">, deps: FactsDeps): Promise<Route> {
  const basis = basisOf(answer);
  switch (answer.kind) {
    case "records":
      return mxRoute(answer.records, basis, deps);
    case "nodata":
      return implicitRoute(domain, basis, deps);
    case "nxdomain":
      return { ...NO_ROUTE, status: "nxdomain", mxType: "none", basis };
    default:
      return { ...NO_ROUTE, status: answer.kind, basis };
  }
}

/** RFC 7505 section 3: the root alone. Beside other hosts it is no host, and does not count. */
const isNullMx = (records: readonly MailHost[]): boolean =>
  records.every(({ host }) => host === ".");

async function mxRoute(
  records: readonly MailHost[],
  basis: Basis,
  deps: FactsDeps,
): Promise<Route> {
  if (isNullMx(records)) return { ...NO_ROUTE, status: "noerror", mxType: "null", basis };
  const hosts = hostsOf(records);
  const reached = await reachOf(hosts, deps);
  return {
    status: "noerror",
    mxType: "mx",
    mx: hosts.slice(0, MAIL_HOSTS_MAX),
    provider: providerOf(hosts),
    reach: reached.value,
    basis: both(basis, reached.basis),
  };
}

const HOST = /^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/;
/** RFC 3696 section 2: no top-level name is a number, so this is an IPv4 address. */
const NUMBER_LAST = /(?:^|\.)\d+$/;

/** What of MX records names a host, each once, in order of preference. */
function hostsOf(records: readonly MailHost[]): MailHost[] {
  const seen = new Set<string>();
  return [...records]
    .sort((a, b) => a.preference - b.preference || (a.host < b.host ? -1 : 1))
    .filter(({ host }) => {
      if (seen.has(host) || !HOST.test(host) || NUMBER_LAST.test(host)) return false;
      seen.add(host);
      return true;
    });
}

/** The operator of a most preferred host. */
function providerOf(hosts: readonly MailHost[]): string | null {
  for (const { host, preference } of hosts) {
    if (preference !== hosts[0]?.preference) return null;
    const operator = operatorOf(host);
    if (operator !== null) return operator;
  }
  return null;
}

/** Whether any of the hosts can be reached, asking no more of them than it takes. */
async function reachOf(hosts: readonly MailHost[], deps: FactsDeps): Promise<Learnt<Reach>> {
  // Operators of mail keep their hosts in order.
  if (hosts.some(({ host }) => operatorOf(host) !== null)) {
    return { value: "routable", basis: NO_BASIS };
  }
  let basis = NO_BASIS;
  let failed: Basis["failed"] = null;
  let failures = 0;
  let unroutable = false;
  for (const { host } of hosts.slice(0, HOSTS_ASKED_MAX)) {
    const known = await hostReach(host, deps);
    if (known.reach === null) {
      failed ??= known.basis.failed;
      failures += 1;
      if (failures === HOST_FAILURES_MAX) break;
      continue;
    }
    basis = both(basis, known.basis);
    // A host that failed has no part in it: this one is enough.
    if (known.reach === "routable") return { value: "routable", basis };
    unroutable ||= known.reach === "unroutable";
  }
  if (failed !== null) return { value: null, basis: { ...basis, failed } };
  // Of those that were not asked, one may be reachable.
  if (hosts.length > HOSTS_ASKED_MAX) return { value: null, basis };
  return { value: unroutable ? "unroutable" : "no_address", basis };
}

async function hostReach(host: string, { resolve, hosts, now }: FactsDeps) {
  const known = hosts.get(host, now());
  if (known !== null) return known;
  const reach = await askReach(host, resolve);
  hosts.set(host, reach, now());
  return reach;
}

/** RFC 5321 section 5.1: without MX records, a domain's own addresses take its mail. */
async function implicitRoute(domain: string, mxBasis: Basis, deps: FactsDeps): Promise<Route> {
  const { reach, family, basis: addressBasis } = await askReach(domain, deps.resolve);
  const basis = both(mxBasis, addressBasis);
  if (reach === null) return { ...NO_ROUTE, status: basis.failed ?? "servfail", basis };
  if (family === null) return { ...NO_ROUTE, status: "noerror", mxType: "none", basis };
  const mxType = family === "A" ? "implicit_a" : "implicit_aaaa";
  return { ...NO_ROUTE, status: "noerror", mxType, reach, basis };
}

async function askSpf(domain: string, { resolve }: FactsDeps): Promise<Learnt<Spf>> {
  const answer = await resolve(domain, "TXT");
  return learnt(answer, (records) => spfOf(records));
}

async function askDmarc(domain: string, deps: FactsDeps): Promise<Learnt<Dmarc>> {
  const own = await deps.resolve(`_dmarc.${domain}`, "TXT");
  const ownPolicy = learnt(own, (records) => dmarcOf(records, false));
  const above = deps.registrable(domain);
  if (isTransient(own) || ownPolicy.value !== null) return ownPolicy;
  if (above === null || above === domain) return { value: "absent", basis: ownPolicy.basis };
  // RFC 7489 section 6.6.3: then that of the organisational domain.
  const inherited = await deps.resolve(`_dmarc.${above}`, "TXT");
  const policy = learnt(inherited, (records) => dmarcOf(records, true) ?? "absent");
  return { value: policy.value, basis: both(ownPolicy.basis, policy.basis) };
}

/** What TXT records say; what is not there says the same as no records. */
function learnt<T>(
  answer: Answer<"TXT">,
  read: (records: readonly string[]) => T | null,
): Learnt<T> {
  const basis = basisOf(answer);
  if (isTransient(answer)) return { value: null, basis };
  return { value: read(answer.kind === "records" ? answer.records : []), basis };
}
