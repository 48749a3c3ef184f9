/**
 * SendGrid's event webhook, many events of mixed types a request
 * (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event).
 */
import type { BounceHint } from "../../core/bounce.ts";
import type { EventType } from "../../core/delivery-state.ts";
import { ok } from "../../core/result.ts";
import { enhancedCodeOf } from "../../core/smtp-reply.ts";
import { fieldsOf, textOf } from "../answer.ts";
import type { Hooks } from "../hooks.ts";
import { ACCOUNT_NAME, ID_NAME } from "../message.ts";
import { codeIn, entryOf, type Meaning, type Posted, readingOf } from "../posted.ts";
import type { FeedEvent } from "../provider.ts";
import { jsonOf, MALFORMED } from "../receive.ts";
import { prove } from "./signature.ts";

/** SendGrid posts up to 768 KB; the rest is for an event that goes beyond it. */
const BYTES_MAX = 1_048_576;

/** How SendGrid's events are proved and read. */
export const hooks: Hooks = {
  bytesMax: BYTES_MAX,
  proof: "signature",
  provesBy: "signing",
  prove,
  read: ({ body }) => {
    const json = jsonOf(body);
    if (!json.ok) return json;
    if (!Array.isArray(json.value)) return MALFORMED;
    return ok(readingOf(json.value.map(fieldsOf), ({ event }) => textOf(event), eventsOf));
  },
};

function eventsOf(fields: Posted): readonly FeedEvent[] | null {
  const meaning = meaningOf(fields);
  return meaning === null ? null : [eventOf(fields, meaning)];
}

function eventOf(fields: Posted, meaning: Meaning): FeedEvent {
  const at = Math.round(Number(textOf(fields.timestamp)) * 1000);
  const id = CALL_ID.exec(textOf(fields.sg_message_id))?.[1];
  return {
    // Custom arguments stand beside SendGrid's own fields.
    messageId: textOf(fields[ID_NAME]),
    account: textOf(fields[ACCOUNT_NAME]),
    ...(id === undefined ? {} : { providerMessageId: id }),
    eventId: textOf(fields.sg_event_id),
    address: textOf(fields.email),
    at: Number.isSafeInteger(at) && at > 0 ? at : 0,
    ...meaning,
    raw: fields,
  };
}

/**
 * The call's X-Message-Id, which is 16 bytes in base64url, before the first dot. Mail that SendGrid
 * took in by other ways, or dropped early, has other things there.
 */
const CALL_ID = /^([\w-]{22})\./;

function meaningOf(fields: Posted): Meaning | null {
  switch (fields.event) {
    case "processed":
      return { type: "queued", code: "", text: "" };
    case "delivered":
      return said("delivered", fields, fields.response);
    case "deferred":
      return said("deferred", fields, textOf(fields.response) || fields.reason);
    case "bounce":
      return bounceOf(fields);
    case "dropped":
      return dropOf(fields);
    case "spamreport":
      return { type: "complained", code: "complained", text: "" };
    case "unsubscribe":
    case "group_unsubscribe":
      return { type: "unsubscribed", code: textOf(fields.event), text: "" };
    case "open":
      // Apple's proxy fetches images whether or not anybody reads.
      return { type: "opened", code: fields.sg_machine_open === true ? "machine" : "", text: "" };
    case "click":
      return { type: "clicked", code: "", text: "", url: textOf(fields.url) };
    default:
      return null;
  }
}

function said(type: EventType, fields: Posted, words: unknown): Meaning {
  const text = textOf(words);
  return { type, code: enhancedCodeOf(textOf(fields.status)) ?? codeIn(text) ?? "", text };
}

/** How `type` of a bounce is meant: blocked mail leaves the address off SendGrid's bounce list. */
const BOUNCE_TYPES: Readonly<Record<string, BounceHint>> = {
  bounce: { kind: "hard" },
  blocked: { kind: "block" },
  // The other server deferred it for 72 hours.
  expired: { kind: "soft" },
};

/**
 * What SendGrid takes the other server's words for, by the first word of `bounce_classification`;
 * it goes before the type, which calls most of 5xx a bounce. "Mailbox Unavailable" (full or
 * switched off) and "Unclassified" leave the words to tell.
 * https://www.twilio.com/docs/sendgrid/ui/analytics-and-reporting/bounce-and-block-classifications
 */
const CLASSIFICATIONS: Readonly<Record<string, BounceHint>> = {
  invalid: { kind: "hard", category: "recipient" },
  technical: { kind: "soft" },
  content: { kind: "block", category: "content" },
  reputation: { kind: "block", category: "reputation" },
  frequency: { kind: "soft", category: "rate" },
  mailbox: {},
};

function bounceOf(fields: Posted): Meaning {
  const meaning = said("bounced", fields, fields.reason);
  const type = textOf(fields.type).toLowerCase();
  const classification = /^[a-z]+/i.exec(textOf(fields.bounce_classification))?.[0].toLowerCase();
  const hint = entryOf(CLASSIFICATIONS, classification ?? "") ?? entryOf(BOUNCE_TYPES, type);
  const bounce = hint === undefined || Object.keys(hint).length === 0 ? {} : { bounce: hint };
  return { ...meaning, code: meaning.code || type, ...bounce };
}

/** Why SendGrid does not try: its own lists, by the words of its reference. */
const LISTS: Readonly<Record<string, string>> = {
  "bounced address": "bounced_address",
  "unsubscribed address": "unsubscribed_address",
  "spam reporting address": "spam_reporting_address",
  "group unsubscribed address": "group_unsubscribed_address",
};

/** "Invalid", "Spam Content", "Recipient List over Package Quota" and others refuse the message. */
function dropOf(fields: Posted): Meaning {
  const text = textOf(fields.reason);
  const list = entryOf(LISTS, text.trim().toLowerCase());
  // A status beside a drop is SendGrid's own, 5.0.0, and says nothing.
  if (list === undefined) return { type: "rejected", code: "dropped", text };
  return { type: "suppressed", code: list, text, bounce: { category: "provider_list" } };
}
