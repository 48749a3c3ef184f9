/** What codes alone say of a bounce, for texts that are not understood. */
import type { BounceCategory } from "../../core/bounce.ts";

/**
 * By subject and detail (RFC 3463, its registry at IANA, and Microsoft's of three digits). What is
 * not here has its subject's meaning.
 */
const DETAILS: Readonly<Record<string, BounceCategory>> = {
  /** Bad destination mailbox, system, syntax; ambiguous; moved; null MX (RFC 7505). */
  "1.0": "recipient",
  "1.1": "recipient",
  "1.2": "recipient",
  "1.3": "recipient",
  "1.4": "recipient",
  "1.6": "recipient",
  "1.10": "recipient",
  /** The sender's own address. */
  "1.7": "policy",
  "1.8": "policy",
  "1.9": "network",
  "2.0": "mailbox_inactive",
  "2.1": "mailbox_inactive",
  "2.2": "mailbox_full",
  "2.3": "too_large",
  "2.4": "system",
  "3.1": "system",
  "3.4": "too_large",
  "4.5": "rate",
  "5.3": "rate",
  "7.3": "policy",
  "7.8": "authentication",
  "7.20": "authentication",
  "7.21": "authentication",
  "7.22": "authentication",
  "7.23": "authentication",
  "7.24": "authentication",
  "7.25": "authentication",
  "7.26": "authentication",
  "7.27": "authentication",
  "7.28": "rate",
  "7.29": "authentication",
  "7.509": "authentication",
  "7.515": "authentication",
  "4.310": "recipient",
};

const SUBJECTS: Readonly<Record<string, BounceCategory>> = {
  "3": "system",
  "4": "network",
  "5": "system",
  "6": "content",
  "7": "policy",
};

/** Microsoft's banned senders: 5.7.501-512, 5.7.606-649, 5.7.700-750. */
const isBanned = (detail: number): boolean =>
  (detail >= 501 && detail <= 503) || (detail >= 606 && detail <= 750);

/**
 * By the reply code (RFC 5321 section 4.2.3, RFC 7504). 550, 553 and 554 are used for anything at
 * all.
 */
const REPLIES: Readonly<Record<number, BounceCategory>> = {
  421: "system",
  431: "system",
  450: "unknown",
  451: "system",
  452: "system",
  500: "system",
  501: "system",
  502: "system",
  503: "system",
  504: "system",
  523: "too_large",
  530: "authentication",
  535: "authentication",
  541: "content",
  551: "recipient",
  552: "mailbox_full",
  556: "recipient",
};

/** The meaning of codes, as far as they have one. */
export function categoryOfCodes(enhanced: string | null, reply: number | null): BounceCategory {
  const [, subject = "", detail = ""] = enhanced?.split(".") ?? [];
  if (subject === "7" && isBanned(Number(detail))) return "reputation";
  const told = DETAILS[`${subject}.${detail}`] ?? SUBJECTS[subject];
  return told ?? REPLIES[reply ?? 0] ?? "unknown";
}
