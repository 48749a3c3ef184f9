/**
 * Mailjet's webhooks, one event a request or, where they are grouped, an array of mixed types
 * (https://dev.mailjet.com/email/guides/webhooks/).
 * Mailjet signs nothing: its origin is what the source's `webhook` table gives it to present.
 */
import type { BounceCategory, BounceHint } from "../../core/bounce.ts";
import { ok } from "../../core/result.ts";
import { fieldsOf, readJsonObject, textOf } from "../answer.ts";
import type { Hooks } from "../hooks.ts";
import { ACCOUNT_NAME } from "../message.ts";
import { entryOf, type Meaning, type Posted, postedIn, readingOf, said } from "../posted.ts";
import type { FeedEvent } from "../provider.ts";

/** Mailjet groups a second's events without a limit of its own; some 5,000 of 800 bytes. */
const BYTES_MAX = 4 * 1_048_576;

/** How Mailjet's events are proved and read. */
export const hooks: Hooks = {
  bytesMax: BYTES_MAX,
  proof: "credentials",
  read: ({ body }) => {
    const posted = postedIn(body);
    return posted.ok ? ok(readingOf(posted.value, typeOf, eventsOf)) : posted;
  },
};

const typeOf = (event: Posted): string => textOf(event.event);

/**
 * Without a provider's id: each recipient has a Message_GUID of its own, and the answer to the call
 * is remembered by the first one's. MessageID is a 64-bit number, which JSON.parse rounds.
 */
function eventsOf(posted: Posted): readonly FeedEvent[] | null {
  const meaning = entryOf(EVENTS, typeOf(posted))?.(posted) ?? null;
  if (meaning === null) return null;
  const event: FeedEvent = {
    messageId: textOf(posted.CustomID),
    account: textOf(fieldsOf(readJsonObject(textOf(posted.Payload)))[ACCOUNT_NAME]),
    address: textOf(posted.email),
    at: timeOf(posted.time),
    ...meaning,
    raw: posted,
  };
  return [event];
}

/** Unix seconds. */
function timeOf(value: unknown): number {
  const seconds = Number(textOf(value));
  return seconds > 0 && Number.isSafeInteger(seconds * 1000) ? seconds * 1000 : 0;
}

const EVENTS: Readonly<Record<string, (posted: Posted) => Meaning>> = {
  /** The other server took the message. */
  sent: (posted) => said("delivered", textOf(posted.smtp_reply)),
  open: () => said("opened", ""),
  click: (posted) => ({ ...said("clicked", ""), url: textOf(posted.url) }),
  spam: (posted) => said("complained", textOf(posted.source), "complained"),
  unsub: () => said("unsubscribed", ""),
  bounce: bounceOf,
  blocked: blockOf,
};

/**
 * Mailjet's errors (https://dev.mailjet.com/email/guides/webhooks/#possible-values-for-errors) by
 * whose affair they are. `recipient` and `mailbox_inactive` are as final as `hard_bounce` says.
 */
const ERRORS: Readonly<Record<string, BounceCategory>> = {
  "user unknown": "recipient",
  "mailbox inactive": "mailbox_inactive",
  "quota exceeded": "mailbox_full",
  "invalid domain": "recipient",
  "no mail host": "recipient",
  typofix: "recipient",
  "relay/access denied": "policy",
  greylisted: "rate",
  "sender blocked": "reputation",
  "content blocked": "content",
  "policy issue": "policy",
  "system issue": "system",
  "protocol issue": "system",
  "connection issue": "network",
  "loop detected": "network",
  preblocked: "provider_list",
  blacklisted: "provider_list",
  "spam reporter": "provider_list",
};

const BLOCKS: ReadonlySet<BounceCategory> = new Set([
  "policy",
  "reputation",
  "content",
  "provider_list",
]);
const FINAL: ReadonlySet<BounceCategory> = new Set(["recipient", "mailbox_inactive"]);

function hintOf(error: string, permanent: boolean): BounceHint {
  const category = entryOf(ERRORS, error);
  if (category === undefined) return { kind: permanent ? "hard" : "soft" };
  if (BLOCKS.has(category)) return { kind: "block", category };
  return { kind: permanent && FINAL.has(category) ? "hard" : "soft", category };
}

function bounceOf(posted: Posted): Meaning {
  const error = textOf(posted.error);
  const permanent = posted.hard_bounce === true;
  // "Delivery will be re-attempted."
  const deferred = error === "greylisted" && !permanent;
  const bounce = hintOf(error, permanent);
  return { ...saidOf(deferred ? "deferred" : "bounced", posted), bounce };
}

/** Mailjet's own list: whoever bounced, complained or was taken off before. */
const OWN_LIST: ReadonlySet<string> = new Set(["preblocked", "blacklisted", "spam reporter"]);

/** Mailjet did not try. What it holds against the recipient is its list, the rest a refusal. */
function blockOf(posted: Posted): Meaning {
  const listed = OWN_LIST.has(textOf(posted.error)) || posted.error_related_to === "recipient";
  if (!listed) return saidOf("rejected", posted);
  return { ...saidOf("suppressed", posted), bounce: { category: "provider_list" } };
}

/** `comment` is what the other server said, where it did; `error` is Mailjet's word for it. */
function saidOf(type: Meaning["type"], posted: Posted): Meaning {
  const error = textOf(posted.error);
  return said(type, textOf(posted.comment) || textOf(posted.smtp_reply) || error, error);
}
