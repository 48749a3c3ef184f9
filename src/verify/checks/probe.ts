/** What the mailbox's own server told a probe. */
import type { Finding, ProbeOutcome } from "../verdict.ts";
import { type Check, finding } from "./check.ts";

const FINDINGS: Readonly<Record<ProbeOutcome, Finding>> = {
  accepted: finding("probe_accepted", "deliverable"),
  mailbox_not_found: finding("mailbox_not_found", "undeliverable"),
  mailbox_disabled: finding("mailbox_disabled", "undeliverable"),
  mailbox_full: finding("mailbox_full", "risky"),
  catch_all: finding("catch_all", "risky"),
  unavailable: finding("probe_unavailable", "unknown"),
  blocked: finding("probe_blocked", "unknown"),
};

/** A probe that got no clear answer has found nothing out. */
export const probe: Check = ({ probe: answer }) =>
  answer === null ? null : FINDINGS[answer.outcome];
