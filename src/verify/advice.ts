/** From a verdict to what to do about it. */
import type { Confidence } from "../core/confidence.ts";
import type { VerifyRules } from "./ports.ts";
import type { Reason, Recommendation, Status } from "./verdict.ts";

/**
 * What each reason asks for, where the rules say nothing else; a reason that is missing asks for
 * nothing. To be reviewed is what may well take mail but should not be written to unseen: a
 * throw-away or misspelt address, a server that takes any address, a domain that is for sale or
 * says that it sends no mail, a full mailbox, and a domain of which nothing could be learnt.
 * To be sent to is what is as good as most addresses are: a role, a domain that takes mail, a
 * probe that found nothing out.
 */
export const DEFAULT_ADVICE: Readonly<Partial<Record<Reason, Recommendation>>> = {
  catch_all: "review",
  disposable: "review",
  typo_suspected: "review",
  parked_mx: "review",
  spf_reject_all_no_mx: "review",
  mailbox_full: "review",
  dns_timeout: "review",
  dns_servfail: "review",
  not_looked_up: "review",
  role: "send",
  domain_takes_mail: "send",
  probe_unavailable: "send",
  probe_blocked: "send",
  probe_accepted: "send",
  known_delivered: "send",
};

/**
 * What to do about an address: undeliverable is blocked; of all else the strictest counts that one
 * of the reasons asks for, or the confidence, where there is any, by the limits of the rules.
 */
export function recommendationOf(
  status: Status,
  reasons: readonly Reason[],
  confidence: Pick<Confidence, "p">,
  rules: Pick<VerifyRules, "advice" | "reviewBelow" | "blockBelow">,
): Recommendation {
  if (status === "undeliverable") return "block";
  const { p } = confidence;
  if (p !== null && p < rules.blockBelow) return "block";
  let review = p !== null && p < rules.reviewBelow;
  for (const reason of reasons) {
    const advice = rules.advice[reason] ?? DEFAULT_ADVICE[reason];
    if (advice === "block") return "block";
    if (advice === "review") review = true;
  }
  return review ? "review" : "send";
}
