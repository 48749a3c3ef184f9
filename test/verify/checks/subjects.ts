/** What tests of single checks look at: an address, and what is different about it. */
import type { DomainFacts } from "../../../src/core/domain-facts.ts";
import type { AddressEvidence } from "../../../src/core/evidence.ts";
import type { Subject } from "../../../src/verify/checks/check.ts";
import { readAddress } from "../../../src/verify/syntax.ts";
import type { Probe, ProbeOutcome } from "../../../src/verify/verdict.ts";
import { factsOf } from "../worlds.ts";

/** The subject of an address of which nothing is known, unless given. */
export function subjectOf(address: string, given: Partial<Subject> = {}): Subject {
  const read = readAddress(address);
  return {
    parsed: read.ok ? read.value : null,
    syntax: read.ok ? null : read.error,
    specialUse: false,
    disposable: false,
    role: false,
    suggestion: null,
    facts: null,
    evidence: null,
    probe: null,
    ...given,
  };
}

/** Ada, at a domain of which these facts are known. */
export const at = (facts: Partial<DomainFacts>): Subject =>
  subjectOf("ada@mail.com", { facts: factsOf("mail.com", facts).facts });

/** Counts that nothing has been added to, unless given. */
export const evidenceOf = (given: Partial<AddressEvidence>): AddressEvidence => ({
  good: 0,
  bad: 0,
  delivered: 0,
  hardBounced: 0,
  lastDeliveredAt: 0,
  lastHardAt: 0,
  last: "delivered",
  age: 0,
  kept: 0,
  ...given,
});

/** What a probe was told. */
export const probeOf = (outcome: ProbeOutcome, at = 0): Probe => ({
  backend: "reacher",
  outcome,
  smtp_code: null,
  enhanced: null,
  at,
});
