/** Any zone, any faults on any resolver: what is learnt is true, the rest is said to be unknown. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { DomainFacts } from "../../../src/core/domain-facts.ts";
import { createHostCache } from "../../../src/verify/dns/hosts.ts";
import { createResolver } from "../../../src/verify/dns/resolver.ts";
import { gatherFacts } from "../../../src/verify/facts.ts";
import { answerTo } from "../../support/doh/answer.ts";
import { FAULTS, type Fault, type ZoneName, type ZoneType } from "../../support/doh/zone.ts";
import { createClock } from "./clock.ts";

const NOW = 1_800_000_000_000;
const DOMAIN = "a.d.com";
const HEDGE_MS = 100;
const TIME_LIMIT_MS = 300;

const HOSTS = ["h1.net", "h2.net", "h3.net"] as const;
const NAMES = [DOMAIN, ...HOSTS, `_dmarc.${DOMAIN}`, "_dmarc.d.com"] as const;
const TYPES = ["MX", "A", "AAAA", "TXT"] as const satisfies readonly ZoneType[];

const often = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: undefined });
const soa = fc.option(
  fc.record({
    ttl: fc.constantFrom(10, 60, 900, 90_000),
    minimum: fc.constantFrom(30, 600, 90_000),
  }),
);
const addresses = {
  a: often(fc.subarray(["10.0.0.1", "1.2.3.4"])),
  aaaa: often(fc.subarray(["fd00::1", "2606:4700::1"])),
};
const host = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<string>(...HOSTS) },
  fc.constantFrom(".", "aspmx.l.google.com", "192.0.2.1", "gone.net"),
);
const mx = fc.array(fc.tuple(fc.nat({ max: 3 }), host), { maxLength: 4 });
const spf = fc.subarray(["v=spf1 -all", "v=spf1 mx ~all", "x"]);
const dmarc = fc.subarray(["v=DMARC1; p=reject; sp=none", "v=DMARC1; p=x", "x"]);
const there = <T extends object>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record({ ttl: fc.constantFrom(0, 400, 90_000), soa, nxdomain: rarely, ...shape });
const rarely = fc.constantFrom(true, false, false, false, false);

const zones = fc
  .tuple(
    there({ mx: often(mx), txt: often(spf), ...addresses }),
    fc.tuple(there(addresses), there(addresses), there(addresses)),
    fc.tuple(there({ txt: often(dmarc) }), there({ txt: often(dmarc) })),
  )
  .map(([domain, hosts, policies]) =>
    Object.fromEntries(
      [domain, ...hosts, ...policies].map((name, at) => [NAMES[at] ?? "", clean(name)]),
    ),
  );

/** Absent properties, not undefined ones. */
function clean(name: object): ZoneName {
  return Object.fromEntries(Object.entries(name).filter(([, value]) => value !== undefined));
}

type Faults = ReadonlyMap<string, Fault>;

/** What goes wrong, by `resolver name type`. */
const faults: fc.Arbitrary<Faults> = fc
  .array(
    fc.tuple(
      fc.constantFrom(...NAMES),
      fc.constantFrom(...TYPES),
      fc.constantFrom(...FAULTS),
      fc.constantFrom(...FAULTS),
      // Which of two resolvers it goes wrong at.
      fc.constantFrom([0], [1], [0, 1], [0, 1]),
    ),
    { maxLength: 10 },
  )
  .map((list) => {
    const at = (name: string, type: string, both: readonly Fault[], urls: readonly number[]) =>
      urls.map((url): [string, Fault] => [`${url} ${name} ${type}`, both[url] ?? "dead"]);
    return new Map(
      list.flatMap(([name, type, one, other, urls]) => at(name, type, [one, other], urls)),
    );
  });

