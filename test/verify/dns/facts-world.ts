/** A zone of domains of every kind, and two local resolvers that know it. */
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import type { DomainFacts } from "../../../src/core/domain-facts.ts";
import { createHostCache, type HostCache } from "../../../src/verify/dns/hosts.ts";
import { createResolver } from "../../../src/verify/dns/resolver.ts";
import { gatherFacts } from "../../../src/verify/facts.ts";
import { type Counts, type Doh, startDoh } from "../../support/doh/server.ts";
import type { ZoneName } from "../../support/doh/zone.ts";

export const NOW = 1_800_000_000_000;
/** Long enough that a busy machine is not taken for a silent resolver. */
const PATIENT = { hedgeMs: 2_000, timeLimitMs: 5_000 };
/** For what is never answered. */
export const HASTY = { hedgeMs: 50, timeLimitMs: 600 };
/** For what one resolver never answers. */
export const HEDGING = { hedgeMs: 50, timeLimitMs: 5_000 };
const DAY_S = 86_400;

/** Hosts "d1.net", "d2.net", ... that do not exist. */
const deadHosts = (count: number) =>
  Array.from({ length: count }, (_, at) => [at, `d${at}.net`] as const);

const zone: Readonly<Record<string, ZoneName>> = {
  // Hosts.
  "mx.host.net": { ttl: 500, a: ["1.2.3.4"] },
  "mx6.host.net": { ttl: 500, aaaa: ["2606:4700::1"], soa: { ttl: 700, minimum: 700 } },
  "private.host.net": { ttl: 500, a: ["10.0.0.1", "192.168.1.1"], aaaa: ["fd00::1"] },
  "both.host.net": { ttl: 500, a: ["127.0.0.1"], aaaa: ["2606:4700::1"] },
  "empty.host.net": {},
  "failing.host.net": { fault: "servfail" },
  "failing2.host.net": { fault: "refused" },
  "half.host.net": { fault: { AAAA: "servfail" } },
  // MX.
  "mx.com": { ttl: 900, mx: [[10, "mx.host.net"]] },
  "short.com": { ttl: 5, mx: [[10, "mx.host.net"]] },
  "long.com": { ttl: 7 * DAY_S, mx: [[1, "aspmx.l.google.com"]] },
  "chain.com": { ttl: 400, cname: "chain2.com" },
  "chain2.com": { ttl: 800, cname: "mx.com" },
  "v6.com": { ttl: 900, mx: [[10, "mx6.host.net"]] },
  "null.com": { ttl: 1200, mx: [[0, "."]] },
  "null-high.com": { mx: [[10, "."]] },
  "null-mixed.com": {
    ttl: 900,
    mx: [
      [0, "."],
      [10, "mx.host.net"],
    ],
  },
  "literal.com": {
    mx: [
      [5, "192.0.2.25"],
      [10, "mx.host.net"],
    ],
  },
  "literal-only.com": { mx: [[5, "10.0.0.1"]] },
  "order.com": {
    mx: [
      [20, "B.host.net"],
      [10, "mx.host.net"],
      [20, "a.host.net"],
      [20, "b.host.net"],
    ],
  },
  "second.com": {
    ttl: 900,
    mx: [
      [5, "empty.host.net"],
      [10, "mx.host.net"],
    ],
  },
  "private-mx.com": { ttl: 900, mx: [[5, "private.host.net"]] },
  "no-address.com": {
    ttl: 9_000,
    mx: [
      [5, "empty.host.net"],
      [10, "missing.net"],
    ],
  },
  "family.com": { mx: [[5, "both.host.net"]] },
  "backup.com": {
    mx: [
      [5, "private.host.net"],
      [10, "mail.protonmail.ch"],
    ],
  },
  "twelve.com": { mx: deadHosts(12) },
  "failing-mx.com": { mx: [[5, "failing.host.net"]] },
  "failing-then.com": {
    ttl: 900,
    mx: [
      [5, "failing.host.net"],
      [10, "mx.host.net"],
    ],
  },
  "failing-private.com": {
    mx: [
      [5, "failing.host.net"],
      [10, "private.host.net"],
    ],
  },
  "failing-all.com": {
    mx: [
      [5, "failing.host.net"],
      [6, "failing2.host.net"],
      [10, "mx.host.net"],
    ],
  },
  "half.com": { mx: [[5, "half.host.net"]] },
  "outlook.com": { mx: [[5, "outlook-com.olc.protection.outlook.com"]] },
  "work.com": { mx: [[0, "work-com.mail.protection.outlook.com"]] },
  // No MX.
  "a.com": { ttl: 1_000, a: ["1.2.3.4"], txt: ["v=spf1 -all"] },
  "aaaa.com": { ttl: 1_000, aaaa: ["2606:4700::2"], soa: { ttl: 600, minimum: 600 } },
  "private.com": { ttl: 1_000, a: ["10.1.1.1"], soa: { ttl: 600, minimum: 650 } },
  "private6.com": { ttl: 1_000, aaaa: ["fe80::1"], soa: { ttl: 600, minimum: 600 } },
  "a-no-soa.com": { ttl: 1_000, a: ["1.2.3.4"], soa: null },
  "nothing.com": { soa: { ttl: 1_200, minimum: 800 } },
  "nothing-long.com": { soa: { ttl: DAY_S, minimum: DAY_S } },
  "nothing-short.com": { soa: { ttl: 20, minimum: 800 } },
  "nothing-quiet.com": { soa: null },
  "fallback-fails.com": { a: ["1.2.3.4"], fault: { A: "servfail" } },
  "fallback-half.com": { a: ["10.0.0.1"], fault: { AAAA: "dead" } },
  "fallback-enough.com": { a: ["1.2.3.4"], fault: { AAAA: "servfail" } },
  // No name.
  "gone.com": { nxdomain: true, soa: { ttl: 700, minimum: 900 } },
  "gone-long.com": { nxdomain: true, soa: { ttl: DAY_S, minimum: DAY_S } },
  "gone-short.com": { nxdomain: true, soa: { ttl: 59, minimum: 900 } },
  "gone-quiet.com": { nxdomain: true, soa: null },
  "dangling.com": { cname: "gone.com" },
  // Nothing learnt.
  "servfail.com": { fault: "servfail" },
  "refused.com": { fault: "refused" },
  "truncated.com": { fault: "truncated" },
  "garbage.com": { fault: "garbage" },
  "slow.com": { fault: "slow" },
  "dead.com": { fault: "dead" },
  "http.com": { fault: "http_500" },
  "other.com": { fault: "wrong_name" },
  "loop.com": { cname: "loop2.com" },
  "loop2.com": { cname: "loop.com" },
  // Policies.
  "policy.com": { ttl: 900, mx: [[1, "smtp.google.com"]], txt: ["x", "v=spf1 mx ~all"] },
  "_dmarc.policy.com": { ttl: 450, txt: ["v=DMARC1; p=quarantine; sp=reject"] },
  "sub.policy.com": { ttl: 900, mx: [[1, "smtp.google.com"]] },
  "spf-fails.com": { mx: [[1, "smtp.google.com"]], fault: { TXT: "servfail" } },
  "waiting.com": { fault: "slow" },
  "_dmarc.waiting.com": { fault: "slow" },
  "dmarc-fails.com": { mx: [[1, "smtp.google.com"]] },
  "_dmarc.dmarc-fails.com": { fault: "slow" },
  "no-policy.com": { ttl: 900, mx: [[1, "smtp.google.com"]] },
};

