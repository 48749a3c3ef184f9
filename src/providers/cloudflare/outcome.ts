/**
 * What the error of a `send()` means for a message. The codes are those of
 * https://developers.cloudflare.com/email-service/api/send-emails/workers-api/#error-codes.
 */
import { recipientsOf } from "../message.ts";
import { ambiguous, failed, RETRY_MAX_MS, rejected, throttled } from "../outcomes.ts";
import type { Fault, Outcome, OutgoingMessage } from "../provider.ts";

/** Codes that refuse a message for good, and whose fault they tell of. */
const REJECTED: Readonly<Record<string, Exclude<Fault, "provider">>> = {
  E_TOO_MANY_RECIPIENTS: "content",
  E_TOO_MANY_ATTACHMENTS: "content",
  E_CONTENT_TOO_LARGE: "content",
  E_HEADER_NOT_ALLOWED: "content",
  E_HEADER_USE_API_FIELD: "content",
  E_HEADER_VALUE_INVALID: "content",
  E_HEADER_VALUE_TOO_LONG: "content",
  E_HEADER_NAME_INVALID: "content",
  E_HEADERS_TOO_LARGE: "content",
  E_HEADERS_TOO_MANY: "content",
  E_SENDER_NOT_VERIFIED: "sender",
  E_SENDER_DOMAIN_NOT_AVAILABLE: "sender",
  // The binding, or an account without a sending domain, may write to chosen addresses only.
  E_RECIPIENT_NOT_ALLOWED: "account",
};

/**
 * Maps what `send()` threw to one outcome.
 *
 * @param redacted makes the service's words fit for a timeline
 */
export function outcomeOfError(
  error: unknown,
  message: OutgoingMessage,
  redacted: (text: string) => string,
): Outcome {
  const { code, message: words } = factsOf(error);
  // Not the service speaks but the runtime, such as of a connection that was lost on the way.
  if (code === null) return ambiguous(redacted(`Cloudflare gave no answer. ${words}`));
  const text = redacted(`Cloudflare answered ${code}. ${words}`);
  const fault = REJECTED[code];
  if (fault !== undefined) return rejected(fault, code, text);
  const single = recipientsOf(message).length === 1;
  switch (code) {
    case "E_VALIDATION_ERROR":
    case "E_FIELD_MISSING":
      return rejected(faultOfField(words), code, text);
    case "E_RATE_LIMIT_EXCEEDED":
      return throttled(null, text);
    case "E_DAILY_LIMIT_EXCEEDED":
      return throttled(RETRY_MAX_MS, text);
    case "E_RECIPIENT_SUPPRESSED":
      return suppressed(single, text);
    case "E_DELIVERY_FAILED":
      return undelivered(words, single, text);
    case "E_INTERNAL_SERVER_ERROR":
      return failed(true, code, text);
    default:
      return failed(false, code, text);
  }
}

/**
 * One suppressed recipient makes the service refuse the whole call, and it does not say which one.
 * Nobody was written to. Calling all of them suppressed would be untrue of the others, and another
 * source might write to the one who complained: so the message is refused, under a code of its own.
 */
function suppressed(single: boolean, text: string): Outcome {
  if (single) return rejected("recipient", "suppressed", text);
  const reason = "Nothing was sent: one of several recipients is suppressed. Send to each alone.";
  return rejected("recipient", "one_recipient_suppressed", reason);
}

/** The recipient's server refused, or could not be reached; of several, some may have taken it. */
function undelivered(words: string, single: boolean, text: string): Outcome {
  if (!single) return ambiguous(text);
  return PERMANENT.test(words)
    ? rejected("recipient", "E_DELIVERY_FAILED", text)
    : failed(true, "E_DELIVERY_FAILED", text);
}

/** A permanent reply code or enhanced status code (RFC 5321 4.2.1, RFC 3463). */
const PERMANENT = /\b55\d[ -]|\b5\.\d{1,3}\.\d{1,3}\b/;
const SENDER_FIELD = /[`'"]from[`'"]|\bfrom (field|address)\b|\bsender\b/i;
const RECIPIENT_FIELD = /[`'"](to|cc|bcc)[`'"]|\b(to|cc|bcc) (field|address)\b|\brecipients?\b/i;

function faultOfField(words: string): Exclude<Fault, "provider"> {
  if (SENDER_FIELD.test(words)) return "sender";
  return RECIPIENT_FIELD.test(words) ? "recipient" : "content";
}

function factsOf(error: unknown): { readonly code: string | null; readonly message: string } {
  if (typeof error !== "object" || error === null) return { code: null, message: "" };
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return {
    code: typeof code === "string" && CODE.test(code) ? code : null,
    message: typeof message === "string" ? message : "",
  };
}

const CODE = /^E_[A-Z_]{1,62}$/;
