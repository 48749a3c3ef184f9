/** What tests of verification begin with: facts of a domain, and the rules as configured. */
import type { Config } from "../../src/config.ts";
import type { DomainFacts, KnownFacts } from "../../src/core/domain-facts.ts";
import type { Result } from "../../src/core/result.ts";
import type { VerifyRules } from "../../src/verify/ports.ts";
import { rulesFrom } from "../../src/verify/rules.ts";

const AT = Date.UTC(2026, 10, 1);
const HOUR_MS = 3_600_000;

/** Facts of a domain that takes mail, and what is different about it. */
export function factsOf(domain: string, given: Partial<DomainFacts> = {}): KnownFacts {
  const facts: DomainFacts = {
    domain,
    status: "noerror",
    mxType: "mx",
    mx: given.mxType === "none" ? [] : [{ host: `mx.${domain}`, preference: 10 }],
    provider: null,
    reach: "routable",
    spf: null,
    dmarc: null,
    at: AT,
    expiresAt: AT + HOUR_MS,
    shared: true,
    ...given,
  };
  return { facts, layer: "memory" };
}

/** The rules of a configuration that must be valid. */
export function rulesOf(parsed: Result<Config, string>): VerifyRules {
  if (!parsed.ok) throw new Error(parsed.error);
  return rulesFrom(parsed.value.verify);
}
