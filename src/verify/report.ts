/** From a judged address to what is told of it. */
import { type Confidence, confidenceOf } from "../core/confidence.ts";
import type { KnownFacts } from "../core/domain-facts.ts";
import { bucketKey, type EvidenceFound } from "../core/evidence.ts";
import { recommendationOf } from "./advice.ts";
import type { Draft } from "./draft.ts";
import type { Judgement, Subject } from "./judge.ts";
import { isFree, isRelayAlias, LIST_VERSION, registrableOf } from "./lists.ts";
import type { VerifyRules } from "./ports.ts";
import { PROBE_CLASSES } from "./probe-class.ts";
import type { ProbeOutcome, Reason, Syntax, Verification } from "./verdict.ts";

/** Everything that a report is made of. */
export interface Case {
  readonly draft: Draft;
  readonly subject: Subject;
  readonly judgement: Judgement;
  readonly known: KnownFacts | null;
  /** What the account's own mail has shown, and this address's key in it. */
  readonly evidence: EvidenceFound | null;
  readonly hash: string | null;
}

/** Failures that the account's mail or a probe has shown, of which there can be a likelihood. */
const LEARNT: ReadonlySet<Reason> = new Set([
  "known_hard_bounce",
  "mailbox_not_found",
  "mailbox_disabled",
]);

const NO_CLAIM = { address: null, domain: null, bucket: null, global: null } as const;

/** What a probe's answer says of the whole domain. */
const CATCHES_ALL: Readonly<Partial<Record<ProbeOutcome, boolean>>> = {
  catch_all: true,
  accepted: false,
  mailbox_not_found: false,
};

const iso = (at: number): string => new Date(at).toISOString();

/**
 * The likelihood that a message would be accepted. What fails for certain has a reason and no
 * likelihood.
 */
function confidenceIn({ subject, judgement, evidence, hash }: Case): Confidence {
  const certain = judgement.status === "undeliverable" && !LEARNT.has(judgement.reason);
  if (certain || evidence === null || subject.parsed === null) return confidenceOf(NO_CLAIM);
  const bucket = bucketKey({
    mxType: subject.facts?.mxType ?? null,
    provider: subject.facts?.provider ?? null,
    disposable: subject.disposable,
    role: subject.role,
    probe: subject.probe === null ? "none" : PROBE_CLASSES[subject.probe.outcome],
  });
  return confidenceOf({
    address: (hash === null ? undefined : evidence.addresses.get(hash)) ?? null,
    domain: evidence.domains.get(subject.parsed.domain) ?? null,
    bucket: evidence.buckets.get(bucket) ?? null,
    global: evidence.global,
  });
}

function syntaxOf({ parsed }: Subject): Syntax {
  return {
    valid: parsed !== null,
    form: parsed?.form ?? null,
    smtputf8: parsed?.smtputf8 ?? false,
    ascii_domain: parsed === null || parsed.literal !== null ? null : parsed.domain,
    unicode_domain: parsed?.unicodeDomain ?? null,
  };
}

function domainOf(known: KnownFacts | null): Verification["domain"] {
  if (known === null) return null;
  const { facts } = known;
  return {
    registrable: registrableOf(facts.domain),
    mx: facts.mx,
    mx_type: facts.mxType,
    provider: facts.provider,
    resolver_status: facts.status,
    spf: facts.spf,
    dmarc: facts.dmarc,
    expires_at: iso(facts.expiresAt),
  };
}

function evidenceOf({ subject }: Case): Verification["evidence"] {
  const known = subject.evidence;
  const last = known === null ? 0 : Math.max(known.lastDeliveredAt, known.lastHardAt);
  return {
    delivered: known?.delivered ?? 0,
    hard_bounced: known?.hardBounced ?? 0,
    last_at: last === 0 ? null : iso(last),
  };
}

/**
 * What the caller is told, as on the wire.
 *
 * @param now Unix ms
 */
export function reportOf(one: Case, rules: VerifyRules, now: number): Verification {
  const { draft, subject, judgement, known } = one;
  const { status, reason, reasons } = judgement;
  const { parsed, probe } = subject;
  const confidence = confidenceIn(one);
  return {
    object: "verification",
    input: draft.input,
    normalized: draft.normalized,
    canonical: draft.canonical,
    status,
    recommendation: recommendationOf(status, reasons, confidence, rules),
    reason,
    reasons,
    syntax: syntaxOf(subject),
    domain: domainOf(known),
    flags: {
      disposable: subject.disposable,
      role: subject.role,
      free: parsed !== null && isFree(parsed.domain),
      catch_all: (probe === null ? undefined : CATCHES_ALL[probe.outcome]) ?? null,
      relay_alias: parsed !== null && isRelayAlias(parsed.domain),
    },
    suggestion: subject.suggestion,
    probe: probe === null ? null : { ...probe, at: iso(probe.at) },
    confidence: { ...confidence, as_of: iso(now) },
    evidence: evidenceOf(one),
    cache: {
      layer: known?.layer ?? "none",
      age_s: known === null ? 0 : Math.max(0, Math.floor((now - known.facts.at) / 1000)),
    },
    list_version: LIST_VERSION,
  };
}
