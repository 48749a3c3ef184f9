/**
 * Verification of a list of addresses:
 *
 *     read each -> facts of the domains, evidence of the addresses -> judge -> probe? -> report
 *
 * Whatever many addresses share is asked once: a list is looked up by its domains.
 */
import { type DomainFacts, type KnownFacts, siteOf } from "../core/domain-facts.ts";
import type { EvidenceFound, EvidenceKey } from "../core/evidence.ts";
import { recipientHash } from "../core/recipient-hash.ts";
import { type Draft, draftOf, withKnowledge, withProbe } from "./draft.ts";
import { judge } from "./judge.ts";
import type { FactsAsk, ProbePort, VerifyDeps } from "./ports.ts";
import { type Case, reportOf } from "./report.ts";
import type { Probe, Verification } from "./verdict.ts";

/** What is asked for, beside what costs nothing. */
export interface VerifyAsk extends FactsAsk {
  /** Whether mailboxes may be probed, where there is a backend and nothing else decides. */
  readonly probe: boolean;
}

/** An invocation has six connections, and facts and evidence are through with theirs. */
const PROBES_AT_ONCE = 6;

const NO_FACTS: ReadonlyMap<string, KnownFacts> = new Map();

/**
 * Verifies addresses, in their order, for an account: as many as the caller may ask for evidence at
 * a time. Facts, evidence and probes are asked for by
 * the ports' promises never to reject; should one do so all the same, this rejects.
 */
export async function verify(
  account: string,
  inputs: readonly string[],
  ask: VerifyAsk,
  deps: VerifyDeps,
): Promise<Verification[]> {
  const { rules } = deps;
  const startedAt = deps.now();
  const drafts = inputs.map((input) => draftOf(input, deps, startedAt));
  const [facts, evidence] = await Promise.all([
    factsOf(drafts, ask, deps),
    evidenceOf(account, drafts, deps),
  ]);

  const now = deps.now();
  const cases = drafts.map((draft): Case => {
    const known = draft.lookup === null ? null : (facts.get(draft.lookup) ?? null);
    const hash = draft.normalized === null ? null : (evidence.hashes.get(draft.normalized) ?? null);
    const own = hash === null ? null : (evidence.found?.addresses.get(hash) ?? null);
    const subject = withKnowledge(draft, known, own);
    const judgement = judge(subject, rules, now);
    return { draft, subject, judgement, known, evidence: evidence.found, hash };
  });
  if (!ask.probe || deps.probe === null) return cases.map((one) => reportOf(one, rules, now));

  const answers = await probeAll(cases, deps.probe);
  const probedAt = deps.now();
  return cases.map((one) => {
    const answer = isOpen(one) ? answers.get(one.draft.normalized ?? "") : undefined;
    if (answer === undefined) return reportOf(one, rules, probedAt);
    const subject = withProbe(one.subject, answer);
    const judgement = judge(subject, rules, probedAt);
    return reportOf({ ...one, subject, judgement }, rules, probedAt);
  });
}

async function factsOf(
  drafts: readonly Draft[],
  ask: FactsAsk,
  deps: VerifyDeps,
): Promise<ReadonlyMap<string, KnownFacts>> {
  const domains = new Set<string>();
  for (const { lookup } of drafts) if (lookup !== null) domains.add(lookup);
  if (domains.size === 0) return NO_FACTS;
  return deps.facts([...domains], { policy: ask.policy, lookup: ask.lookup });
}

interface OwnEvidence {
  readonly found: EvidenceFound | null;
  /** By normalized address. */
  readonly hashes: ReadonlyMap<string, string>;
}

async function evidenceOf(
  account: string,
  drafts: readonly Draft[],
  deps: VerifyDeps,
): Promise<OwnEvidence> {
  const domains = new Map<string, string>();
  for (const { normalized, decided, subject } of drafts) {
    if (normalized === null || decided || subject.parsed === null) continue;
    domains.set(normalized, subject.parsed.domain);
  }
  const hashes = new Map<string, string>();
  if (domains.size === 0 || deps.evidence === null) return { found: null, hashes };
  const found = await Promise.all(
    Array.from(domains, async ([address, domain]) => {
      return { address, domain, hash: await recipientHash(address) };
    }),
  );
  const keys = new Map<string, EvidenceKey>();
  for (const { address, domain, hash } of found) {
    hashes.set(address, hash);
    keys.set(hash, { hash, domain });
  }
  return { found: await deps.evidence(account, [...keys.values()]), hashes };
}

/** Whether only the mailbox itself could tell more: its domain takes mail, and nothing decides. */
function isOpen(one: Case): one is Case & { readonly subject: { readonly facts: DomainFacts } } {
  return one.judgement.reason === "domain_takes_mail" && one.subject.facts !== null;
}

/** Asks each open mailbox once; answers by normalized address. */
async function probeAll(
  cases: readonly Case[],
  probe: ProbePort,
): Promise<ReadonlyMap<string, Probe>> {
  const sites = new Map<string, string>();
  for (const one of cases) {
    if (isOpen(one)) sites.set(one.draft.normalized ?? "", siteOf(one.subject.facts));
  }
  const answers = new Map<string, Probe>();
  const waiting = sites.entries();
  const lane = async () => {
    for (const [address, site] of waiting) {
      const answer = await probe(address, site);
      if (answer !== null) answers.set(address, answer);
    }
  };
  await Promise.all(Array.from({ length: Math.min(PROBES_AT_ONCE, sites.size) }, lane));
  return answers;
}
