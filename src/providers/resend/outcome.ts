/**
 * What each answer of Resend's `POST /emails` means for a message. Statuses and names are those of
 * https://resend.com/docs/api-reference/errors; Cloudflare stands in front of that API, so its own
 * 52x statuses occur too.
 */

import { readJsonObject } from "../answer.ts";
import type { Outcome } from "../provider.ts";

/** Without Retry-After: Resend counts requests per second, so the next second is free. */
const RETRY_DEFAULT_MS = 1000;
/** Below this a retry meets the same full second. */
const RETRY_MIN_MS = 100;
/** Longer waits are re-examined hourly: a limit may be lifted by hand meanwhile. */
const RETRY_MAX_MS = 3_600_000;
/** A used-up daily or monthly quota opens at a time the answer does not say. */
const QUOTA_RETRY_MS = RETRY_MAX_MS;
/** Characters of a provider's id; theirs are UUIDs, 36. */
const ID_MAX = 256;

/**
 * Gateway statuses without the API's own error: the request was passed on and the answer lost, so
 * it may have been accepted (502, 504; Cloudflare's 520 unknown, 522 connection or request timed
 * out, 524 answer timed out). Cloudflare's 521, 523, 525, 526 and 530 mean that it never
 * reached the API.
 */
const MAYBE_PASSED_ON: ReadonlySet<number> = new Set([502, 504, 520, 522, 524]);

/** One answer, its body as far as it could be read. `redacted` makes text fit for a timeline. */
export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  /** Null when the body was cut off, ended by the signal or too large. */
  readonly body: string | null;
  readonly now: number;
  readonly redacted: (text: string) => string;
}

/** Maps one answer to one outcome. Total: an answer nobody documented has an arm too. */
export function outcomeOf(answer: Answer): Outcome {
  const { status } = answer;
  const json = answer.body === null ? null : readJsonObject(answer.body);
  if (status >= 200 && status < 300) return acceptance(answer, json);
  const name = typeof json?.name === "string" && NAME.test(json.name) ? json.name : null;
  const message = typeof json?.message === "string" ? json.message : "";
  const code = name ?? `http_${status}`;
  const text = answer.redacted(`Resend answered ${status}${name ? ` ${name}` : ""}. ${message}`);
  const rejected = (fault: "recipient" | "content" | "sender" | "account"): Outcome => ({
    kind: "rejected",
    fault,
    code,
    text,
  });
  const failed = (retryable: boolean): Outcome => ({
    kind: "failed",
    fault: "provider",
    retryable,
    code,
    text,
  });

  if (QUOTA.test(code)) return { kind: "throttled", retryAfterMs: QUOTA_RETRY_MS, text };
  if (status === 429) return { kind: "throttled", retryAfterMs: retryAfterMs(answer), text };
  // An earlier attempt holds the key: what became of it is not in this answer.
  if (status === 409) return { kind: "ambiguous", reason: text };
  if (status >= 500) {
    if (MAYBE_PASSED_ON.has(status) && name === null) return { kind: "ambiguous", reason: text };
    return failed(true);
  }
  switch (status) {
    case 401:
    case 402:
      return rejected("account");
    case 403:
      return rejected(isAboutSender(code, message) ? "sender" : "account");
    case 400:
    case 422:
      // The key is ours to form, so its refusal says nothing about the message.
      if (code === "invalid_idempotency_key") return failed(false);
      if (isAboutSender(code, message)) return rejected("sender");
      return rejected(RECIPIENT_FIELD.test(message) ? "recipient" : "content");
    case 413:
    case 451:
      return rejected("content");
    case 408:
    case 425:
      return failed(true);
    default:
      // A redirect, a wrong path or method, or nothing documented: the source is misconfigured.
      return failed(false);
  }
}

const NAME = /^[a-z0-9_]{1,64}$/;
const QUOTA = /^(daily|monthly)_quota_exceeded$/;
const RECIPIENT_FIELD = /[`'"](to|cc|bcc)[`'"]|\b(to|cc|bcc) field\b/i;
const SENDER_FIELD = /[`'"]from[`'"]|\bfrom (field|address)\b/i;
const SENDER_DOMAIN = /\bdomain\b.*\bnot\b.*\bverified\b|\bverify a domain\b|\btesting emails\b/i;

function isAboutSender(code: string, message: string): boolean {
  return (
    code === "invalid_from_address" || SENDER_FIELD.test(message) || SENDER_DOMAIN.test(message)
  );
}

function acceptance(answer: Answer, json: Record<string, unknown> | null): Outcome {
  if (answer.body === null) {
    return { kind: "ambiguous", reason: `Resend answered ${answer.status}, then no readable body` };
  }
  const id = json?.id;
  if (typeof id !== "string" || id === "" || id.length > ID_MAX) {
    return { kind: "ambiguous", reason: `Resend answered ${answer.status} without an id` };
  }
  return { kind: "accepted", providerMessageId: id, refused: [] };
}

/** Retry-After in seconds or as an HTTP-date (RFC 9110 section 10.2.3), clamped, in ms. */
function retryAfterMs(answer: Answer): number {
  const value = answer.retryAfter?.trim() ?? "";
  const seconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Number.NaN;
  const waitMs = Number.isNaN(seconds) ? Date.parse(value) - answer.now : seconds;
  if (Number.isNaN(waitMs)) return RETRY_DEFAULT_MS;
  return Math.ceil(Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, waitMs)));
}
