/**
 * Webhooks to the account's own endpoints: events, endpoints and deliveries, as the journal, the
 * tables, the consumer and the routes share them.
 */

/** Every type of event that an endpoint can ask for; the first nine are of Resend's dialect. */
export const OUT_EVENT_TYPES = [
  "email.sent",
  "email.delivered",
  "email.delivery_delayed",
  "email.complained",
  "email.bounced",
  "email.opened",
  "email.clicked",
  "email.failed",
  "email.suppressed",
  "email.unsubscribed",
  "email.expired",
  "email.cancelled",
  "email.rejected",
  "email.unknown",
  "suppression.added",
  "suppression.removed",
  "stream.warned",
  "stream.slowed",
  "stream.paused",
  "stream.resumed",
  "source.warned",
  "source.slowed",
  "source.paused",
  "source.resumed",
  "source.feed_stopped",
  "source.feed_resumed",
  "verification.finished",
  "webhook.disabled",
  "webhook.test",
] as const;

export type OutEventType = (typeof OUT_EVENT_TYPES)[number];

/** An event on its way to whoever asked for it. */
export interface OutEvent {
  /** The same however often the event is made: see `eventId`. */
  readonly id: string;
  /** The account's scope. */
  readonly account: string;
  readonly type: OutEventType;
  /** JSON as it is signed and sent, below `PAYLOAD_MAX` bytes. */
  readonly payload: string;
}

/** Standard Webhooks asks for payloads below 20 kB; bytes of UTF-8. */
export const PAYLOAD_MAX = 20_000;

/** An earlier signing secret, by its version, and until when it still signs (Unix ms). */
export type PreviousSecret = readonly [version: number, until: number];

/** Where events are sent. */
export interface Endpoint {
  readonly id: string;
  readonly account: string;
  readonly url: string;
  /** The types it asked for; null: all. */
  readonly events: readonly string[] | null;
  readonly status: "enabled" | "disabled";
  readonly createdAt: number;
  /** The present signing secret's version: see `endpointSecret`. */
  readonly version: number;
  readonly previous: readonly PreviousSecret[];
  /** Attempts that failed since the last that succeeded. */
  readonly fails: number;
  /** Deliveries given up since the last attempt that succeeded. */
  readonly exhausted: number;
  /** Unix ms of the first failure since the last success; null: the last attempt succeeded. */
  readonly failingSince: number | null;
  readonly lastSuccessAt: number | null;
  /** It gets nothing before this time, Unix ms. */
  readonly slowUntil: number;
  readonly disabledReason: string | null;
  readonly disabledAt: number | null;
}

/** One event for one endpoint, as it is first written. */
export interface NewDelivery {
  readonly endpoint: string;
  readonly event: string;
  readonly type: string;
  readonly payload: string;
  /** When it is due, Unix ms. */
  readonly nextAt: number;
}

export type DeliveryStatus = "pending" | "success" | "failed";

/** One attempt as the log shows it. */
export interface Attempt {
  readonly id: string;
  /** Unix ms. */
  readonly at: number;
  /** How long it took. */
  readonly ms: number;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** Why it failed in one word; empty when it succeeded. */
  readonly reason: string;
  /** The beginning of the answer's body. */
  readonly response: string;
}

/** A delivery as it stands. */
export interface Delivery {
  readonly endpoint: string;
  readonly event: string;
  readonly type: string;
  readonly payload: string;
  readonly status: DeliveryStatus;
  /** Attempts ever made. */
  readonly tries: number;
  /** Attempts of the present round: a replay begins a new one. */
  readonly step: number;
  readonly nextAt: number | null;
  /** The newest ones, oldest first. */
  readonly attempts: readonly Attempt[];
}

/**
 * A hint that a delivery is due. It counts only while the delivery has had just `tries` attempts,
 * so that a hint that comes twice, or too late, does nothing.
 */
export interface Hint {
  readonly endpoint: string;
  readonly event: string;
  readonly tries: number;
  readonly nextAt: number;
}

/** A message of the webhook queue: hints of one endpoint. */
export interface WebhookPack {
  readonly v: 1;
  readonly endpoint: string;
  readonly due: readonly { readonly event: string; readonly tries: number }[];
}

const TIME_MAX_MS = 2 ** 48 - 1;

function timeHex(at: number): string {
  const clamped = Math.min(TIME_MAX_MS, Math.max(0, Math.floor(Number.isFinite(at) ? at : 0)));
  return clamped.toString(16).padStart(12, "0");
}

/**
 * An event's id: a UUID of version 8 (RFC 9562 section 5.8) that begins with the event's time, so
 * that ids sort by it, and goes on with 74 bits of what the event is.
 *
 * @param at Unix ms; out of range it is taken for the nearest that can be written
 * @param digest hex, 19 digits or more, of everything that tells this event from others
 */
export function timedId(at: number, digest: string): string {
  const time = timeHex(at);
  const variant = ((Number.parseInt(digest.charAt(3), 16) & 0x3) | 0x8).toString(16);
  const parts = [
    time.slice(0, 8),
    time.slice(8),
    `8${digest.slice(0, 3)}`,
    `${variant}${digest.slice(4, 7)}`,
    digest.slice(7, 19),
  ];
  return parts.join("-");
}

/** A text below every id of an event at `at` (Unix ms) or later, and above every earlier one. */
export function idsFrom(at: number): string {
  const time = timeHex(at);
  return `${time.slice(0, 8)}-${time.slice(8)}-`;
}

/** Unix ms of an event, by its id. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
