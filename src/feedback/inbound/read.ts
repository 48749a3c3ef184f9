/** Reads mail that came to a return path or to a feedback loop: what it reports, and of what. */
import { ID_HEADER } from "../../core/return-path.ts";
import { complaintEvents, isComplaint } from "./complaint.ts";
import { deliveryEvents } from "./delivery.ts";
import { type Fields, firstOf, mailboxOf } from "./fields.ts";
import { type InboundMail, mailOf } from "./mail.ts";
import { kindOfPlain, plainEvents } from "./plain.ts";
import type { Said, Strange } from "./said.ts";

/** Return paths that are tried: mail has one, and a report names it once more. */
const PATHS_MAX = 4;
/** Characters kept of mail that says nothing known. */
const KEPT_MAX = 2_000;

/** What mail that came in says. */
export interface MailReading {
  /** `answer`: somebody's absence, which is no event of the mail. */
  readonly kind: "delivery" | "complaint" | "answer" | "unknown";
  readonly events: readonly Said[];
  readonly unknown: readonly Strange[];
  /** What it says of the mail that it is about: return paths, and our message id. */
  readonly original: { readonly returnPaths: readonly string[]; readonly messageId: string };
}

/**
 * Reads mail, or the beginning of it. Never throws, whatever it is given.
 *
 * @param sender of the envelope, empty for `<>`
 */
export async function readReport(raw: Uint8Array, sender: string): Promise<MailReading> {
  const mail = await mailOf(raw, sender);
  const none = { returnPaths: [], messageId: "" };
  if (mail === null) {
    const unknown = [{ type: "unreadable", raw: { bytes: raw.length } }];
    return { kind: "unknown", events: [], unknown, original: none };
  }
  return { ...saidBy(mail), original: originalOf(mail) };
}

function saidBy(mail: InboundMail): Omit<MailReading, "original"> {
  if (isComplaint(mail)) return { kind: "complaint", ...complaintEvents(mail) };
  if (mail.delivery !== null) {
    const events = deliveryEvents(mail);
    if (events.length > 0) return { kind: "delivery", events, unknown: [] };
  }
  const plain = mail.delivery === null ? kindOfPlain(mail) : "bounce";
  if (plain === "answer") return { kind: "answer", events: [], unknown: [] };
  const events = plain === "bounce" ? plainEvents(mail) : [];
  if (events.length > 0) return { kind: "delivery", events, unknown: [] };
  const raw = {
    subject: firstOf(mail.header, "subject").slice(0, KEPT_MAX),
    text: mail.text.slice(0, KEPT_MAX),
  };
  const type = plain === "bounce" ? "bounce" : "mail";
  return { kind: "unknown", events: [], unknown: [{ type, raw }] };
}

function originalOf({ original, feedback }: InboundMail): MailReading["original"] {
  const told = (fields: Fields | null, name: string): readonly string[] => fields?.get(name) ?? [];
  const paths = [...told(original, "return-path"), ...told(feedback, "original-mail-from")];
  return {
    returnPaths: paths.map(mailboxOf).slice(0, PATHS_MAX),
    messageId: firstOf(original, ID_HEADER.toLowerCase()).toLowerCase(),
  };
}
