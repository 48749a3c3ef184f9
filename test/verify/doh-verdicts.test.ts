/**
 * From the wire to the verdict: each kind of answer of a DNS over HTTPS server, what is said of the
 * address, and how long and where the answer is kept.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import type { MxType } from "../../src/core/domain-facts.ts";
import { createHostCache } from "../../src/verify/dns/hosts.ts";
import { createResolver } from "../../src/verify/dns/resolver.ts";
import { gatherFacts } from "../../src/verify/facts.ts";
import { registrableOf } from "../../src/verify/lists.ts";
import { verify } from "../../src/verify/pipeline.ts";
import type { Reason, Status } from "../../src/verify/verdict.ts";
import { type Doh, startDoh } from "../support/doh/server.ts";
import type { ZoneName } from "../support/doh/zone.ts";
import { createWorld } from "./facts-kit.ts";
import { rulesOf } from "./worlds.ts";

const NOW = 1_800_000_000_000;
const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;

/** Of what failed: kept this long, in the isolate alone. */
const FAILED_S = 30;

interface Case {
  readonly zone: Readonly<Record<string, ZoneName>>;
  readonly says: readonly [Status, Reason, MxType | null];
  readonly keptS: number;
  /** Whether KV and D1 have it too. */
  readonly shared: boolean;
}

const PUBLIC = "198.51.101.1";
const takes = ["unknown", "domain_takes_mail"] as const;
const failing = (fault: ZoneName["fault"], reason: Reason): Case => ({
  zone: { "d.com": { fault: fault ?? "dead" } },
  says: ["unknown", reason, null],
  keptS: FAILED_S,
  shared: false,
});

const CASES: Readonly<Record<string, Case>> = {
  "an MX": {
    zone: { "d.com": { mx: [[10, "mx.d.com"]], ttl: 7_200 }, "mx.d.com": { a: [PUBLIC] } },
    says: [...takes, "mx"],
    keptS: HOUR_S,
    shared: true,
  },
  "an MX with a short life": {
    zone: { "d.com": { mx: [[10, "aspmx.l.google.com"]], ttl: 10 } },
    says: [...takes, "mx"],
    keptS: 5 * MINUTE_S,
    shared: true,
  },
  "an MX with a long life": {
    zone: { "d.com": { mx: [[10, "aspmx.l.google.com"]], ttl: 9 * DAY_S } },
    says: [...takes, "mx"],
    keptS: DAY_S,
    shared: true,
  },
  "a chain of aliases to an MX": {
    zone: {
      "d.com": { cname: "a.d.net", ttl: 900 },
      "a.d.net": { cname: "b.d.net", ttl: 600 },
      "b.d.net": { mx: [[10, "aspmx.l.google.com"]] },
    },
    says: [...takes, "mx"],
    keptS: 600,
    shared: true,
  },
  "a null MX": {
    zone: { "d.com": { mx: [[0, "."]], ttl: 7_200 } },
    says: ["undeliverable", "null_mx", "null"],
    keptS: 7_200,
    shared: true,
  },
  "an A alone": {
    zone: { "d.com": { a: [PUBLIC], ttl: 1_200 } },
    says: [...takes, "implicit_a"],
    keptS: 900,
    shared: true,
  },
  "an AAAA alone": {
    zone: { "d.com": { aaaa: ["2606:4700::1"], ttl: 1_200 } },
    says: [...takes, "implicit_aaaa"],
    keptS: 900,
    shared: true,
  },
  "a private A alone": {
    zone: { "d.com": { a: ["10.0.0.1"] } },
    says: ["undeliverable", "mx_unroutable", "implicit_a"],
    keptS: 900,
    shared: true,
  },
  "an MX host that has no address": {
    zone: { "d.com": { mx: [[10, "mx.d.com"]] }, "mx.d.com": { txt: ["x"] } },
    says: ["undeliverable", "no_mail_host", "mx"],
    keptS: 900,
    shared: true,
  },
  "NXDOMAIN with an SOA": {
    zone: { "d.com": { nxdomain: true, soa: { ttl: 600, minimum: 300 } } },
    says: ["undeliverable", "domain_not_found", "none"],
    keptS: 300,
    shared: true,
  },
  "NXDOMAIN with an SOA of days": {
    zone: { "d.com": { nxdomain: true, soa: { ttl: 9 * DAY_S, minimum: DAY_S } } },
    says: ["undeliverable", "domain_not_found", "none"],
    keptS: HOUR_S,
    shared: true,
  },
  "NXDOMAIN without an SOA": {
    zone: { "d.com": { nxdomain: true, soa: null } },
    says: ["undeliverable", "domain_not_found", "none"],
    keptS: FAILED_S,
    shared: false,
  },
  NODATA: {
    zone: { "d.com": { txt: ["x"] } },
    says: ["undeliverable", "no_mail_host", "none"],
    keptS: 900,
    shared: true,
  },
  "no MX, and the addresses fail": {
    zone: { "d.com": { fault: { A: "servfail", AAAA: "servfail" } } },
    says: ["unknown", "dns_servfail", null],
    keptS: FAILED_S,
    shared: false,
  },
  SERVFAIL: failing("servfail", "dns_servfail"),
  REFUSED: failing("refused", "dns_servfail"),
  "a truncated answer": failing("truncated", "dns_servfail"),
  garbage: failing("garbage", "dns_servfail"),
  "an answer to another question": failing("wrong_name", "dns_servfail"),
  "pointers in a circle": failing("pointer_loop", "dns_servfail"),
  "an HTTP error": failing("http_500", "dns_servfail"),
  "a slow server": failing("slow", "dns_timeout"),
  "a dead server": failing("dead", "dns_timeout"),
};