/** In time that passes only when nothing else is under way, so that a busy machine is no fault. */
async function gather(
  zone: Readonly<Record<string, ZoneName>>,
  wrong: Faults,
  policy: boolean,
): Promise<DomainFacts> {
  const fetcher: typeof fetch = async (input, init) => {
    const url = new URL(String(input)).host === "r0" ? 0 : 1;
    const query = Buffer.from(init?.body as Uint8Array<ArrayBuffer>);
    const { asked } = answerTo(zone, query);
    const fault = wrong.get(`${url} ${asked?.name} ${asked?.type}`) ?? null;
    const { answer } = answerTo(zone, query, fault);
    if (answer === "slow") {
      await new Promise((_, reject) => init?.signal?.addEventListener("abort", reject));
    }
    if (answer === "dead" || answer === "slow") throw new TypeError("fetch failed");
    const headers = { ...answer.headers };
    const body = answer.cut === true ? brokenOff(answer.body) : Buffer.from(answer.body);
    return new Response(body, { status: answer.status, headers });
  };
  const clock = createClock();
  let done = false;
  const urls = ["http://r0/", "http://r1/"];
  const gathered = gatherFacts(
    DOMAIN,
    { policy },
    {
      resolve: createResolver(
        { urls, hedgeMs: HEDGE_MS, timeLimitMs: TIME_LIMIT_MS },
        { fetch: fetcher, after: clock.after },
      ),
      hosts: createHostCache(),
      registrable: () => "d.com",
      now: () => NOW,
    },
  ).finally(() => {
    done = true;
  });
  while (!done) await clock.pass(HEDGE_MS);
  expect(clock.size()).toBe(0);
  return gathered;
}

const brokenOff = (body: Buffer) =>
  new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(body.subarray(0, body.length >> 1)),
    pull: (controller) => controller.error(new Error("reset")),
  });

/** What the facts claim, when they are kept aside. */
const claims = ({ at: _, expiresAt: __, shared: ___, ...rest }: DomainFacts) => rest;

test("what faults have a part in is unshared and brief, and claims nothing false", async () => {
  await fc.assert(
    fc.asyncProperty(zones, faults, fc.boolean(), async (zone, wrong, policy) => {
      const [truth, facts] = await Promise.all([
        gather(zone, new Map(), policy),
        gather(zone, wrong, policy),
      ]);
      if (facts.shared) expect(claims(facts)).toEqual(claims(truth));
      else expect(facts.expiresAt - NOW).toBeLessThanOrEqual(60_000);
      // All that is known is true; of a domain that does not exist, policies are not told.
      const told = truth.status === "nxdomain" ? { ...truth, spf: "none" } : truth;
      for (const key of ["mxType", "reach", "spf", "provider"] as const) {
        if (facts[key] !== null) expect(facts[key], key).toBe(told[key]);
      }
      if (truth.status !== "nxdomain" && facts.dmarc !== null) {
        expect(facts.dmarc).toBe(truth.dmarc);
      }
      if (facts.mx.length > 0) expect(facts.mx).toEqual(truth.mx);
      // Whether the MX was learnt is told by the status.
      const learnt = facts.status === "noerror" || facts.status === "nxdomain";
      expect(facts.mxType !== null).toBe(learnt);
      if (learnt) expect(facts.status).toBe(truth.status);
      expect(facts.expiresAt).toBeGreaterThan(NOW);
      expect(facts.expiresAt - NOW).toBeLessThanOrEqual(86_400_000);
    }),
    { numRuns: 400 },
  );
});

test("one resolver that answers is enough for all of it", async () => {
  await fc.assert(
    fc.asyncProperty(zones, faults, fc.boolean(), async (zone, wrong, policy) => {
      const masked = new Map(
        [...wrong].filter(([key]) => !wrong.has(`${key.startsWith("0") ? 1 : 0}${key.slice(1)}`)),
      );
      const truth = await gather(zone, new Map(), policy);
      expect(await gather(zone, masked, policy)).toEqual(truth);
    }),
    { numRuns: 150 },
  );
});