/** What the second resolver says in place of the zone. */
export const second: Record<string, ZoneName> = {};

let one: Doh;
let other: Doh;
let hosts: HostCache;

/** Starts the resolvers for a file's tests; each test begins with nothing counted or remembered. */
export function useResolvers(): void {
  beforeAll(async () => {
    const replaced = (name: string): ZoneName | undefined => second[name] ?? zone[name];
    [one, other] = await Promise.all([startDoh(zone), startDoh(replaced)]);
  });
  afterAll(() => Promise.all([one.close(), other.close()]));
  beforeEach(() => {
    hosts = createHostCache();
    one.reset();
  });
}

/** What the first resolver was asked. */
export const counts = (): Counts => one.counts();

/** The facts of a domain, over real HTTP. */
export function gather(
  domain: string,
  policy = false,
  now = NOW,
  times = PATIENT,
): Promise<DomainFacts> {
  const after = (ms: number, run: () => void) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  };
  const urls = [one.url, other.url];
  return gatherFacts(
    domain,
    { policy },
    {
      resolve: createResolver({ urls, ...times }, { fetch, after }),
      hosts,
      registrable: (name) => name.split(".").slice(-2).join("."),
      now: () => now,
    },
  );
}

/** The facts with names of hosts only, and for how long they are kept in place of when. */
export async function told(domain: string, policy = false, times = PATIENT) {
  const { domain: named, at, expiresAt, mx, ...facts } = await gather(domain, policy, NOW, times);
  expect([named, at]).toEqual([domain, NOW]);
  return { ...facts, mx: mx.map(({ host }) => host), keptS: (expiresAt - at) / 1_000 };
}

export const FOUND = {
  status: "noerror",
  mxType: "mx",
  provider: null,
  reach: "routable",
  spf: null,
  dmarc: null,
  shared: true,
};
export const NONE = { ...FOUND, mxType: "none", reach: null, mx: [] };
export const NOT_LEARNT = { ...NONE, mxType: null, shared: false };
