/** Outcomes as adapters write them, and what an HTTP status means where nothing more is known. */
import { BATCH_REFUSED } from "../core/unit-record.ts";
import type { Answer } from "./http.ts";
import type { Fault, Outcome, RefusedRecipient } from "./provider.ts";

/** Without a time from the provider: rates are counted per second, so the next one is free. */
export const RETRY_DEFAULT_MS = 1000;
/** Below this a retry meets the same full second. */
const RETRY_MIN_MS = 100;
/** Longer waits are re-examined hourly: a limit may be lifted by hand meanwhile. */
export const RETRY_MAX_MS = 3_600_000;
/** Characters of a provider's id; the longest known, Mailgun's and SMTP's, are below 100. */
const ID_MAX = 256;

type Rejected = Outcome & { readonly kind: "rejected" };
type Failed = Outcome & { readonly kind: "failed" };
type Throttled = Outcome & { readonly kind: "throttled" };
type Ambiguous = Outcome & { readonly kind: "ambiguous" };

/** Refused for good. */
export const rejected = (
  fault: Exclude<Fault, "provider">,
  code: string,
  text: string,
): Rejected => ({ kind: "rejected", fault, code, text });

/** Not taken, and nobody's fault but the provider's (or its configuration's: not retryable). */
export const failed = (retryable: boolean, code: string, text: string): Failed => ({
  kind: "failed",
  fault: "provider",
  retryable,
  code,
  text,
});

/** Not taken for what another message of the call has wrong: it is worth a call of its own. */
export const batchRefused = (text: string): Failed => failed(true, BATCH_REFUSED, text);

/** Refused for now; the wait is kept between 100 ms and an hour. */
export const throttled = (waitMs: number | null, text: string): Throttled => ({
  kind: "throttled",
  retryAfterMs: clampWait(waitMs ?? RETRY_DEFAULT_MS),
  text,
});

/** May have been accepted. */
export const ambiguous = (reason: string): Ambiguous => ({ kind: "ambiguous", reason });

/** Accepted under `id`; an id that is none makes it ambiguous. */
export function accepted(
  service: string,
  id: unknown,
  refused: readonly RefusedRecipient[] = [],
): Outcome {
  if (typeof id !== "string" || id === "" || id.length > ID_MAX) {
    return ambiguous(`${service} accepted without an id`);
  }
  return { kind: "accepted", providerMessageId: id, refused };
}

/** The time a provider gives, in milliseconds, within what is worth waiting. */
export const clampWait = (waitMs: number): number =>
  Math.ceil(Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, waitMs)));

/**
 * Gateway statuses without the API's own error: the request was passed on and the answer lost, so
 * it may have been accepted (502, 504; Cloudflare's 520 unknown, 522 connection or request timed
 * out, 524 answer timed out). Cloudflare's 521, 523, 525, 526 and 530 mean that it never
 * reached the API.
 */
const MAYBE_PASSED_ON: ReadonlySet<number> = new Set([502, 504, 520, 522, 524]);

/**
 * What a refusing status means where the provider's own error says nothing more. Total: a status
 * nobody documented has an arm too.
 *
 * @param word the provider's own error word, null when the body has none that can be read
 * @param text for people, redacted
 */
export function outcomeOfStatus(answer: Answer, word: string | null, text: string): Outcome {
  const { status } = answer;
  const code = word ?? `http_${status}`;
  if (status === 429) return throttled(answer.retryAfterMs, text);
  if (status >= 500) {
    if (MAYBE_PASSED_ON.has(status) && word === null) return ambiguous(text);
    return failed(true, code, text);
  }
  switch (status) {
    case 401:
    case 402:
    case 403:
      return rejected("account", code, text);
    case 400:
    case 413:
    case 422:
    case 451:
      return rejected("content", code, text);
    case 408:
    case 425:
      return failed(true, code, text);
    default:
      // A redirect, a wrong path or method, or nothing documented: the source is misconfigured.
      return failed(false, code, text);
  }
}
