/**
 * Postmark's webhooks, one event a request
 * (https://postmarkapp.com/developer/webhooks/webhooks-overview).
 * Postmark signs nothing: its origin is what the source's `webhook` table gives it to present.
 */
import type { BounceHint } from "../../core/bounce.ts";
import type { EventType } from "../../core/delivery-state.ts";
import { ok } from "../../core/result.ts";
import { enhancedCodeOf } from "../../core/smtp-reply.ts";
import { fieldsOf, textOf } from "../answer.ts";
import type { HookReading, Hooks } from "../hooks.ts";
import { ACCOUNT_NAME, ID_NAME } from "../message.ts";
import type { FeedEvent } from "../provider.ts";
import { jsonOf, MALFORMED } from "../receive.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A bounce's `Content` holds the mail that came back, cut off by Postmark. */
const BYTES_MAX = 1_048_576;

/** How Postmark's events are proved and read. */
export const hooks: Hooks = {
  bytesMax: BYTES_MAX,
  proof: "credentials",
  read: ({ body }) => {
    const json = jsonOf(body);
    if (!json.ok) return json;
    if (typeof json.value !== "object" || json.value === null || Array.isArray(json.value)) {
      return MALFORMED;
    }
    const fields = fieldsOf(json.value);
    return ok(reading(textOf(fields.RecordType), fields));
  },
};

type Meaning = Pick<FeedEvent, "type" | "code" | "text" | "bounce" | "url">;

function reading(type: string, fields: Fields): HookReading {
  const said = meaningOf(type, fields);
  const at = Date.parse(timeOf(fields));
  if (said === null) return { events: [], unknown: [{ type, raw: fields }] };
  const metadata = fieldsOf(fields.Metadata);
  const event: FeedEvent = {
    messageId: textOf(metadata[ID_NAME]),
    account: textOf(metadata[ACCOUNT_NAME]),
    providerMessageId: textOf(fields.MessageID),
    eventId: textOf(fields.ID),
    address: textOf(fields.Recipient) || textOf(fields.Email),
    at: Number.isNaN(at) ? 0 : at,
    ...said,
    raw: fields,
  };
  return { events: [event], unknown: [] };
}

const TIMES = ["DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt"] as const;

const timeOf = (fields: Fields): string =>
  textOf(fields[TIMES.find((name) => textOf(fields[name]) !== "") ?? ""]);

function meaningOf(type: string, fields: Fields): Meaning | null {
  switch (type) {
    case "Delivery":
      return said("delivered", textOf(fields.Details));
    case "Bounce":
      return bounceOf(fields);
    case "SpamComplaint":
      return { type: "complained", code: "complained", text: "" };
    case "Open":
      return { type: "opened", code: "", text: "" };
    case "Click":
      return { type: "clicked", code: "", text: "", url: textOf(fields.OriginalLink) };
    case "SubscriptionChange":
      return changeOf(fields);
    default:
      return null;
  }
}

function said(type: EventType, text: string, word = ""): Meaning {
  return { type, code: enhancedCodeOf(text) ?? word, text };
}

/**
 * Postmark's bounce types (https://postmarkapp.com/developer/api/bounce-api#bounce-types). What it
 * does not say of its own leaves the diagnostic to tell.
 */
const BOUNCES: Readonly<Record<string, { type: EventType; hint?: BounceHint }>> = {
  HardBounce: { type: "bounced", hint: { kind: "hard" } },
  Transient: { type: "deferred" },
  Unsubscribe: { type: "unsubscribed" },
  AutoResponder: { type: "delivered" },
  AddressChange: { type: "bounced", hint: { kind: "hard", category: "recipient" } },
  DnsError: { type: "bounced", hint: { kind: "soft", category: "network" } },
  SpamNotification: { type: "bounced", hint: { kind: "block", category: "content" } },
  OpenRelayTest: { type: "bounced", hint: { kind: "block" } },
  Unknown: { type: "bounced" },
  SoftBounce: { type: "bounced", hint: { kind: "soft" } },
  VirusNotification: { type: "bounced", hint: { kind: "block", category: "content" } },
  ChallengeVerification: { type: "deferred" },
  BadEmailAddress: { type: "bounced", hint: { kind: "hard", category: "recipient" } },
  SpamComplaint: { type: "complained" },
  ManuallyDeactivated: { type: "suppressed", hint: { category: "provider_list" } },
  Unconfirmed: { type: "rejected" },
  Blocked: { type: "bounced", hint: { kind: "block" } },
  SMTPApiError: { type: "rejected" },
  InboundError: { type: "rejected" },
  DMARCPolicy: { type: "bounced", hint: { kind: "block", category: "authentication" } },
  TemplateRenderingFailed: { type: "rejected" },
};

function bounceOf(fields: Fields): Meaning | null {
  const name = textOf(fields.Type);
  const known = Object.hasOwn(BOUNCES, name) ? BOUNCES[name] : undefined;
  if (known === undefined) return null;
  const text = textOf(fields.Details) || textOf(fields.Description);
  const { type, hint } = known;
  return { ...said(type, text, name), ...(hint === undefined ? {} : { bounce: hint }) };
}

/** A recipient who is taken off a stream: by a bounce, by a complaint, or by their own wish. */
function changeOf(fields: Fields): Meaning | null {
  if (fields.SuppressSending !== true) return null;
  switch (fields.SuppressionReason) {
    case "HardBounce":
      return { ...said("bounced", "", "HardBounce"), bounce: { kind: "hard" } };
    case "SpamComplaint":
      return said("complained", "", "complained");
    case "ManualSuppression":
      return said(fields.Origin === "Recipient" ? "unsubscribed" : "suppressed", "");
    default:
      return null;
  }
}
