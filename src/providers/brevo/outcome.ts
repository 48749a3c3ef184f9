/**
 * What each answer of Brevo's `POST /v3/smtp/email` means for a message. Codes are those of
 * https://developers.brevo.com/docs/how-it-works and of the answers the API gives.
 */
import type { Answer } from "../http.ts";
import { accepted, ambiguous, outcomeOfStatus, rejected, throttled } from "../outcomes.ts";
import type { Outcome } from "../provider.ts";

/** Maps one answer to one outcome. */
export function outcomeOf(answer: Answer): Outcome {
  const { status } = answer;
  if (status < 200 || status >= 300) return refusalOf(answer);
  if (answer.body === null) return ambiguous(`Brevo answered ${status}, then no readable body`);
  return accepted("Brevo", answer.json?.messageId);
}

function refusalOf(answer: Answer): Outcome {
  const { status, json } = answer;
  const word = typeof json?.code === "string" && WORD.test(json.code) ? json.code : null;
  const message = typeof json?.message === "string" ? json.message : "";
  const code = word ?? `http_${status}`;
  const text = answer.redacted(`Brevo answered ${status}${word ? ` ${word}` : ""}. ${message}`);
  if (status === 429) return throttled(resetMsOf(answer) ?? answer.retryAfterMs, text);
  // The key was used within its 30 minutes: an earlier attempt was processed, under an id that is
  // not told (https://developers.brevo.com/docs/heterogenous-versions-batch-emails).
  if (code === "duplicate_parameter" || IDEMPOTENCY.test(message)) return ambiguous(text);
  if (status < 500 && ACCOUNT.has(code)) return rejected("account", code, text);
  if (status === 400 || status === 422) return rejected(faultOf(message), code, text);
  return outcomeOfStatus(answer, word, text);
}

const WORD = /^[a-z0-9_-]{1,64}$/;
const IDEMPOTENCY = /\bidempotency/i;
/** Whatever status they come with, they are about the key, its rights or what it has paid for. */
const ACCOUNT: ReadonlySet<string> = new Set([
  "unauthorized",
  "permission_denied",
  "reseller_permission_denied",
  "not_enough_credits",
  "account_under_validation",
]);

/** Brevo names the field at fault in its message only, as in "email is not valid in to". */
function faultOf(message: string): "sender" | "recipient" | "content" {
  if (SENDER.test(message)) return "sender";
  return RECIPIENT.test(message) ? "recipient" : "content";
}

const SENDER = /\bsender\b/i;
const RECIPIENT = /\bin (to|cc|bcc)\b|\b(to|cc|bcc) (is|are|must|should)\b|\brecipient/i;

/** Seconds until the rate opens again (https://developers.brevo.com/docs/limit-headers), in ms. */
function resetMsOf({ headers }: Answer): number | null {
  const value = headers.get("x-sib-ratelimit-reset") ?? "";
  return /^\d+$/.test(value) ? Number(value) * 1000 : null;
}
