/**
 * What each answer of Resend's `POST /emails` means for a message. Statuses and names are those of
 * https://resend.com/docs/api-reference/errors.
 */
import type { Answer } from "../http.ts";
import {
  accepted,
  ambiguous,
  failed,
  outcomeOfStatus,
  RETRY_MAX_MS,
  rejected,
  throttled,
} from "../outcomes.ts";
import type { Outcome } from "../provider.ts";

/** Maps one answer to one outcome. */
export function outcomeOf(answer: Answer): Outcome {
  const { status } = answer;
  if (status < 200 || status >= 300) return refusalOf(answer);
  if (answer.body === null) return ambiguous(`Resend answered ${status}, then no readable body`);
  return accepted("Resend", answer.json?.id);
}

/** Maps one answer that is not a success. */
export function refusalOf(answer: Answer): Outcome {
  const { status, json } = answer;
  const name = typeof json?.name === "string" && NAME.test(json.name) ? json.name : null;
  const message = typeof json?.message === "string" ? json.message : "";
  const code = name ?? `http_${status}`;
  const text = answer.redacted(`Resend answered ${status}${name ? ` ${name}` : ""}. ${message}`);
  // A used-up daily or monthly quota opens at a time the answer does not say.
  if (QUOTA.test(code)) return throttled(RETRY_MAX_MS, text);
  // An earlier attempt holds the key: what became of it is not in this answer.
  if (status === 409) return ambiguous(text);
  if (status === 403 && isAboutSender(code, message)) return rejected("sender", code, text);
  if (status === 400 || status === 422) {
    // The key is ours to form, so its refusal says nothing about the message.
    if (code === "invalid_idempotency_key") return failed(false, code, text);
    return rejected(faultOf(code, message), code, text);
  }
  return outcomeOfStatus(answer, name, text);
}

const NAME = /^[a-z0-9_]{1,64}$/;
const QUOTA = /^(daily|monthly)_quota_exceeded$/;
const RECIPIENT_FIELD = /[`'"](to|cc|bcc)[`'"]|\b(to|cc|bcc) field\b/i;
const SENDER_FIELD = /[`'"]from[`'"]|\bfrom (field|address)\b/i;
const SENDER_DOMAIN = /\bdomain\b.*\bnot\b.*\bverified\b|\bverify a domain\b|\btesting emails\b/i;

/** Whom a refused field is about. */
export function faultOf(code: string, message: string): "sender" | "recipient" | "content" {
  if (isAboutSender(code, message)) return "sender";
  return RECIPIENT_FIELD.test(message) ? "recipient" : "content";
}

function isAboutSender(code: string, message: string): boolean {
  return (
    code === "invalid_from_address" || SENDER_FIELD.test(message) || SENDER_DOMAIN.test(message)
  );
}
