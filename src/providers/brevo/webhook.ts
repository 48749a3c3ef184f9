/**
 * Brevo's webhooks, one event a request or, where the webhook is batched, up to 500 in an array
 * (https://developers.brevo.com/docs/transactional-webhooks, /docs/batch-webhooks).
 * Brevo signs nothing: its origin is what the source's `webhook` table gives it to present.
 */
import type { BounceHint } from "../../core/bounce.ts";
import type { EventType } from "../../core/delivery-state.ts";
import { ok } from "../../core/result.ts";
import { fieldsOf, readJsonObject, textOf } from "../answer.ts";
import type { Hooks } from "../hooks.ts";
import { ACCOUNT_NAME, ID_NAME } from "../message.ts";
import {
  codeIn,
  entryOf,
  type Meaning,
  type Posted,
  postedIn,
  readingOf,
  said,
} from "../posted.ts";
import type { FeedEvent } from "../provider.ts";

/** 500 events, each with our header of up to 5 KB and a subject. */
const BYTES_MAX = 4 * 1_048_576;

/** How Brevo's events are proved and read. */
export const hooks: Hooks = {
  bytesMax: BYTES_MAX,
  proof: "credentials",
  read: ({ body }) => {
    const posted = postedIn(body);
    return posted.ok ? ok(readingOf(posted.value, typeOf, eventsOf)) : posted;
  },
};

const typeOf = (event: Posted): string => textOf(event.event);

function eventsOf(posted: Posted): readonly FeedEvent[] | null {
  const meaning = meaningOf(posted);
  if (meaning === null) return null;
  const { id, account } = correlationOf(posted);
  const providerMessageId = bracketed(textOf(posted["message-id"]));
  const event: FeedEvent = {
    messageId: id,
    account,
    ...(providerMessageId === "" ? {} : { providerMessageId }),
    address: textOf(posted.email),
    at: timeOf(posted.ts_epoch),
    ...meaning,
    raw: posted,
  };
  return [event];
}

interface Known {
  readonly type: EventType;
  readonly bounce?: BounceHint;
}

/**
 * Brevo's events. `request`, which its pages call "Sent", is that it took the message. "Blocked"
 * is read apart. Its marketing events are nobody's here.
 */
const EVENTS: Readonly<Record<string, Known>> = {
  request: { type: "queued" },
  sent: { type: "sent" },
  delivered: { type: "delivered" },
  deferred: { type: "deferred" },
  soft_bounce: { type: "bounced", bounce: { kind: "soft" } },
  hard_bounce: { type: "bounced", bounce: { kind: "hard" } },
  invalid_email: { type: "bounced", bounce: { kind: "hard", category: "recipient" } },
  invalid: { type: "bounced", bounce: { kind: "hard", category: "recipient" } },
  error: { type: "rejected" },
  spam: { type: "complained" },
  complaint: { type: "complained" },
  unsubscribe: { type: "unsubscribed" },
  unsubscribed: { type: "unsubscribed" },
  opened: { type: "opened" },
  unique_opened: { type: "opened" },
  proxy_open: { type: "opened" },
  unique_proxy_open: { type: "opened" },
  click: { type: "clicked" },
};

/** Events are `hard_bounce`; where a webhook subscribes to them they are `hardBounce`. */
const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function meaningOf(posted: Posted): Meaning | null {
  const name = snakeCase(typeOf(posted));
  const reason = textOf(posted.reason).trim();
  if (name === "blocked") return blockOf(reason);
  const known = entryOf(EVENTS, name);
  if (known === undefined) return null;
  const { type, bounce } = known;
  // What has gone well has the reason "sent", which no other server said.
  const text = reason === "sent" ? "" : reason;
  return {
    ...said(type, text, WORDED.has(type) ? name : ""),
    ...(bounce === undefined ? {} : { bounce }),
    ...(type === "clicked" ? { url: textOf(posted.link) } : {}),
  };
}

/** What has a reason, if only in Brevo's own word. */
const WORDED: ReadonlySet<EventType> = new Set(["bounced", "rejected", "complained", "deferred"]);

/**
 * A block is nearly always Brevo's own: the recipient is on its list after a hard bounce, a
 * complaint or an unsubscription ("blocked : due to blacklist user"), and nothing leaves it. Its
 * reference also says "due to blacklisted sender"; only another server gives an SMTP code.
 */
function blockOf(reason: string): Meaning {
  if (codeIn(reason) !== null) {
    return { ...said("bounced", reason, "blocked"), bounce: { kind: "block" } };
  }
  if (/\bsender\b/i.test(reason)) return said("rejected", reason, "blocked");
  return { ...said("suppressed", reason, "blocked"), bounce: { category: "provider_list" } };
}

/** Our header, as `customOf` (body.ts) writes it; else our id is one of the tags. */
function correlationOf(posted: Posted): { id: string; account: string } {
  const header = Object.keys(posted).find((name) => name.toLowerCase() === "x-mailin-custom");
  const custom = fieldsOf(readJsonObject(textOf(posted[header ?? ""])));
  const id = decoded(custom[ID_NAME]);
  return { id: id === "" ? idIn(posted.tags) : id, account: decoded(custom[ACCOUNT_NAME]) };
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const idIn = (tags: unknown): string =>
  Array.isArray(tags) ? textOf(tags.find((tag) => UUID.test(textOf(tag)))) : "";

/** A value of our header; one that others wrote may have no right percent-encoding. */
function decoded(value: unknown): string {
  const text = textOf(value);
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** As the API answers it, in angle brackets; the reference's examples leave them out. */
const bracketed = (id: string): string => (id === "" || id.startsWith("<") ? id : `<${id}>`);

/** Below it a number is no Unix time in milliseconds since 1974. */
const MS_MIN = 1e11;

/**
 * Of Brevo's four times the one in UTC; `date`, `ts` and `ts_event` follow the account's time zone.
 * Milliseconds, though some of the reference's examples have seconds.
 */
function timeOf(value: unknown): number {
  const time = Number(textOf(value));
  if (!Number.isSafeInteger(time) || time <= 0) return 0;
  return time < MS_MIN ? time * 1000 : time;
}
