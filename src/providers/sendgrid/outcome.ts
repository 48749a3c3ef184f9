/**
 * What each answer of SendGrid's `POST /v3/mail/send` means for a message. Errors are those of
 * https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors: they name a field, and have
 * no code of their own.
 */
import type { Answer } from "../http.ts";
import {
  accepted,
  ambiguous,
  batchRefused,
  failed,
  outcomeOfStatus,
  RETRY_MAX_MS,
  rejected,
  throttled,
} from "../outcomes.ts";
import type { Outcome } from "../provider.ts";

/** Maps the answer to one message to its outcome; `now` is in Unix milliseconds. */
export function outcomeOf(answer: Answer, now: number): Outcome {
  const { status, headers } = answer;
  // Only 202 queues: 200 is a message that was valid, and went nowhere.
  if (status === 202) return accepted("SendGrid", headers.get("x-message-id"));
  if (status >= 200 && status < 300) return ambiguous(`SendGrid answered ${status}, not 202`);
  const errors = errorsIn(answer);
  const error = errors.find(({ field }) => faultOf(field) !== "recipient") ?? errors[0] ?? null;
  return refusalOf(answer, error, now);
}

/** Maps the answer to a batch of `count` messages to one outcome each; `now` in Unix ms. */
export function outcomesOf(answer: Answer, count: number, now: number): readonly Outcome[] {
  const errors = answer.status === 400 ? errorsIn(answer) : [];
  const places = new Map(errors.map((error) => [placeOf(error.field), error]));
  // An error without a place is in what all of them share, or is about the call as a whole.
  const ofOne = places.size > 0 && !places.has(null);
  const whole = batchOutcome(outcomeOf(answer, now));
  return Array.from({ length: count }, (_, index) => {
    if (!ofOne) return whole;
    const error = places.get(index);
    return error === undefined ? NOT_THIS_ONE : refusalOf(answer, error, now);
  });
}

/** Nothing of a refused call is accepted. */
const NOT_THIS_ONE = batchRefused("SendGrid refused the call for another message in it");

/**
 * The outcome of each message where a batch is too large or has too many recipients: none of them
 * has to be so by itself, so each is worth a call of its own.
 */
export function batchOutcome(outcome: Outcome): Outcome {
  if (outcome.kind !== "rejected" || !OF_THE_CALL.has(outcome.code)) return outcome;
  return batchRefused(outcome.text);
}

const OF_THE_CALL: ReadonlySet<string> = new Set([
  ...["message_too_large", "http_413", "personalizations"],
]);

interface ApiError {
  /** Such as `personalizations.0.to.1.email`; "" when the error names none. */
  readonly field: string;
  readonly words: string;
}

function errorsIn({ json }: Answer): ApiError[] {
  const errors = Array.isArray(json?.errors) ? json.errors : [];
  return errors.map((error: unknown) => {
    const { field, message } = Object(error) as { field?: unknown; message?: unknown };
    return {
      field: typeof field === "string" && FIELD.test(field) ? field : "",
      words: typeof message === "string" ? message : "",
    };
  });
}

const FIELD = /^[a-z][a-z0-9_.-]{0,63}$/i;
const RECIPIENT_FIELD = /^personalizations(\.\d+(\.(to|cc|bcc)\b.*)?)?$/;
const SENDER_FIELD = /^from\b/;

function faultOf(field: string): "recipient" | "sender" | "content" {
  if (RECIPIENT_FIELD.test(field)) return "recipient";
  return SENDER_FIELD.test(field) ? "sender" : "content";
}

/** The number of the personalization that an error is about, null when it is about none. */
function placeOf(field: string): number | null {
  const place = /^personalizations\.(\d+)\b/.exec(field)?.[1];
  return place === undefined ? null : Number(place);
}

/** The field without its numbers: `personalizations_to_email`. */
const wordOf = (field: string): string => field.replace(/\.\d+\b/g, "").replace(/[.-]/g, "_");

/** Unverified senders are told by 403, with or without the field. */
const SENDER_WORDS = /\bverified sender identity\b|\bnot authorized to send from\b/i;
/** A used-up plan opens again at the end of a day or month that the answer does not say. */
const CREDITS_WORDS = /\bmaximum credits exceeded\b/i;

function refusalOf(answer: Answer, error: ApiError | null, now: number): Outcome {
  const { status, headers } = answer;
  const word = error === null ? null : wordOf(error.field) || `http_${status}`;
  const code = word ?? `http_${status}`;
  const shown = error === null ? "" : ` ${code}. ${error.words}`;
  const text = answer.redacted(`SendGrid answered ${status}${shown}`);
  switch (status) {
    case 400:
      // The unsubscribe group is ours to configure.
      if (error?.field.startsWith("asm") === true) return failed(false, code, text);
      return rejected(faultOf(error?.field ?? ""), code, text);
    case 401:
      if (CREDITS_WORDS.test(error?.words ?? "")) return throttled(RETRY_MAX_MS, text);
      break;
    case 403:
      // The API tells why it refuses; without that it is what stands before it, for a time.
      if (error === null) return failed(true, code, text);
      if (faultOf(error.field) === "sender" || SENDER_WORDS.test(error.words)) {
        return rejected("sender", code, text);
      }
      break;
    case 429:
      return throttled(answer.retryAfterMs ?? untilReset(headers, now), text);
  }
  return outcomeOfStatus(answer, word, text);
}

/**
 * The wait until the rate is counted anew, from the Unix seconds in X-RateLimit-Reset
 * (https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/rate-limits).
 */
function untilReset(headers: Headers, now: number): number | null {
  const seconds = headers.get("x-ratelimit-reset") ?? "";
  return /^\d+$/.test(seconds) ? Number(seconds) * 1000 - now : null;
}
