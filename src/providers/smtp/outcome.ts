/**
 * What a relay's reply means for a message, by the phase in which it comes: RFC 5321 section 4.2
 * for reply codes, RFC 3463 and RFC 5248 for enhanced codes.
 */
import { ambiguous, failed, RETRY_MAX_MS, rejected, throttled } from "../outcomes.ts";
import type { Outcome, RefusedRecipient } from "../provider.ts";
import type { Broken } from "./line.ts";
import type { Reply } from "./reply.ts";

/** What was asked: `hello` is the greeting, EHLO and STARTTLS; `end` the dot after the message. */
export type Phase = "hello" | "auth" | "mail" | "rcpt" | "data" | "end";

/** Makes a relay's words fit for a timeline. */
export type Redact = (text: string) => string;

/** A busy or restarting relay (421) is back after seconds. */
const BUSY_MS = 10_000;
/** Relays count what a client sends by the minute: Postfix's anvil_rate_time_unit is 60 s. */
const RATE_MS = 60_000;

const RATE = new RegExp(
  [
    "\\btoo (much|many) (mail|messages|connections|concurrent|requests|errors|recipients from)\\b",
    "\\brate\\b.{0,30}\\b(limit|exceed)|\\bthrottl|\\bslow down\\b|\\bsending too\\b",
  ].join("|"),
  "i",
);
/** A hosted relay's day is over: Gmail 5.4.5, Exchange Online 5.1.90 and the like. */
const QUOTA =
  /\b(daily|hourly|monthly|sending|submission)\b[^.]{0,60}\b(limit|quota)\b|\bsubmissionquota/i;
const RELAYING = /\brelay/i;
const SENDER = /\bsender\b|\bsend as\b|\breturn-?path\b|\bmail from\b|\bfrom address\b/i;
const TOO_LARGE = /\btoo (large|big)\b|\bsize\b|\blength\b/i;

/** RFC 5248 and its registry: about the sender's address; 5.7.60 is Exchange's SendAsDenied. */
const SENDER_CODES = new Set(["5.1.7", "5.1.8", "5.7.60"]);
/**
 * About who this client is: authentication and its strength, and (Exchange) 5.7.54 and 5.7.64,
 * relaying refused, 5.7.57, not authenticated. Not 5.7.0: Gmail refuses content with it.
 */
const ACCOUNT_CODES = new Set(["5.7.3", "5.7.8", "5.7.9", "5.7.11", "5.7.54", "5.7.57", "5.7.64"]);

/** The stable word of a reply: its enhanced code, or else its code. */
export const codeOf = (reply: Reply): string => reply.enhanced ?? String(reply.code);

/** What a refusal (or a reply that fits nothing) in a phase means for the message. */
export function refusalOf(phase: Phase, reply: Reply, redact: Redact): Outcome {
  const { code } = reply;
  const text = redact(`The relay answered ${PHASES[phase]} with ${wordsOf(reply)}`);
  if (code >= 400 && QUOTA.test(reply.text)) return throttled(RETRY_MAX_MS, text);
  if (code >= 400 && code < 500) {
    if (isRate(reply)) return throttled(RATE_MS, text);
    if (code === 421) return throttled(BUSY_MS, text);
    return failed(true, codeOf(reply), text);
  }
  if (code < 400) {
    return phase === "end" ? ambiguous(text) : failed(true, "unexpected_reply", text);
  }
  const fault = faultOf(phase, reply);
  return fault === "provider"
    ? failed(false, codeOf(reply), text)
    : rejected(fault, codeOf(reply), text);
}

const PHASES: Record<Phase, string> = {
  hello: "the greeting",
  auth: "AUTH",
  mail: "MAIL",
  rcpt: "RCPT",
  data: "DATA",
  end: "the message",
};

/** Whether it is this client that sends too much, not a mailbox (4.2.x) that receives too much. */
function isRate({ code, enhanced, text }: Reply): boolean {
  if (code === 421 && enhanced?.startsWith("4.7.") === true) return true;
  return RATE.test(text) && enhanced?.startsWith("4.2.") !== true;
}

const wordsOf = ({ code, enhanced, text }: Reply): string =>
  [code, enhanced, text].filter(Boolean).join(" ");

/** RFC 5321: unknown command or parameter, wrong order. 501 is about what a parameter holds. */
const SYNTAX = new Set([500, 502, 503, 504, 555]);

