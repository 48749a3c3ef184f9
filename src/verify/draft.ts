/** One address before anybody is asked: what it says itself, and what lists say of it. */
import type { KnownFacts } from "../core/domain-facts.ts";
import type { Evidence } from "../core/evidence.ts";
import { canonicalOf } from "./canonical.ts";
import { gateOf, type Subject } from "./judge.ts";
import { isDisposable, isRole } from "./lists.ts";
import type { VerifyDeps } from "./ports.ts";
import { isSpecialUse } from "./special-use.ts";
import { respelled, suggestionFor } from "./suggest.ts";
import { normalizedOf, readAddress } from "./syntax.ts";
import type { Probe } from "./verdict.ts";

/** An address, read. */
export interface Draft {
  readonly input: string;
  readonly subject: Subject;
  /** Null: not a mailbox. */
  readonly normalized: string | null;
  readonly canonical: string | null;
  /** Whether the address alone decides: then nobody is asked about it. */
  readonly decided: boolean;
  /** What is looked up in DNS, A-labels; null: nothing is. */
  readonly lookup: string | null;
}

const NOTHING_KNOWN = { facts: null, evidence: null, probe: null } as const;

/**
 * Reads an address as given.
 *
 * @param now Unix ms
 */
export function draftOf(
  input: string,
  { rules, exempt }: Pick<VerifyDeps, "rules" | "exempt">,
  now: number,
): Draft {
  const read = readAddress(input);
  if (!read.ok) {
    const subject: Subject = {
      ...NOTHING_KNOWN,
      parsed: null,
      syntax: read.error,
      specialUse: false,
      disposable: false,
      role: false,
      suggestion: read.error === "syntax_domain_invalid" ? respelled(input) : null,
    };
    const nothing = { normalized: null, canonical: null, lookup: null };
    return { input, subject, decided: true, ...nothing };
  }
  const parsed = read.value;
  const subject: Subject = {
    ...NOTHING_KNOWN,
    parsed,
    syntax: null,
    specialUse: parsed.domain !== exempt && isSpecialUse(parsed.domain),
    disposable: isDisposable(parsed.domain),
    role: isRole(parsed.local),
    suggestion: suggestionFor(parsed, null),
  };
  const decided = gateOf(subject, rules, now) !== null;
  return {
    input,
    subject,
    normalized: normalizedOf(parsed),
    canonical: canonicalOf(parsed),
    decided,
    lookup: decided || parsed.literal !== null ? null : parsed.domain,
  };
}

/** The subject with what was learnt of its domain and of the account's own mail. */
export function withKnowledge(
  { subject }: Draft,
  known: KnownFacts | null,
  evidence: Evidence | null,
): Subject {
  if (subject.parsed === null || (known === null && evidence === null)) return subject;
  const facts = known?.facts ?? null;
  return {
    ...subject,
    facts,
    evidence,
    suggestion: subject.suggestion ?? suggestionFor(subject.parsed, facts),
  };
}

/** The subject with what a probe was told. */
export function withProbe(subject: Subject, probe: Probe): Subject {
  return { ...subject, probe };
}
