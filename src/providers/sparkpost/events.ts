/**
 * SparkPost's events as ours. The Events API and the inner objects of webhooks have one shape:
 * https://developers.sparkpost.com/api/events/
 */
import type { EventType } from "../../core/delivery-state.ts";
import { fieldsOf, redact, textOf } from "../answer.ts";
import { ID_NAME } from "../message.ts";
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

/**
 * Classes of https://support.sparkpost.com/docs/deliverability/bounce-classification-codes.
 * 25: stopped by SparkPost itself. 60, 80, 100: an answer of a person or program, not a bounce.
 * 70: delayed, and still being tried.
 */
const ADMIN_FAILURE = "25";
const NO_BOUNCE: ReadonlySet<string> = new Set(["60", "80", "100"]);
const TRANSIENT = "70";

/** Reads one event; null when it is not of a message of ours, or says nothing of its delivery. */
export function readEvent(event: unknown): FeedEvent | null {
  const fields = fieldsOf(event);
  const messageId = textOf(fieldsOf(fields.rcpt_meta)[ID_NAME]);
  // `rcpt_to` is lower-cased.
  const address = textOf(fields.raw_rcpt_to) || textOf(fields.rcpt_to);
  const at = timeOf(fields.timestamp);
  const type = typeOf(fields);
  if (messageId === "" || address === "" || at === null || type === null) return null;
  const code = textOf(fields.bounce_class) || textOf(fields.error_code) || textOf(fields.type);
  return { messageId, address, type, at, code, text: redact(reasonOf(fields), []) };
}

function typeOf(fields: Fields): EventType | null {
  switch (fields.type) {
    case "delivery":
      return "delivered";
    case "delay":
      return "deferred";
    case "bounce":
    case "out_of_band":
      return bounceOf(fields);
    case "policy_rejection":
    case "generation_rejection":
      return isSuppressed(fields) ? "suppressed" : "failed";
    case "generation_failure":
      return "failed";
    case "spam_complaint":
      return "complained";
    default:
      return null;
  }
}

/** SparkPost tries no more after a bounce, whether its class is hard or soft. */
function bounceOf(fields: Fields): EventType | null {
  const bounceClass = textOf(fields.bounce_class);
  if (NO_BOUNCE.has(bounceClass)) return null;
  if (bounceClass === TRANSIENT) return "deferred";
  if (bounceClass === ADMIN_FAILURE) return isSuppressed(fields) ? "suppressed" : "failed";
  return "bounced";
}

const isSuppressed = (fields: Fields): boolean => /\bsuppress(ed|ion)\b/i.test(reasonOf(fields));

const reasonOf = (fields: Fields): string => textOf(fields.raw_reason) || textOf(fields.reason);

/** Unix ms: webhooks give Unix seconds as text, the API an ISO 8601 time. */
function timeOf(timestamp: unknown): number | null {
  const text = textOf(timestamp);
  const ms = /^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1000) : Date.parse(text);
  return ms > 0 ? ms : null;
}
