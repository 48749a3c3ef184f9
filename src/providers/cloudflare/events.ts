/**
 * Cloudflare Email Service's events, which come through a queue
 * (https://developers.cloudflare.com/email-service/platform/event-subscriptions/). Each is about
 * one recipient and names the message by the service's own id alone.
 */
import { parseMailbox } from "../../core/address.ts";
import type { BounceHint } from "../../core/bounce.ts";
import { enhancedCodeOf, replyCodeOf } from "../../core/smtp-reply.ts";
import { fieldsOf, textOf } from "../answer.ts";
import type { HookReading } from "../hooks.ts";
import type { FeedEvent } from "../provider.ts";

type Fields = Readonly<Record<string, unknown>>;
type Meaning = Pick<FeedEvent, "type" | "code" | "text" | "bounce">;

/** What one message of the queue holds. */
export interface EventReading extends HookReading {
  /** The sending domain it was published for, lower-cased; empty when it does not say. */
  readonly domain: string;
}

const PREFIX = "cf.email.sending.message.";

/** Reads one message of the queue. Never throws; what is not known is kept as it came. */
export function readEvent(body: unknown): EventReading {
  const { metadata, payload, source, type: given } = fieldsOf(body);
  const type = textOf(given);
  const domain = textOf(fieldsOf(source).domain).toLowerCase();
  const fields = fieldsOf(payload);
  const said = type.startsWith(PREFIX) ? meaningOf(type.slice(PREFIX.length), fields) : null;
  if (said === null) return { events: [], unknown: [{ type, raw: body }], domain };
  const at = Date.parse(textOf(fieldsOf(metadata).eventTimestamp));
  const recipient = textOf(fields.recipient);
  const parsed = parseMailbox(recipient);
  const event: FeedEvent = {
    messageId: "",
    providerMessageId: textOf(fields.messageId),
    eventId: textOf(fields.eventId),
    address: parsed.ok ? parsed.value.address : recipient,
    at: Number.isNaN(at) ? 0 : at,
    ...said,
    raw: body,
  };
  return { events: [event], unknown: [], domain };
}

function meaningOf(name: string, fields: Fields): Meaning | null {
  switch (name) {
    case "delivered":
      return { type: "delivered", ...answerOf(fields) };
    case "deferred":
      return { type: "deferred", ...answerOf(fields) };
    case "bounced":
      return bounceOf(fields);
    case "failed":
      return refusal(textOf(fieldsOf(fields.failure).reason), "", "failed");
    case "rejected":
      return rejectionOf(fieldsOf(fields.rejection));
    case "complained":
      return { type: "complained", code: textOf(complaintOf(fields).type) || name, text: "" };
    default:
      return null;
  }
}

const complaintOf = ({ complaint }: Fields): Fields => fieldsOf(complaint);

/** `hard`: refused for good. `soft`: refused for now until the retries were used up. */
const KINDS: Readonly<Record<string, BounceHint>> = {
  hard: { kind: "hard" },
  soft: { kind: "soft" },
};

function bounceOf(fields: Fields): Meaning {
  const { reason, type } = fieldsOf(fields.bounce);
  const kind = textOf(type);
  const bounce = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  const answer = answerOf(fields, textOf(reason));
  return { type: "bounced", ...answer, ...(bounce === undefined ? {} : { bounce }) };
}

/** The other server's answer: its enhanced code, else its reply code. */
function answerOf({ delivery }: Fields, reason = ""): { code: string; text: string } {
  const { smtpEnhancedStatusCode, smtpResponse, smtpStatusCode } = fieldsOf(delivery);
  const text = textOf(smtpResponse) || reason;
  const enhanced = enhancedCodeOf(textOf(smtpEnhancedStatusCode)) ?? enhancedCodeOf(text);
  const reply = replyCodeOf(textOf(smtpStatusCode)) ?? replyCodeOf(text);
  return { code: enhanced ?? reply?.toString() ?? "", text };
}

/** Stopped by the service before any delivery. */
function rejectionOf({ detail, reason: given }: Fields): Meaning {
  const reason = textOf(given);
  if (reason !== "suppressed") return refusal(reason, textOf(detail), "rejected");
  return {
    type: "suppressed",
    code: reason,
    text: textOf(detail),
    bounce: { category: "provider_list" },
  };
}

const refusal = (reason: string, detail: string, word: string): Meaning => ({
  type: "rejected",
  code: reason || word,
  text: detail || reason,
});
