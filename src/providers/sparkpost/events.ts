/**
 * SparkPost's events as ours. The Events API and the inner objects of webhooks have one shape:
 * https://developers.sparkpost.com/api/events/
 */
import type { BounceHint } from "../../core/bounce.ts";
import type { EventType } from "../../core/delivery-state.ts";
import { enhancedCodeOf } from "../../core/smtp-reply.ts";
import { fieldsOf, redact, textOf } from "../answer.ts";
import { ACCOUNT_NAME, ID_NAME } from "../message.ts";
import { codeIn, entryOf, type Meaning } from "../posted.ts";
import type { FeedEvent } from "../provider.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The events that say something of a delivery. */
export const EVENTS_WANTED = [
  "delivery",
  "delay",
  "bounce",
  "out_of_band",
  "policy_rejection",
  "generation_failure",
  "generation_rejection",
  "spam_complaint",
] as const;

const OF_DELIVERY: ReadonlySet<unknown> = new Set(EVENTS_WANTED);

/** What an event of a bounce is, by its class, and what the class says of the address. */
interface Class {
  readonly type: EventType;
  readonly hint?: BounceHint;
}

/** SparkPost tries no more after a bounce, whether its class is hard or soft. */
const bounced = (hint?: BounceHint): Class =>
  hint === undefined ? { type: "bounced" } : { type: "bounced", hint };

/** Classes of https://support.sparkpost.com/docs/deliverability/bounce-classification-codes. */
const CLASSES: Readonly<Record<string, Class>> = {
  // Undetermined: the reply is all there is.
  1: bounced(),
  10: bounced({ kind: "hard", category: "recipient" }),
  20: bounced({ kind: "soft" }),
  21: bounced({ kind: "soft", category: "network" }),
  22: bounced({ kind: "soft", category: "mailbox_full" }),
  23: bounced({ kind: "soft", category: "too_large" }),
  24: bounced({ kind: "soft", category: "network" }),
  // Stopped by SparkPost itself, for its own lists among others.
  25: { type: "rejected" },
  26: { type: "suppressed", hint: { category: "provider_list" } },
  30: bounced({ kind: "hard", category: "recipient" }),
  40: bounced({ kind: "soft" }),
  50: bounced({ kind: "block" }),
  51: bounced({ kind: "block", category: "reputation" }),
  52: bounced({ kind: "block", category: "content" }),
  53: bounced({ kind: "block", category: "content" }),
  54: bounced({ kind: "block", category: "policy" }),
  // An answer on holiday: the mail is there.
  60: { type: "delivered" },
  // Still being tried.
  70: { type: "deferred" },
  // A request to unsubscribe, which SparkPost counts as hard.
  90: bounced({ kind: "hard", category: "recipient" }),
  // A person has to answer first.
  100: { type: "deferred" },
};

/** A request to subscribe, which is no event of a message. */
const SUBSCRIBES = "80";
/** Classes that say nothing of a delivery: an answer of a person or program, not a bounce. */
const NO_BOUNCE: ReadonlySet<string> = new Set(["60", SUBSCRIBES, "100"]);

/**
 * Reads one event of the records; null when it is not of a message of ours, or says nothing of its
 * delivery. The text is redacted.
 */
export function readEvent(event: unknown): FeedEvent | null {
  const fields = fieldsOf(event);
  if (!OF_DELIVERY.has(fields.type) || NO_BOUNCE.has(textOf(fields.bounce_class))) return null;
  const read = readHook(fields);
  if (read === null || read.messageId === "" || read.address === "" || read.at === 0) return null;
  const { messageId, address, at, type, text } = read;
  return {
    messageId,
    address,
    // The records are asked what became of a message: a refusal is its end.
    type: type === "rejected" ? "failed" : type,
    at,
    code: textOf(fields.bounce_class) || textOf(fields.error_code) || textOf(fields.type),
    text: redact(text, []),
  };
}

/** Reads one event of a webhook, whole; null when it is of a type that no table has. */
export function readHook(fields: Fields): FeedEvent | null {
  const meaning = meaningOf(fields);
  if (meaning === null) return null;
  const metadata = fieldsOf(fields.rcpt_meta);
  // Longer than a number may be: as a number it would have lost its last digits.
  const transmission = fields.transmission_id;
  return {
    messageId: textOf(metadata[ID_NAME]),
    account: textOf(metadata[ACCOUNT_NAME]),
    ...(typeof transmission === "string" ? { providerMessageId: transmission } : {}),
    eventId: textOf(fields.event_id),
    // `rcpt_to` is lower-cased.
    address: textOf(fields.raw_rcpt_to) || textOf(fields.rcpt_to),
    at: timeOf(fields.timestamp),
    ...meaning,
    raw: fields,
  };
}

/** Opens and clicks of AMP mail have names of their own. */
function meaningOf(fields: Fields): Meaning | null {
  switch (fields.type) {
    case "injection":
      return { type: "queued", code: "", text: "" };
    case "delivery":
      return said("delivered", fields);
    case "delay":
      return said("deferred", fields);
    case "bounce":
    case "out_of_band":
      return bounceOf(fields);
    case "policy_rejection":
    case "generation_rejection":
      return isSuppressed(fields) ? suppressed(fields) : said("rejected", fields);
    case "generation_failure":
      return said("rejected", fields);
    case "spam_complaint":
      return { type: "complained", code: "complained", text: "" };
    case "list_unsubscribe":
    case "link_unsubscribe":
      return { type: "unsubscribed", code: fields.type, text: "" };
    case "open":
    case "initial_open":
    case "amp_open":
    case "amp_initial_open":
      return { type: "opened", code: "", text: "" };
    case "click":
    case "amp_click":
      return { type: "clicked", code: "", text: "", url: textOf(fields.target_link_url) };
    default:
      return null;
  }
}

function bounceOf(fields: Fields): Meaning | null {
  const name = textOf(fields.bounce_class);
  if (name === SUBSCRIBES) return null;
  // A class that was added since leaves the reply to tell.
  const { type, hint } = entryOf(CLASSES, name) ?? bounced();
  if (type === "rejected" && isSuppressed(fields)) return suppressed(fields);
  return { ...said(type, fields), ...(hint === undefined ? {} : { bounce: hint }) };
}

const suppressed = (fields: Fields): Meaning => ({
  ...said("suppressed", fields),
  bounce: { category: "provider_list" },
});

/** Enhanced code, reply code, or SparkPost's own word: the class of a bounce, or the type. */
function said(type: EventType, fields: Fields): Meaning {
  const text = reasonOf(fields);
  const reply = textOf(fields.error_code) || (codeIn(text) ?? "");
  const word = textOf(fields.bounce_class) || (type === "delivered" ? "" : textOf(fields.type));
  return { type, code: enhancedCodeOf(text) ?? (reply || word), text };
}

const isSuppressed = (fields: Fields): boolean => /\bsuppress(ed|ion)\b/i.test(reasonOf(fields));

const reasonOf = (fields: Fields): string => textOf(fields.raw_reason) || textOf(fields.reason);

/** Unix ms, 0 when none: webhooks give Unix seconds as text, the API an ISO 8601 time. */
function timeOf(timestamp: unknown): number {
  const text = textOf(timestamp);
  const ms = /^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1000) : Date.parse(text);
  return Number.isSafeInteger(ms) && ms > 0 ? ms : 0;
}
