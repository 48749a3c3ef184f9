/** The words of verification: what a check finds, and what a caller is told. */
import type { Confidence } from "../core/confidence.ts";
import type { Dmarc, MailHost, MxType, ResolverStatus, Spf } from "../core/domain-facts.ts";

export type Status = "deliverable" | "undeliverable" | "risky" | "unknown";

/** From the mildest advice to the strictest. */
export const RECOMMENDATIONS = ["send", "review", "block"] as const;

export type Recommendation = (typeof RECOMMENDATIONS)[number];

/**
 * What verification does before a message is accepted. `cached`: refuses what is known to be
 * undeliverable without asking anybody. `strict`: asks.
 */
export const VERIFY_MODES = ["off", "cached", "strict"] as const;

export type VerifyMode = (typeof VERIFY_MODES)[number];

/** Why an address is no mailbox by RFC 5321, or none that the policy takes. */
export const SYNTAX_REASONS = [
  "syntax_empty",
  "syntax_too_long",
  "syntax_no_at",
  "syntax_control_character",
  "syntax_local_empty",
  "syntax_local_too_long",
  "syntax_local_invalid",
  "syntax_quote_not_closed",
  "syntax_domain_empty",
  "syntax_domain_too_long",
  "syntax_domain_invalid",
  "syntax_domain_dotless",
  "syntax_literal_invalid",
  /** It is a mailbox, of a form that the policy does not take. */
  "syntax_quoted_not_taken",
  "syntax_literal_not_taken",
  "syntax_smtputf8_not_taken",
] as const;

export type SyntaxReason = (typeof SYNTAX_REASONS)[number];

export const REASONS = [
  ...SYNTAX_REASONS,
  "special_use_domain",
  "domain_not_found",
  "null_mx",
  "no_mail_host",
  "mx_unroutable",
  "spf_reject_all_no_mx",
  "parked_mx",
  "dns_timeout",
  "dns_servfail",
  "mailbox_not_found",
  "mailbox_full",
  "mailbox_disabled",
  "catch_all",
  "disposable",
  "role",
  "typo_suspected",
  "known_hard_bounce",
  "known_delivered",
  "probe_accepted",
  "probe_unavailable",
  "probe_blocked",
  /** The domain takes mail; of the mailbox nothing is known. */
  "domain_takes_mail",
  /** Nobody was asked about the domain: no cache has it, or it is an address literal. */
  "not_looked_up",
  /** Of a job that ended before it came to this address. */
  "not_checked",
] as const;

export type Reason = (typeof REASONS)[number];

/**
 * What a finding does to the verdict. Undeliverable outranks risky, risky outranks deliverable; a
 * note says something and decides nothing.
 */
export type Effect = "undeliverable" | "risky" | "deliverable" | "unknown" | "note";

export interface Finding {
  readonly reason: Reason;
  readonly effect: Effect;
}

export type Form = "dot_atom" | "quoted" | "literal";

export interface Syntax {
  readonly valid: boolean;
  /** `literal`: the domain is an address literal; null: not a mailbox. */
  readonly form: Form | null;
  /** Whether it takes SMTPUTF8 (RFC 6531) to be carried: the local part is not ASCII. */
  readonly smtputf8: boolean;
  readonly ascii_domain: string | null;
  readonly unicode_domain: string | null;
}

export type ProbeOutcome =
  | "accepted"
  | "mailbox_not_found"
  | "mailbox_full"
  | "mailbox_disabled"
  | "catch_all"
  /** It could not be asked, or gave no clear answer. */
  | "unavailable"
  /** The other side does not talk to the prober. */
  | "blocked";

export interface Probe {
  readonly backend: string;
  readonly outcome: ProbeOutcome;
  readonly smtp_code: number | null;
  readonly enhanced: string | null;
  /** Unix ms. */
  readonly at: number;
}

/** What is told of one address; field names as on the wire, times as ISO 8601. */
export interface Verification {
  readonly object: "verification";
  readonly input: string;
  /** As it may be written to: the domain lower-cased; null: not a mailbox. */
  readonly normalized: string | null;
  /** A key by which spellings of one mailbox are the same; never a send target. */
  readonly canonical: string | null;
  readonly status: Status;
  readonly recommendation: Recommendation;
  /** The finding that decided the status. */
  readonly reason: Reason;
  /** All findings, in the order of the checks. */
  readonly reasons: readonly Reason[];
  readonly syntax: Syntax;
  readonly domain: {
    readonly registrable: string | null;
    readonly mx: readonly MailHost[];
    readonly mx_type: MxType | null;
    readonly provider: string | null;
    readonly resolver_status: ResolverStatus;
    readonly spf: Spf | null;
    readonly dmarc: Dmarc | null;
    readonly expires_at: string;
  } | null;
  readonly flags: {
    readonly disposable: boolean;
    readonly role: boolean;
    readonly free: boolean;
    readonly catch_all: boolean | null;
    readonly relay_alias: boolean;
  };
  /** The whole address as it was probably meant. */
  readonly suggestion: string | null;
  readonly probe: (Omit<Probe, "at"> & { readonly at: string }) | null;
  readonly confidence: Confidence & { readonly as_of: string };
  readonly evidence: {
    readonly delivered: number;
    readonly hard_bounced: number;
    readonly last_at: string | null;
  };
  readonly cache: {
    readonly layer: "memory" | "kv" | "d1" | "dns" | "none";
    readonly age_s: number;
  };
  readonly list_version: string;
}
