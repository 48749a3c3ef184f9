/** A world that verification asks, and what it was asked. */
import { type EvidenceFound, type EvidenceKey, NO_RATES } from "../../src/core/evidence.ts";
import { type VerifyAsk, verify } from "../../src/verify/pipeline.ts";
import type { FactsAsk, VerifyDeps } from "../../src/verify/ports.ts";
import type { ProbeOutcome, Verification } from "../../src/verify/verdict.ts";
import { RULES } from "./checks/rules.ts";
import { probeOf } from "./checks/subjects.ts";
import { factsOf } from "./worlds.ts";

/** When the facts of `factsOf` were learnt. */
const AT = Date.UTC(2026, 10, 1);
export const NOW = AT + 90_000;
export const ASK: VerifyAsk = { policy: false, probe: false, lookup: true };
export const NONE: EvidenceFound = {
  addresses: new Map(),
  domains: new Map(),
  buckets: new Map(),
  global: NO_RATES,
};

interface Asked {
  readonly facts: { domains: readonly string[]; ask: FactsAsk }[];
  readonly evidence: { account: string; keys: readonly EvidenceKey[] }[];
  readonly probes: [address: string, site: string][];
  /** The most probes that were under way at once. */
  probing: number;
}

const KNOWN = new Map(
  [
    factsOf("mail.com", { provider: "google" }),
    factsOf("firm.com"),
    factsOf("gmail.com", { provider: "google" }),
    factsOf("sandbox.test"),
    factsOf("mailinator.com"),
    factsOf("gone.com", { status: "nxdomain", mxType: "none" }),
    factsOf("slow.com", { status: "timeout", mxType: null, mx: [], shared: false }),
  ].map((known) => [known.facts.domain, known]),
);

/** A world that records what it is asked. */
export function world(given: Partial<VerifyDeps> = {}, outcome: ProbeOutcome | null = "accepted") {
  const asked: Asked = { facts: [], evidence: [], probes: [], probing: 0 };
  let probing = 0;
  const deps: VerifyDeps = {
    now: () => NOW,
    facts: async (domains, ask) => {
      asked.facts.push({ domains, ask });
      return new Map([...KNOWN].filter(([domain]) => domains.includes(domain)));
    },
    evidence: async (account, keys) => {
      asked.evidence.push({ account, keys });
      return NONE;
    },
    probe: async (address, site) => {
      asked.probes.push([address, site]);
      asked.probing = Math.max(asked.probing, ++probing);
      await Promise.resolve();
      probing -= 1;
      return outcome === null ? null : probeOf(outcome, NOW);
    },
    rules: RULES,
    log: () => {},
    ...given,
  };
  return { asked, deps };
}

/** Verifies one address. */
export const one = async (
  address: string,
  deps: VerifyDeps,
  ask: VerifyAsk = ASK,
): Promise<Verification> => {
  const [verification] = await verify("acme", [address], ask, deps);
  if (verification === undefined) throw new Error("no verification");
  return verification;
};
