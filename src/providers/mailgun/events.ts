/**
 * Mailgun's events as ours. The events of the API and the `event-data` of webhooks have one shape:
 * https://documentation.mailgun.com/docs/mailgun/user-manual/events
 */
import { parseMailbox } from "../../core/address.ts";
import type { EventType } from "../../core/delivery-state.ts";
import { fieldsOf, redact, textOf } from "../answer.ts";
import { ID_NAME } from "../message.ts";
import type { FeedEvent } from "../provider.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The events that say something of a delivery, as the filter expression of a query. */
export const EVENTS_WANTED = "delivered OR failed OR complained OR rejected";

/** Mailgun's own lists had the recipient: bounced, unsubscribed or complained before. */
const SUPPRESSED_CODES: ReadonlySet<number> = new Set([605, 607]);

/**
 * Reads one event. Nothing when it is not of a message of ours, or says nothing of its delivery
 * (accepted, opened, clicked, stored); several when a message was rejected for all recipients.
 */
export function readEvent(event: unknown): FeedEvent[] {
  const fields = fieldsOf(event);
  const messageId = textOf(fieldsOf(fields["user-variables"])[ID_NAME]);
  const at = Math.round(Number(fields.timestamp) * 1000);
  const said = meaningOf(fields);
  if (messageId === "" || said === null || !Number.isFinite(at) || at <= 0) return [];
  return recipientsOf(fields).map((address) => ({ messageId, address, at, ...said }));
}

type Meaning = Pick<FeedEvent, "type" | "code" | "text">;

function meaningOf(fields: Fields): Meaning | null {
  switch (fields.event) {
    case "delivered":
      return deliveryOf(fields, "delivered");
    case "failed":
      return deliveryOf(fields, failureOf(fields));
    case "complained":
      return { type: "complained", code: "complained", text: "" };
    case "rejected": {
      const { reason, description } = fieldsOf(fields.reject);
      const text = textOf(description) || textOf(reason);
      return { type: "failed", code: "rejected", text: redact(text, []) };
    }
    default:
      return null;
  }
}

function failureOf(fields: Fields): EventType {
  if (fields.severity === "temporary") return "deferred";
  const code = Number(fieldsOf(fields["delivery-status"]).code);
  const own = SUPPRESSED_CODES.has(code) || /^suppress-/.test(textOf(fields.reason));
  return own ? "suppressed" : "bounced";
}

/** With what the other server said: its enhanced code (RFC 3463) if there is one. */
function deliveryOf(fields: Fields, type: EventType): Meaning {
  const status = fieldsOf(fields["delivery-status"]);
  const code = textOf(status["enhanced-code"]) || textOf(status.code);
  const text = textOf(status.message) || textOf(status.description) || textOf(fields.reason);
  return { type, code, text: redact(text, []) };
}

/** One recipient an event; a rejection has those of the To field only. */
function recipientsOf(fields: Fields): string[] {
  const recipient = textOf(fields.recipient);
  if (recipient !== "") return [recipient];
  const message = fieldsOf(fields.message);
  const listed = Array.isArray(message.recipients) ? message.recipients.map(textOf) : [];
  const named = listed.length > 0 ? listed : textOf(fieldsOf(message.headers).to).split(",");
  return named.flatMap((text) => {
    const mailbox = parseMailbox(text);
    return mailbox.ok ? [mailbox.value.address] : [];
  });
}
