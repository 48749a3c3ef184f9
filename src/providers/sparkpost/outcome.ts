/**
 * What each answer of SparkPost's `POST /transmissions` means for a message. Codes are those of
 * https://support.sparkpost.com/docs/tech-resources/extended-error-codes.
 */
import { fieldsOf, textOf } from "../answer.ts";
import type { Answer } from "../http.ts";
import { addressOf, recipientsOf } from "../message.ts";
import {
  accepted,
  ambiguous,
  failed,
  outcomeOfStatus,
  RETRY_MAX_MS,
  rejected,
  throttled,
} from "../outcomes.ts";
import type { Outcome, OutgoingMessage, RefusedRecipient } from "../provider.ts";

/** SparkPost asks to wait 1 to 5 seconds when its API is called too often. */
const TOO_OFTEN_MS = 3000;
/** An hourly limit is counted over the last hour, so that some of it is free before that. */
const HOURLY_LIMIT_MS = 900_000;

interface ApiError {
  readonly code: string | null;
  /** Message and description. */
  readonly words: string;
}

/** Maps one answer to one outcome. */
export function outcomeOf(answer: Answer, message: OutgoingMessage): Outcome {
  const { status, body, json } = answer;
  if (status < 200 || status >= 300) return refusalOf(answer);
  if (body === null) return ambiguous(`SparkPost answered ${status}, then no readable body`);
  const results = fieldsOf(json?.results);
  const errors = errorsIn(results.rcpt_to_errors);
  if (results.total_accepted_recipients === 0 && Number(results.total_rejected_recipients) > 0) {
    const [first] = [...errors, ...errorsIn(json?.errors)];
    const words = first?.words ?? "";
    const text = answer.redacted(`SparkPost took none of the recipients. ${words}`);
    return rejected("recipient", refusedCode(first), text);
  }
  return accepted("SparkPost", results.id, refusedIn(errors, answer, message));
}

/**
 * The recipients that errors name. SparkPost counts the rest only; their events tell of them.
 */
function refusedIn(
  errors: readonly ApiError[],
  answer: Answer,
  message: OutgoingMessage,
): RefusedRecipient[] {
  return recipientsOf(message).flatMap((mailbox) => {
    const { address } = mailbox;
    const error = errors.find(
      ({ words }) => names(words, address) || names(words, addressOf(mailbox)),
    );
    if (error === undefined) return [];
    return [{ address, code: refusedCode(error), text: answer.redacted(error.words) }];
  });
}

/** Whether a text has the address, and not only as part of a longer one. */
function names(words: string, address: string): boolean {
  const wanted = address.toLowerCase();
  return words
    .toLowerCase()
    .split(/[\s,;:'"<>()[\]]+/)
    .some((word) => word.replace(/\.$/, "") === wanted);
}

const refusedCode = (error: ApiError | undefined): string => {
  if (error === undefined) return "refused";
  return SUPPRESSED.test(error.words) ? "suppressed" : (error.code ?? "refused");
};

/** Maps one answer that is not a success. */
function refusalOf(answer: Answer): Outcome {
  const { status, json } = answer;
  const [error] = errorsIn(json?.errors);
  const code = error?.code ?? null;
  const words = error?.words ?? "";
  const text = answer.redacted(`SparkPost answered ${status}${code ? ` ${code}` : ""}. ${words}`);
  if (status === 429) return throttled(answer.retryAfterMs ?? TOO_OFTEN_MS, text);
  if (status === 420) return limitOf(answer, words, text);
  const known = code === null ? null : outcomeOfCode(code, words, text);
  return known ?? outcomeOfStatus(answer, code, text);
}

/** A sending limit: nothing of the transmission was sent. */
function limitOf(answer: Answer, words: string, text: string): Outcome {
  // Messages of the sandbox are a number for good.
  if (/\bsandbox\b/i.test(words)) return rejected("account", "sandbox_limit", text);
  const usual = /\bhourly\b/i.test(words) ? HOURLY_LIMIT_MS : RETRY_MAX_MS;
  return throttled(answer.retryAfterMs ?? usual, text);
}

/** Null where the status says as much. */
function outcomeOfCode(code: string, words: string, text: string): Outcome | null {
  if (SENDING_DOMAIN.test(code)) return rejected("sender", code, text);
  switch (code) {
    case "1902":
      if (SUPPRESSED.test(words)) return rejected("recipient", "suppressed", text);
      return rejected("content", code, text);
    case "5002":
      return rejected("recipient", code, text);
    // Resources are short, or in use.
    case "1502":
    case "1602":
      return failed(true, code, text);
    case "1910":
      return failed(false, code, text);
    // A field is missing, or its value is wrong.
    case "1200":
    case "1300":
    case "1301":
    case "1400":
    case "1401":
      if (RECIPIENT_FIELD.test(words)) return rejected("recipient", code, text);
      if (SENDER_FIELD.test(words)) return rejected("sender", code, text);
      return null;
    default:
      return null;
  }
}

const SENDING_DOMAIN = /^7\d{3}$/;
const SUPPRESSED = /\bsuppress(ed|ion)\b/i;
const RECIPIENT_FIELD = /\brecipients?\b|\baddress\.email\b|\bheader_to\b/i;
const SENDER_FIELD = /\bcontent\.from\b|\bfrom (address|email|header|domain)\b|\bsending domain\b/i;

function errorsIn(list: unknown): ApiError[] {
  if (!Array.isArray(list)) return [];
  return list.map((error) => {
    const { code, message, description } = fieldsOf(error);
    const word = textOf(code);
    return {
      code: /^\d{3,5}$/.test(word) ? word : null,
      words: [textOf(message), textOf(description)].filter(Boolean).join(": "),
    };
  });
}
