/**
 * The checks, in order, and what their findings come to:
 *
 *     syntax, special use -> disposable -> role -> typo -> domain -> evidence -> probe -> status
 */
import type { Check, Subject } from "./checks/check.ts";
import { disposable } from "./checks/disposable.ts";
import { domain } from "./checks/domain.ts";
import { evidence } from "./checks/evidence.ts";
import { probe } from "./checks/probe.ts";
import { role } from "./checks/role.ts";
import { specialUse } from "./checks/special-use.ts";
import { syntax } from "./checks/syntax.ts";
import { typo } from "./checks/typo.ts";
import type { VerifyRules } from "./ports.ts";
import type { Effect, Finding, Reason, Status } from "./verdict.ts";

export type { Subject };

/** What is decided by the address alone: a finding of one of these is the only one. */
const GATES: readonly Check[] = [syntax, specialUse];
const CHECKS: readonly Check[] = [disposable, role, typo, domain, evidence, probe];

/** The worst first; a note decides nothing. */
const RANK: Readonly<Record<Effect, number>> = {
  undeliverable: 4,
  risky: 3,
  deliverable: 2,
  unknown: 1,
  note: 0,
};

/** What the findings come to. */
export interface Judgement {
  readonly status: Status;
  /** The first finding that has the status's effect. */
  readonly reason: Reason;
  /** All findings, in the order of the checks. */
  readonly reasons: readonly Reason[];
}

/** A finding that makes it needless to ask anybody; null: the address alone decides nothing. */
export function gateOf(subject: Subject, rules: VerifyRules, now: number): Finding | null {
  for (const check of GATES) {
    const found = check(subject, rules, now);
    if (found !== null) return found;
  }
  return null;
}

/**
 * Judges an address by what was gathered: undeliverable outranks risky, risky outranks deliverable,
 * and without any of them it is unknown. Pure.
 *
 * @param now Unix ms
 */
export function judge(subject: Subject, rules: VerifyRules, now: number): Judgement {
  const gate = gateOf(subject, rules, now);
  if (gate !== null) {
    return { status: "undeliverable", reason: gate.reason, reasons: [gate.reason] };
  }
  let status: Status = "unknown";
  // The domain always has a finding, which is at least this one.
  let reason: Reason = "not_looked_up";
  let rank = 0;
  const reasons: Reason[] = [];
  for (const check of CHECKS) {
    const found = check(subject, rules, now);
    if (found === null) continue;
    reasons.push(found.reason);
    if (found.effect === "note" || RANK[found.effect] <= rank) continue;
    rank = RANK[found.effect];
    status = found.effect;
    reason = found.reason;
  }
  return { status, reason, reasons };
}
