/** What a check sees, and what it may say. */
import type { DomainFacts } from "../../core/domain-facts.ts";
import type { Evidence } from "../../core/evidence.ts";
import type { VerifyRules } from "../ports.ts";
import type { Parsed } from "../syntax.ts";
import type { Finding, Probe, SyntaxReason } from "../verdict.ts";

/** Everything gathered about one address. */
export interface Subject {
  /** Null: it is no mailbox, for `syntax`. */
  readonly parsed: Parsed | null;
  readonly syntax: SyntaxReason | null;
  /** The name is set aside, and is not the one that an installation makes use of. */
  readonly specialUse: boolean;
  readonly disposable: boolean;
  readonly role: boolean;
  /** The whole address as it was probably meant. */
  readonly suggestion: string | null;
  /** Null: nobody was asked. */
  readonly facts: DomainFacts | null;
  /** Of the address; null: none, or it could not be read. */
  readonly evidence: Evidence | null;
  /** Null: not probed. */
  readonly probe: Probe | null;
}

/**
 * One question about an address. Null: it has nothing to say. Pure.
 *
 * @param now Unix ms
 */
export type Check = (subject: Subject, rules: VerifyRules, now: number) => Finding | null;

/** A finding, made once: checks run for every address. */
export const finding = (reason: Finding["reason"], effect: Finding["effect"]): Finding => ({
  reason,
  effect,
});
