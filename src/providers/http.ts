/**
 * One call to a provider's HTTP API, made once and never repeated. What went wrong with the
 * connection is an outcome here; what the provider answered is its adapter's to read.
 */
import { formatMailbox } from "../core/address.ts";
import { err, ok, type Result } from "../core/result.ts";
import { discard, readAnswer, readJsonArray, readJsonObject, redact } from "./answer.ts";
import { ambiguous, failed, rejected } from "./outcomes.ts";
import type { Outcome, OutgoingMessage, SendDeps, Unanswered } from "./provider.ts";

/** What is asked. */
export interface Request {
  /** The provider's name, as people know it. */
  readonly service: string;
  readonly method?: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | FormData;
  /** The provider's limit for a body; nothing is written beyond it. Forms check their own. */
  readonly bytesMax?: number;
  /**
   * Bytes read of the answer: `ANSWER_MAX_BYTES` unless more is given, for pages of records and
   * answers about many messages.
   */
  readonly answerMaxBytes?: number;
  /** What must not come back in the provider's words: credentials, and addresses as given. */
  readonly secrets: readonly string[];
}

/** One answer, its body as far as it could be read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Null when the body was cut off, ended by the signal or too large; "" for a redirect. */
  readonly body: string | null;
  /** The body as a JSON object, null when it is none. */
  readonly json: Readonly<Record<string, unknown>> | null;
  /** From Retry-After, in milliseconds from now; null when it is absent or not readable. */
  readonly retryAfterMs: number | null;
  /** Makes a provider's words fit for a timeline. */
  readonly redacted: (text: string) => string;
}

/**
 * Makes the call.
 *
 * @returns the answer, whatever its status; an error is the outcome of a call without one
 */
export async function call(request: Request, deps: SendDeps): Promise<Result<Answer, Outcome>> {
  const { service, body, bytesMax, answerMaxBytes, secrets } = request;
  if (deps.signal.aborted) {
    return err(failed(true, "not_started", "the attempt ended before it began"));
  }
  if (bytesMax !== undefined && sizeOf(body) > bytesMax) {
    return err(rejected("content", "message_too_large", `${service} takes ${bytesMax} bytes`));
  }
  const headers = headersOf(request.headers);
  if (headers === null) {
    const text = "a credential of this source is not a header value";
    return err(failed(false, "bad_header", text));
  }
  let response: Response;
  try {
    response = await deps.fetch(request.url, {
      method: request.method ?? "POST",
      headers,
      ...(body === undefined ? {} : { body }),
      // A redirected POST may be repeated as a GET, or carry the key to another host.
      redirect: "manual",
      signal: deps.signal,
    });
  } catch (reason) {
    if (deps.signal.aborted) return err(ambiguous("no answer within the time limit"));
    if (neverConnected(reason)) {
      return err(failed(true, "unreachable", `no connection to ${service}`));
    }
    return err(ambiguous("the connection was lost before an answer"));
  }
  const redirected = response.status >= 300 && response.status < 400;
  if (redirected) discard(response.body);
  const read = redirected ? ok("") : await readAnswer(response, answerMaxBytes);
  const text = read.ok ? read.value : null;
  return ok({
    status: response.status,
    headers: response.headers,
    body: text,
    json: text === null ? null : readJsonObject(text),
    retryAfterMs: retryAfterMs(response.headers.get("retry-after"), deps.now()),
    redacted: (words) => redact(words, secrets),
  });
}

/** A question whose answer is a JSON object: for lookups and identities, which send nothing. */
export async function ask(
  request: Omit<Request, "method">,
  deps: SendDeps,
): Promise<Result<Readonly<Record<string, unknown>>, Unanswered>> {
  return asked(request, readJsonObject, deps);
}

/** The same where the answer is a JSON array. */
export async function askForList(
  request: Omit<Request, "method">,
  deps: SendDeps,
): Promise<Result<readonly unknown[], Unanswered>> {
  return asked(request, readJsonArray, deps);
}

async function asked<Value>(
  request: Omit<Request, "method">,
  read: (text: string) => Value | null,
  deps: SendDeps,
): Promise<Result<Value, Unanswered>> {
  const answered = await call({ method: "GET", ...request }, deps);
  if (!answered.ok) return unanswered(textOf(answered.error));
  const { status, body, retryAfterMs } = answered.value;
  const value = status === 200 && body !== null ? read(body) : null;
  if (value !== null) return ok(value);
  return err({ retryAfterMs, text: `${request.service} answered ${status}` });
}

/** A question whose answer cannot be understood, and why: it may be asked again at any time. */
export const unanswered = (text: string): Result<never, Unanswered> =>
  err({ retryAfterMs: null, text });

function textOf(outcome: Outcome): string {
  if (outcome.kind === "ambiguous") return outcome.reason;
  return outcome.kind === "accepted" ? "" : outcome.text;
}

/** The value of an Authorization field with a name and a password in UTF-8 (RFC 7617). */
export function basicAuth(name: string, password: string): string {
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${name}:${password}`)))}`;
}

/** Every mailbox of a message as a provider may quote it. */
export function mailboxesIn(...messages: readonly OutgoingMessage[]): string[] {
  return messages.flatMap(({ from, to, cc, bcc, replyTo }) =>
    [from, ...to, ...cc, ...bcc, ...replyTo].map(formatMailbox),
  );
}

/** Bytes of a text, at least: exact for ASCII, which JSON of base64 is but for the texts in it. */
function sizeOf(body: Request["body"]): number {
  if (typeof body === "string") return body.length;
  return body instanceof Uint8Array ? body.byteLength : 0;
}

/** Null when a value holds what no header may (RFC 9110 section 5.5). */
function headersOf(fields: Readonly<Record<string, string>>): Headers | null {
  try {
    // The Workers runtime sends no User-Agent by itself, and some APIs refuse calls without one.
    return new Headers({ "User-Agent": "postern", ...fields });
  } catch {
    return null;
  }
}

/** Retry-After in seconds or as an HTTP-date (RFC 9110 section 10.2.3), in ms from `now`. */
function retryAfterMs(value: string | null, now: number): number | null {
  const given = value?.trim() ?? "";
  const seconds = /^\d+(\.\d+)?$/.test(given) ? Number(given) * 1000 : Number.NaN;
  const waitMs = Number.isNaN(seconds) ? Date.parse(given) - now : seconds;
  return Number.isNaN(waitMs) ? null : waitMs;
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
