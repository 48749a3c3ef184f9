/**
 * The sandbox's mailboxes, for test keys: `sandbox.test` has made-up facts and a mailbox for every
 * magic recipient (core/sandbox), so that code which verifies can be tested without the network.
 *
 * Facts are a domain's, and all magic recipients share one: what `timeout@` stands for is a mail
 * host that does not answer the probe, not a resolver.
 */
import type { DomainFacts, KnownFacts } from "../../core/domain-facts.ts";
import { isMagic, MAGIC_DOMAIN, type Magic, magicOf } from "../../core/sandbox.ts";
import type { FactsAsk, VerifyDeps } from "../ports.ts";
import type { Probe } from "../verdict.ts";

/** Made up anew for each question. */
const FACTS_MS = 3_600_000;

type Told = Pick<Probe, "outcome" | "smtp_code" | "enhanced">;

const ACCEPTED: Told = { outcome: "accepted", smtp_code: 250, enhanced: "2.1.5" };

/** What the mail host replies to a probe. A complaint and the account's own list are no reply. */
const REPLY: Readonly<Record<Magic, Told>> = {
  delivered: ACCEPTED,
  complained: ACCEPTED,
  suppressed: ACCEPTED,
  bounced: { outcome: "mailbox_not_found", smtp_code: 550, enhanced: "5.1.1" },
  deferred: { outcome: "unavailable", smtp_code: 451, enhanced: "4.7.1" },
  timeout: { outcome: "unavailable", smtp_code: null, enhanced: null },
};

/** The same ports with the sandbox's domain in front; whatever else is asked, they are asked. */
export function withSandbox(deps: VerifyDeps): VerifyDeps {
  const { now, facts, probe } = deps;
  return {
    ...deps,
    exempt: MAGIC_DOMAIN,
    async facts(domains, ask) {
      if (!domains.includes(MAGIC_DOMAIN)) return facts(domains, ask);
      const others = domains.filter((domain) => domain !== MAGIC_DOMAIN);
      const found = others.length > 0 ? await facts(others, ask) : [];
      const known: KnownFacts = { facts: factsAt(now(), ask), layer: "memory" };
      return new Map([...found, [MAGIC_DOMAIN, known]]);
    },
    async probe(address, site) {
      if (!isMagic(address)) return probe === null ? null : probe(address, site);
      return { backend: "sandbox", ...REPLY[magicOf(address)], at: now() };
    },
  };
}

function factsAt(now: number, { policy }: FactsAsk): DomainFacts {
  return {
    domain: MAGIC_DOMAIN,
    status: "noerror",
    mxType: "mx",
    mx: [{ host: `mx.${MAGIC_DOMAIN}`, preference: 10 }],
    provider: null,
    reach: "routable",
    spf: policy ? "present" : null,
    dmarc: policy ? "reject" : null,
    at: now,
    expiresAt: now + FACTS_MS,
    shared: false,
  };
}