type Fault = "recipient" | "content" | "sender" | "account" | "provider";

/** Who is at fault for a permanent refusal. */
function faultOf(phase: Phase, reply: Reply): Fault {
  const { code, text } = reply;
  const enhanced = reply.enhanced ?? "";
  if (phase === "auth") return "account";
  // Refused before anything of a message was said.
  if (phase === "hello") return "provider";
  if (code === 530 || code === 534 || code === 535 || code === 538) return "account";
  if (ACCOUNT_CODES.has(enhanced)) return "account";
  if (enhanced === "5.3.4" || enhanced === "5.2.3") return "content";
  if (SENDER_CODES.has(enhanced)) return "sender";
  // A syntax or sequence error is between this client and the relay, whatever the message.
  if (enhanced.startsWith("5.5.") || SYNTAX.has(code)) return "provider";
  if (phase === "mail") return code === 552 && TOO_LARGE.test(text) ? "content" : "sender";
  if (phase === "rcpt") {
    if (enhanced === "5.7.1" || enhanced === "") {
      // The same codes refuse a client that may not relay, a sender, and a recipient.
      if (RELAYING.test(text)) return "account";
      if (SENDER.test(text)) return "sender";
    }
    return "recipient";
  }
  return subjectFault(enhanced);
}

/** The fault of a refused message, by the subject of its enhanced code (RFC 3463 section 3). */
function subjectFault(enhanced: string): Fault {
  const subject = enhanced.split(".")[1];
  if (subject === "1" || subject === "2") return "recipient";
  if (subject === "3" || subject === "4") return "provider";
  return "content";
}

/** A message whose recipients were all refused, in the order they were named. */
export function allRefused(replies: readonly Reply[], redact: Redact): Outcome {
  // What may be taken later decides: the others are refused then once more.
  const outcomes = replies.map((reply) => refusalOf("rcpt", reply, redact));
  const first = (kind: Outcome["kind"]) => outcomes.find((outcome) => outcome.kind === kind);
  const none = failed(true, "no_recipient", "the relay took no recipient");
  return first("throttled") ?? first("failed") ?? outcomes[0] ?? none;
}

/** One recipient that was left out; a reply of 4xx asks to come back (RFC 5321 4.2.1). */
export function refusedRecipient(address: string, reply: Reply, redact: Redact): RefusedRecipient {
  const retryable = reply.code >= 400 && reply.code < 500;
  return { address, retryable, code: codeOf(reply), text: redact(wordsOf(reply)) };
}

/** No reply: the message may be accepted only if its end was (perhaps) written. */
export function brokenOf(broken: Broken, endWritten: boolean): Outcome {
  const text = BROKEN[broken];
  if (endWritten) return ambiguous(`${text} after the message`);
  return failed(true, broken === "lost" ? "connection_lost" : broken, `${text} before the message`);
}

const BROKEN: Record<Broken, string> = {
  lost: "the relay's connection was lost",
  timed_out: "the relay did not answer in time,",
  malformed: "the relay answered what is no SMTP reply",
};

/**
 * How relays tell the name under which they keep a message: Postfix (and Mailpit), Stalwart, Exim,
 * KumoMTA, Exchange, Haraka, Sendmail and OpenSMTPD, Gmail, SES.
 */
const QUEUE_IDS: readonly RegExp[] = [
  /\bqueued as ([\w-]+)/i,
  /\bqueued with id ([\w-]+)/i,
  /\bids?=([\w,-]+)/i,
  /\bInternalId=(\d+)/i,
  /\bqueued \(([\w.-]+)\)/i,
  /([\w-]+) message accepted for delivery\b/i,
  /^OK\s+\d+\s+([\w.-]+) - gsmtp$/i,
  /^OK ([0-9a-f]{16}-[\w-]+)$/i,
];

/** Characters of an id that is kept; the longest known, of SES, has 60. */
const QUEUE_ID_MAX = 128;

/** The relay's name for an accepted message, or null when the reply tells none. */
export function queueId({ text }: Reply): string | null {
  for (const pattern of QUEUE_IDS) {
    const id = pattern.exec(text)?.[1];
    if (id !== undefined && id.length <= QUEUE_ID_MAX) return id;
  }
  return null;
}
