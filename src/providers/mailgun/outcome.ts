/**
 * What each answer of Mailgun's sending calls means for a message. Statuses are those of
 * https://documentation.mailgun.com/docs/mailgun/quickstart-guide/responses; there are no error
 * words, so that the causes are told by the messages.
 */
import type { Answer } from "../http.ts";
import { accepted, ambiguous, failed, outcomeOfStatus, rejected, throttled } from "../outcomes.ts";
import type { Fault, Outcome } from "../provider.ts";

/**
 * Maps one answer to one outcome.
 *
 * @param now Unix milliseconds, for the time at which a limit ends
 */
export function outcomeOf(answer: Answer, now: number): Outcome {
  const { status, body, json } = answer;
  if (status < 200 || status >= 300) return refusalOf(answer, now);
  if (body === null) return ambiguous(`Mailgun answered ${status}, then no readable body`);
  if (json === null && GREETING.test(body)) {
    return failed(false, "wrong_url", "Mailgun knows no such address: check domain and region");
  }
  const id = typeof json?.id === "string" ? json.id.replace(/^<|>$/g, "") : json?.id;
  return accepted("Mailgun", id);
}

/** The answer of an address that Mailgun does not know, with status 200. */
const GREETING = /\bMailgun Magnificent API\b/i;

/** Maps one answer that is not a success. */
function refusalOf(answer: Answer, now: number): Outcome {
  const { status, json } = answer;
  const message = typeof json?.message === "string" ? json.message : "";
  const text = answer.redacted(`Mailgun answered ${status}. ${message}`);
  if (status === 429) return throttled(answer.retryAfterMs ?? resetMs(answer, message, now), text);
  if (status === 404) {
    // Its records agree only after a while, so that a domain may not be found for a moment; an
    // answer that is no JSON means that there is no such address.
    const code = DOMAIN_NOT_FOUND.test(message) ? "domain_not_found" : "http_404";
    return failed(json !== null, code, text);
  }
  if (status === 400) {
    if (MALFORMED.test(message)) return failed(false, "malformed_request", text);
    if (CUT_OFF.test(message)) return failed(true, "request_cut_off", text);
    const known = CAUSES.find(({ pattern }) => pattern.test(message));
    if (known !== undefined) return rejected(known.fault, known.code, text);
  }
  return outcomeOfStatus(answer, null, text);
}

const DOMAIN_NOT_FOUND = /\bdomain not found\b/i;
const MALFORMED = /\bmalformed multipart|\binvalid request content type|\binvalid URL escape/i;
const CUT_OFF = /\bunexpected EOF\b/i;

interface Cause {
  readonly pattern: RegExp;
  readonly fault: Exclude<Fault, "provider">;
  readonly code: string;
}

/** Why a message is refused with 400, by the first that fits. */
const CAUSES: readonly Cause[] = [
  {
    pattern: /\b(to|cc|bcc)['\u2018\u2019]? parameter is (missing|not a valid)/i,
    fault: "recipient",
    code: "invalid_recipient",
  },
  {
    pattern: /\bfrom['\u2018\u2019]? parameter is (missing|not a valid)/i,
    fault: "sender",
    code: "invalid_sender",
  },
  {
    pattern: /\bnot allowed to send: .*(\bfree accounts?\b|\bactivate your\b|\bdisabled\b)/i,
    fault: "account",
    code: "account_not_allowed",
  },
  { pattern: /\bnot allowed to send\b/i, fault: "sender", code: "domain_not_allowed" },
  { pattern: /\blimited to 16 ?kB\b/i, fault: "content", code: "options_too_large" },
  { pattern: /\btoo many recipients\b/i, fault: "recipient", code: "too_many_recipients" },
];

/** Until when a limit holds, in ms from `now`: from the words, or else from the header field. */
function resetMs(answer: Answer, message: string, now: number): number | null {
  const said = Date.parse(/\btry again after (.{1,40})$/i.exec(message)?.[1] ?? "");
  if (!Number.isNaN(said)) return said - now;
  const field = answer.headers.get("x-ratelimit-reset")?.trim() ?? "";
  if (!/^\d{10,13}$/.test(field)) return null;
  return Number(field) * (field.length > 10 ? 1 : 1000) - now;
}
