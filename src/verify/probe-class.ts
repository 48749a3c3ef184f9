/** What a probe's answer says of like addresses. */
import type { ProbeClass } from "../core/evidence.ts";
import type { ProbeOutcome } from "./verdict.ts";

/** Whether the mailbox's host takes its mail, for the bucket that it is counted in. */
export const PROBE_CLASSES: Readonly<Record<ProbeOutcome, ProbeClass>> = {
  accepted: "accepted",
  mailbox_not_found: "rejected",
  mailbox_disabled: "rejected",
  catch_all: "catch_all",
  // The mailbox is there, and does not take the next message: neither answer.
  mailbox_full: "unknown",
  unavailable: "unknown",
  blocked: "unknown",
};
