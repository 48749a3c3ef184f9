/**
 * What each answer of MailChannels' `POST /tx/v1/send` means for a message, after
 * https://docs.mailchannels.com/email-api/errors. Its errors are sentences without a code.
 */
import type { Answer } from "../http.ts";
import { recipientsOf } from "../message.ts";
import { accepted, ambiguous, failed, outcomeOfStatus, rejected } from "../outcomes.ts";
import type { Outcome, OutgoingMessage } from "../provider.ts";

/** Maps one answer to one outcome. */
export function outcomeOf(answer: Answer, message: OutgoingMessage): Outcome {
  const { status } = answer;
  if (status < 200 || status >= 300) return refusalOf(answer);
  if (answer.body === null) {
    return ambiguous(`MailChannels answered ${status}, then no readable body`);
  }
  return resultOf(answer, message);
}

/** The one result of a call with one message. */
function resultOf(answer: Answer, message: OutgoingMessage): Outcome {
  const { json } = answer;
  const results: readonly unknown[] = Array.isArray(json?.results) ? json.results : [];
  const [result] = results;
  if (results.length !== 1 || typeof result !== "object" || result === null) {
    return ambiguous("MailChannels accepted without a result");
  }
  const { status, reason } = result as Readonly<Record<string, unknown>>;
  // Every event carries the id of the request; the message's own is in opens and clicks only.
  if (status === "sent") return accepted("MailChannels", json?.request_id);
  if (status !== "failed") return ambiguous("MailChannels answered with an unknown status");
  return failureOf(answer, typeof reason === "string" ? reason : "", message);
}

/**
 * A message that MailChannels says it did not send. The reason is its relay's reply; where that is
 * no permanent one (RFC 5321 section 4.2.1), nothing was decided about the message.
 */
function failureOf(answer: Answer, reason: string, message: OutgoingMessage): Outcome {
  const text = answer.redacted(`MailChannels failed to send. ${reason}`);
  if (SENDER.test(reason)) return rejected("sender", "send_failed", text);
  if (!PERMANENT.test(reason)) return failed(true, "send_failed", text);
  const one = recipientsOf(message).length === 1;
  if (!RECIPIENT.test(reason)) return rejected("content", "send_failed", text);
  // The reply does not say which of several is meant.
  return rejected("recipient", one && SUPPRESSED.test(reason) ? "suppressed" : "send_failed", text);
}

function refusalOf(answer: Answer): Outcome {
  const { status, json } = answer;
  const errors: readonly unknown[] = Array.isArray(json?.errors) ? json.errors : [];
  const words = errors.filter((one) => typeof one === "string").join("; ");
  const text = answer.redacted(`MailChannels answered ${status}. ${words}`);
  const code = `http_${status}`;
  // A key is refused with the same 403 as a domain, and a domain by the relay behind a 500.
  if (BY_SENDER.has(status) && SENDER.test(words)) return rejected("sender", code, text);
  if (status === 400 || status === 422) {
    if (RECIPIENT.test(words)) return rejected("recipient", code, text);
  }
  // A 502 with errors is no more certain than one without: the relay may have taken the message.
  return outcomeOfStatus(answer, null, text);
}

const BY_SENDER: ReadonlySet<number> = new Set([400, 403, 422, 500]);
/** A permanent reply code or enhanced status code (RFC 5321 4.2.1, RFC 3463). */
const PERMANENT = /\b55\d[ -]|\b5\.\d{1,3}\.\d{1,3}\b/;
/** Domain Lockdown, Sender Domain Not Found, and what a request's field may be refused with. */
const SENDER =
  /domain lockdown|not authorized to send|\bSDNF\b|sender domain|\bfrom\b.{0,9}(address|email)/i;
const RECIPIENT = /\brecipient|\bsuppress|\b(to|cc|bcc)\b.{0,9}(address|email)|\bmailbox\b/i;
const SUPPRESSED = /\bsuppress/i;
