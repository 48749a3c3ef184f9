/**
 * What each answer of Postmark's `POST /email` and `/email/batch` means for a message. Codes are
 * those of https://postmarkapp.com/developer/api/overview#error-codes.
 */
import { readJsonArray } from "../answer.ts";
import type { Answer } from "../http.ts";
import { addressOf, recipientsOf } from "../message.ts";
import {
  accepted,
  ambiguous,
  batchRefused,
  failed,
  outcomeOfStatus,
  rejected,
  throttled,
} from "../outcomes.ts";
import type { Outcome, OutgoingMessage, RefusedRecipient } from "../provider.ts";

/** Maps the answer to one message to its outcome. */
export function outcomeOf(answer: Answer, message: OutgoingMessage): Outcome {
  const { status, body, json } = answer;
  if (!isSuccess(status)) return refusalOf(answer, message);
  if (body === null) return ambiguous(`Postmark answered ${status}, then no readable body`);
  if (json?.ErrorCode !== 0) return ambiguous(`Postmark answered ${status} with no clear success`);
  return acceptedOf(json, message);
}

/** Maps the answer to a batch to one outcome per message, in their order. */
export function outcomesOf(
  answer: Answer,
  messages: readonly OutgoingMessage[],
): readonly Outcome[] {
  const { status, body } = answer;
  if (!isSuccess(status)) {
    return messages.map((message) => batchOutcome(refusalOf(answer, message)));
  }
  const results = readJsonArray(body ?? "");
  if (results?.length !== messages.length) {
    return messages.map(() => ambiguous(`Postmark answered ${status}, then no readable list`));
  }
  return messages.map((message, index) => {
    const result = (results[index] ?? {}) as Readonly<Record<string, unknown>>;
    if (result.ErrorCode === 0) return acceptedOf(result, message);
    const error = errorIn(result);
    // A message of a batch is refused inside an answer of 200: that is documented, so it is clear.
    if (error === null) return ambiguous("Postmark answered with no clear success");
    const text = answer.redacted(`Postmark answered ${error.code}. ${error.words}`);
    return meaningOf(error, text, message, answer) ?? rejected("content", wordOf(error), text);
  });
}

/**
 * The outcome of each message where a batch was refused as a whole: what one of them has wrong is
 * not said, so each is worth a call of its own.
 */
export function batchOutcome(outcome: Outcome): Outcome {
  const isOneMessages =
    outcome.kind === "rejected"
      ? outcome.fault !== "account"
      : outcome.kind === "failed" && OF_ONE.has(outcome.code);
  if (!isOneMessages || !("text" in outcome)) return outcome;
  return batchRefused(outcome.text);
}

interface ApiError {
  readonly code: number;
  readonly words: string;
}

const isSuccess = (status: number): boolean => status >= 200 && status < 300;
const wordOf = ({ code }: ApiError): string => `error_${code}`;

/** Refusals for the shape of a request, of which a batch has many: invalid JSON or fields, 410. */
const OF_ONE: ReadonlySet<string> = new Set([
  ...["error_402", "error_403", "error_409", "error_410", "error_1235", "error_1236"],
]);

function errorIn(json: Readonly<Record<string, unknown>> | null): ApiError | null {
  if (typeof json?.ErrorCode !== "number" || json.ErrorCode === 0) return null;
  return { code: json.ErrorCode, words: typeof json.Message === "string" ? json.Message : "" };
}

function refusalOf(answer: Answer, message: OutgoingMessage): Outcome {
  const { status } = answer;
  const error = errorIn(answer.json);
  const shown = error === null ? "" : ` ${wordOf(error)}. ${error.words}`;
  const text = answer.redacted(`Postmark answered ${status}${shown}`);
  // "In most cases the message is lost" is what the overview says of 500: not in all of them.
  if (status === 500) return ambiguous(text);
  const meaning = status === 422 && error !== null ? meaningOf(error, text, message, answer) : null;
  return meaning ?? outcomeOfStatus(answer, error === null ? null : wordOf(error), text);
}

/** What an error of the table means; null for one that is not in it. */
function meaningOf(
  error: ApiError,
  text: string,
  message: OutgoingMessage,
  answer: Answer,
): Outcome | null {
  const word = wordOf(error);
  switch (error.code) {
    case 300:
      return rejected(faultOf(error.words), word, text);
    case 400: // The sender signature is not found,
    case 401: // or not confirmed.
      return rejected("sender", word, text);
    case 406:
      return allInactive(error.words, message)
        ? rejected("recipient", "suppressed", text)
        : ambiguous(text);
    case 411: // A forbidden type of attachment.
      return rejected("content", word, text);
    case 10: // The token,
    case 405: // out of credits,
    case 412: // pending: only to the sender's own domain,
    case 413: // may not send,
    case 422: // an invalid server or account,
    case 1480: // or this address may not use the token.
      return rejected("account", word, text);
    case 429:
      return throttled(answer.retryAfterMs, text);
    case 100: // Maintenance.
      return failed(true, word, text);
    case 402: // Invalid JSON,
    case 403: // or unknown fields,
    case 409: // or not JSON,
    case 410: // or too many messages: all of it ours to form.
    case 1235: // The message stream is not there,
    case 1236: // or does not send: ours to configure.
      return failed(false, word, text);
    default:
      return null;
  }
}

const HEADER = /^header\b/i;
const RECIPIENT_FIELD = /'(to|cc|bcc)'|zero recipients/i;
const SENDER_FIELD = /'from'/i;

function faultOf(words: string): "recipient" | "sender" | "content" {
  if (HEADER.test(words)) return "content";
  if (RECIPIENT_FIELD.test(words)) return "recipient";
  return SENDER_FIELD.test(words) ? "sender" : "content";
}

/**
 * Accepted, but for the recipients of whom Postmark says that it will not deliver to them. It says
 * so in words only (https://github.com/ActiveCampaign/postmark.js/issues/87).
 */
function acceptedOf(json: Readonly<Record<string, unknown>>, message: OutgoingMessage): Outcome {
  const inactive = inactiveIn(typeof json.Message === "string" ? json.Message : "");
  const refused = recipientsOf(message)
    .filter((mailbox) => inactive.has(spelling(mailbox)))
    .map(({ address }): RefusedRecipient => {
      return { address, code: "suppressed", text: "Postmark has it as an inactive recipient" };
    });
  return accepted("Postmark", json.MessageID, refused);
}

/** Whether 406 is about every recipient; about some, the others may have been taken. */
function allInactive(words: string, message: OutgoingMessage): boolean {
  const inactive = inactiveIn(words);
  const named = recipientsOf(message).filter((mailbox) => inactive.has(spelling(mailbox)));
  return named.length === 0 || named.length === recipientsOf(message).length;
}

/** An address as Postmark lists it: lower-cased, without a name. */
const spelling = (mailbox: OutgoingMessage["from"]): string => addressOf(mailbox).toLowerCase();

/** The words after "inactive addresses:", of which some are addresses. */
function inactiveIn(words: string): ReadonlySet<string> {
  const listed = /inactive addresses:(.*)/is.exec(words)?.[1] ?? "";
  return new Set(listed.split(/[\s,]+/).map((word) => word.replace(/\.+$/, "").toLowerCase()));
}