/** Every case has a domain of its own in one zone. */
const named = (name: string, no: number): string => name.replace(/\bd\.(com|net)\b/g, `d${no}.$1`);
const zone = Object.fromEntries(
  Object.values(CASES).flatMap((one, no) =>
    Object.entries(one.zone).map(([name, holds]): [string, ZoneName] => [
      named(name, no),
      JSON.parse(named(JSON.stringify(holds), no)) as ZoneName,
    ]),
  ),
);

const isSlow = (own: Case["zone"]): boolean => own["d.com"]?.fault === "slow";

let doh: Doh;
beforeAll(async () => {
  doh = await startDoh(zone);
});
afterAll(() => doh.close());

test.each(Object.entries(CASES).map(([name, one], no) => [name, no, one] as const))(
  "%s",
  async (_name, no, { zone: own, says, keptS, shared }) => {
    const domain = `d${no}.com`;
    const world = createWorld(() => NOW);
    const resolve = createResolver(
      // Only who waits for nothing is hurried: a busy machine is no slow server.
      { urls: [doh.url, doh.url], hedgeMs: 100, timeLimitMs: isSlow(own) ? 300 : 10_000 },
      {
        fetch,
        after: (ms, run) => {
          const timer = setTimeout(run, ms);
          return () => clearTimeout(timer);
        },
      },
    );
    const hosts = createHostCache();
    world.gather = (name, ask) =>
      gatherFacts(name, ask, { resolve, hosts, registrable: registrableOf, now: () => NOW });
    const [verdict] = await verify(
      "acme",
      [`ada@${domain}`],
      { policy: false, probe: false, lookup: true },
      {
        now: () => NOW,
        facts: world.isolate().facts,
        evidence: null,
        probe: null,
        rules: rulesOf(parseConfig({})),
        log: () => {},
      },
    );
    expect([verdict?.status, verdict?.reason, verdict?.domain?.mx_type]).toEqual(says);
    const untilMs = Date.parse(verdict?.domain?.expires_at ?? "");
    expect((untilMs - NOW) / 1_000).toBe(keptS);
    await world.idle();
    expect([world.kv.has(domain), world.d1.has(domain)]).toEqual([shared, shared]);
  },
);
