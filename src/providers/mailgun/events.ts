/**
 * Mailgun's events as ours. The events of the API and the `event-data` of webhooks have one shape:
 * https://documentation.mailgun.com/docs/mailgun/user-manual/events
 */
import { parseMailbox } from "../../core/address.ts";
import type { BounceHint } from "../../core/bounce.ts";
import { fieldsOf, redact, textOf } from "../answer.ts";
import { ACCOUNT_NAME, ID_NAME } from "../message.ts";
import { codeIn, entryOf, type Meaning } from "../posted.ts";
import type { FeedEvent } from "../provider.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The events that say something of a delivery, as the filter expression of a query. */
export const EVENTS_WANTED = "delivered OR failed OR complained OR rejected";

const OF_DELIVERY: ReadonlySet<unknown> = new Set(EVENTS_WANTED.split(" OR "));

/**
 * Reads one event of the records. Nothing when it is not of a message of ours, or says nothing of
 * its delivery (accepted, opened, clicked, stored); several when a message was rejected for all
 * recipients. The text is redacted.
 */
export function readEvent(event: unknown): FeedEvent[] {
  const fields = fieldsOf(event);
  if (!OF_DELIVERY.has(fields.event)) return [];
  return (readHook(fields) ?? [])
    .filter(({ messageId, at, address }) => messageId !== "" && at > 0 && address !== "")
    .map(({ messageId, address, at, type, code, text }) => ({
      messageId,
      address,
      at,
      // The records are asked what became of a message: a refusal is its end.
      type: type === "rejected" ? "failed" : type,
      code,
      text: redact(text, []),
    }));
}

/**
 * Reads one event of a webhook, whole: one for each recipient it is about, or one without an
 * address. Null when it is of a type that no table has.
 *
 * @param token what stands for an event's id where it has none
 */
export function readHook(fields: Fields, token = ""): FeedEvent[] | null {
  const meaning = meaningOf(fields);
  if (meaning === null) return null;
  const variables = fieldsOf(fields["user-variables"]);
  const messageId = textOf(variables[ID_NAME]);
  const recipients = recipientsOf(fields);
  return (recipients.length > 0 ? recipients : [""]).map((address) => ({
    messageId,
    account: textOf(variables[ACCOUNT_NAME]),
    ...providerIdOf(messageId, textOf(fieldsOf(fieldsOf(fields.message).headers)["message-id"])),
    eventId: textOf(fields.id) || token,
    address,
    at: timeOf(fields.timestamp),
    ...meaning,
    raw: fields,
  }));
}

/**
 * Events have the message's Message-ID, the answer to a call has Mailgun's id. They are equal as
 * a rule, and a bounce under another id would pass for another attempt's: so it is told only
 * where there is nothing better to find the message by.
 */
export function providerIdOf(messageId: string, header: string): { providerMessageId?: string } {
  const id = header.trim().replace(/^<|>$/g, "");
  return messageId !== "" || id === "" ? {} : { providerMessageId: id };
}

/** Unix ms from Unix seconds, 0 when it is no time. */
export function timeOf(timestamp: unknown): number {
  const at = Math.round(Number(textOf(timestamp)) * 1000);
  return Number.isSafeInteger(at) && at > 0 ? at : 0;
}

function meaningOf(fields: Fields): Meaning | null {
  switch (fields.event) {
    case "accepted":
      return { type: "queued", code: "", text: "" };
    case "delivered":
      return { type: "delivered", ...deliveryOf(fields) };
    case "failed":
      return failureOf(fields);
    case "complained":
      return { type: "complained", code: "complained", text: "" };
    case "unsubscribed":
      return { type: "unsubscribed", code: "", text: "" };
    case "opened":
      return { type: "opened", code: "", text: "" };
    case "clicked":
      return { type: "clicked", code: "", text: "", url: textOf(fields.url) };
    case "rejected": {
      const { reason, description } = fieldsOf(fields.reject);
      return { type: "rejected", code: "rejected", text: textOf(description) || textOf(reason) };
    }
    default:
      return null;
  }
}

/**
 * Why Mailgun gave up, where its `reason` says more than "generic". That mail is refused for good
 * ("bounce") is said of most 5xx: what it was, the other server's words tell.
 */
const REASONS: Readonly<Record<string, BounceHint>> = {
  bounce: { kind: "hard" },
  espblock: { kind: "block" },
  blacklisted: { kind: "block", category: "reputation" },
  greylisted: { kind: "soft", category: "rate" },
  old: { kind: "soft" },
};

/** What Mailgun itself tells hard bounces from soft ones by, in `delivery-status`. */
const BOUNCE_TYPES: Readonly<Record<string, BounceHint>> = {
  hard: { kind: "hard" },
  soft: { kind: "soft" },
};

function failureOf(fields: Fields): Meaning {
  const said = deliveryOf(fields);
  const status = fieldsOf(fields["delivery-status"]);
  const reason = textOf(fields.reason);
  if (fields.severity === "temporary") return { type: "deferred", ...said };
  if (isOwnList(textOf(status.code), reason, said.text)) {
    return { type: "suppressed", ...said, bounce: { category: "provider_list" } };
  }
  const own = entryOf(REASONS, reason);
  const hint = entryOf(BOUNCE_TYPES, textOf(status["bounce-type"]));
  // "bounce" is the rule, what is said beside it the exception.
  const bounce = reason === "bounce" ? (hint ?? own) : (own ?? hint);
  return { type: "bounced", ...said, ...(bounce === undefined ? {} : { bounce }) };
}

/** Mailgun's own lists had the recipient: bounced, unsubscribed or complained before. */
export const isOwnList = (code: string, reason: string, text: string): boolean =>
  /^60[567]$/.test(code) || reason.startsWith("suppress-") || /^not delivering to/i.test(text);

/** What the other server said: its enhanced code (RFC 3463) if there is one. */
function deliveryOf(fields: Fields): { code: string; text: string } {
  const status = fieldsOf(fields["delivery-status"]);
  const text = textOf(status.message) || textOf(status.description) || textOf(fields.reason);
  const given = textOf(status["enhanced-code"]) || (codeIn(text) ?? "");
  const reply = textOf(status.code);
  // A reply code in the words is no better than the one beside them.
  return { code: given.includes(".") ? given : reply || given, text };
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
