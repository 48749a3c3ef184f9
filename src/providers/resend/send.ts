/** Sends through Resend's HTTP API (https://resend.com/docs/api-reference/emails/send-email). */
import { discard, readAnswer, redact } from "../answer.ts";
import type { Outcome, OutgoingMessage, Provider, SendDeps, Tag } from "../provider.ts";
import { outcomeOf } from "./outcome.ts";

/** One source of this provider. */
export interface ResendSettings {
  readonly apiKey: string;
  /** Without a trailing slash; https://api.resend.com but in tests and for compatible services. */
  readonly baseUrl: string;
  /** Whether the service behind `baseUrl` honours Idempotency-Key; Resend does. */
  readonly deduplicates: boolean;
  /** How long one send may take, in milliseconds. */
  readonly timeLimitMs: number;
}

/** Resend takes up to 50 recipients in a call. */
const RECIPIENTS_MAX = 50;
/** Resend takes 40 MB of a message after base64. */
const BYTES_MAX = 40_000_000;
/** Resend remembers an idempotency key for 24 hours. */
const DEDUPLICATES_FOR_MS = 24 * 3_600_000;
/** Resend's limit for a tag's value. */
const TAG_MAX = 256;

/** The names under which a message's events give our own id and account back. */
export const ID_TAG = "postern_id";
export const ACCOUNT_TAG = "postern_account";

/** Makes the adapter of one source. */
export function createResend(settings: ResendSettings): Provider {
  const url = `${settings.baseUrl.replace(/\/+$/, "")}/emails`;
  return {
    capabilities: {
      recipientsMax: RECIPIENTS_MAX,
      bytesMax: BYTES_MAX,
      deduplicatesForMs: settings.deduplicates ? DEDUPLICATES_FOR_MS : 0,
    },
    timeLimitMs: settings.timeLimitMs,
    send: (message, deps) => send(settings, url, message, deps),
  };
}

async function send(
  settings: ResendSettings,
  url: string,
  message: OutgoingMessage,
  deps: SendDeps,
): Promise<Outcome> {
  if (deps.signal.aborted) return notSent("not_started", "the attempt ended before it began");
  const headers = headersOf(settings.apiKey, message.idempotencyKey);
  if (headers === null) {
    return {
      ...notSent("bad_header", "the key of this source is not a header value"),
      retryable: false,
    };
  }
  let response: Response;
  try {
    response = await deps.fetch(url, {
      method: "POST",
      headers,
      body: JSON.stringify(bodyOf(message)),
      // A redirected POST may be repeated as a GET, or carry the key to another host.
      redirect: "manual",
      signal: deps.signal,
    });
  } catch (reason) {
    if (deps.signal.aborted)
      return { kind: "ambiguous", reason: "no answer within the time limit" };
    if (neverConnected(reason)) return notSent("unreachable", "no connection to Resend");
    return { kind: "ambiguous", reason: "the connection was lost before an answer" };
  }
  const redirected = response.status >= 300 && response.status < 400;
  if (redirected) discard(response.body);
  const body = redirected ? null : await readAnswer(response);
  return outcomeOf({
    status: response.status,
    retryAfter: response.headers.get("retry-after"),
    body: body?.ok ? body.value : null,
    now: deps.now(),
    redacted: (text) => redact(text, secretsOf(settings, message)),
  });
}

/** A failure with nothing written: another attempt cannot be a second copy. */
function notSent(code: string, text: string): Outcome & { kind: "failed" } {
  return { kind: "failed", fault: "provider", retryable: true, code, text };
}

/** Null when the key holds what no header may (RFC 9110 section 5.5). */
function headersOf(apiKey: string, idempotencyKey: string): Headers | null {
  try {
    return new Headers({
      Authorization: `Bearer ${apiKey}`,
      "Content-Type": "application/json",
      // Resend refuses calls without one, and the Workers runtime sends none by itself.
      "User-Agent": "postern",
      "Idempotency-Key": idempotencyKey,
    });
  } catch {
    return null;
  }
}

/** The message in Resend's words; a field without content is left out. */
function bodyOf(message: OutgoingMessage): Record<string, unknown> {
  const list = (values: readonly string[]) => (values.length > 0 ? values : undefined);
  return {
    from: message.from,
    to: message.to,
    cc: list(message.cc),
    bcc: list(message.bcc),
    reply_to: list(message.replyTo),
    subject: message.subject,
    html: message.html,
    text: message.text,
    headers: Object.keys(message.headers).length > 0 ? message.headers : undefined,
    tags: tagsOf(message),
    attachments:
      message.attachments.length > 0
        ? message.attachments.map((attachment) => ({
            filename: attachment.filename,
            content: attachment.content,
            content_type: attachment.contentType,
            content_id: attachment.contentId,
          }))
        : undefined,
  };
}

/** The caller's tags and our two, which no caller may set. */
function tagsOf(message: OutgoingMessage): Tag[] {
  const own = [
    { name: ID_TAG, value: tagValue(message.id) },
    { name: ACCOUNT_TAG, value: tagValue(message.account) },
  ];
  const names = new Set(own.map((tag) => tag.name));
  return [...message.tags.filter((tag) => !names.has(tag.name)), ...own];
}

function tagValue(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, TAG_MAX);
}

/** What must not come back in a provider's words: the key, and every mailbox as it was given. */
function secretsOf(settings: ResendSettings, message: OutgoingMessage): string[] {
  const { from, to, cc, bcc, replyTo } = message;
  return [settings.apiKey, from, ...to, ...cc, ...bcc, ...replyTo];
}

/**
 * Whether the runtime says that no connection came about, so that nothing was written. Node names
 * the failing call. The Workers runtime says "Network connection lost." for a refused connection
 * and for a reset alike, so there it is never certain.
 */
function neverConnected(reason: unknown): boolean {
  if (!(reason instanceof Error)) return false;
  if (/\bconnection refused\b/i.test(reason.message)) return true;
  const cause = reason.cause;
  if (typeof cause !== "object" || cause === null) return false;
  const { code, syscall } = cause as { code?: unknown; syscall?: unknown };
  return syscall === "connect" || syscall === "getaddrinfo" || NO_CONNECTION.has(String(code));
}

/** Codes that only a failing connect gives; several addresses give no `syscall`. */
const NO_CONNECTION: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
]);
