/**
 * Complaints: reports in the Abuse Reporting Format (RFC 5965), and those of Outlook.com's Junk
 * Mail Reporting, which are nothing but the mail complained of.
 */
import type { EventType } from "../../core/delivery-state.ts";
import { type Fields, firstOf, mailboxOf, momentOf, rawOf } from "./fields.ts";
import type { InboundMail } from "./mail.ts";
import type { Said, Strange } from "./said.ts";

/**
 * RFC 5965 section 7.3, and its registry. The rest is kept as it came: `not-spam` takes nothing
 * back, `other` may be anything, and `auth-failure` (RFC 6591) is no reader's.
 */
const TYPES: Readonly<Record<string, EventType>> = {
  abuse: "complained",
  fraud: "complained",
  virus: "complained",
  "opt-out": "unsubscribed",
  "opt-out-list": "unsubscribed",
};

/** Recipients of a message are 50 at most. */
const RECIPIENTS_MAX = 50;

/** Outlook.com writes whose complaint it is into the header of the mail. */
const OUTLOOK_FIELD = "x-hmxmroriginalrecipient";

/** Whether mail is a complaint, of whatever form. */
export const isComplaint = ({ feedback, original }: InboundMail): boolean =>
  feedback !== null || original.has(OUTLOOK_FIELD);

/** What a complaint says. Without a recipient, it is about the only one of the message. */
export function complaintEvents(mail: InboundMail): { events: Said[]; unknown: Strange[] } {
  const { feedback, original, header } = mail;
  const told = feedback === null ? "abuse" : firstOf(feedback, "feedback-type").toLowerCase();
  const raw = { report: "feedback", fields: feedback === null ? {} : rawOf(feedback) };
  const type = Object.hasOwn(TYPES, told) ? TYPES[told] : undefined;
  if (type === undefined) {
    return { events: [], unknown: [{ type: told || "feedback-report", raw }] };
  }
  // Arrival-Date is when the mail complained of came in.
  const at = momentOf(firstOf(header, "date"));
  const addresses = feedback === null ? outlook(original) : recipients(feedback);
  const events = addresses.map((address) => ({ address, type, at, code: told, text: "", raw }));
  return { events, unknown: [] };
}

const outlook = (original: Fields): string[] => [mailboxOf(firstOf(original, OUTLOOK_FIELD))];

function recipients(feedback: Fields): string[] {
  const told = (feedback.get("original-rcpt-to") ?? [])
    .flatMap((value) => value.split(","))
    .map(mailboxOf)
    .filter((address) => address !== "");
  return told.length === 0 ? [""] : [...new Set(told)].slice(0, RECIPIENTS_MAX);
}
