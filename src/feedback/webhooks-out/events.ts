/**
 * From what happens to what an endpoint is told: the envelope `{type, created_at, data}` and the
 * fields of Resend's dialect, with Postern's own beside them. Nothing here depends on the time or
 * on chance: the same happening gives the same event, byte for byte.
 */
import type { Bounce, BounceCategory } from "../../core/bounce.ts";
import type { EventType } from "../../core/delivery-state.ts";
import type { Happening } from "../../core/events.ts";
import { sha256Hex } from "../../core/signer.ts";
import { enhancedCodeOf, replyCodeOf } from "../../core/smtp-reply.ts";
import type { JobView } from "../../core/verification-view.ts";
import { type OutEvent, type OutEventType, PAYLOAD_MAX, timedId } from "../../core/webhook.ts";

/** Null: a step on the way that nobody outside waits for. */
const TYPES: Readonly<Record<EventType, OutEventType | null>> = {
  accepted: null,
  waiting: null,
  queued: null,
  sent: "email.sent",
  delivered: "email.delivered",
  deferred: "email.delivery_delayed",
  bounced: "email.bounced",
  complained: "email.complained",
  opened: "email.opened",
  clicked: "email.clicked",
  unsubscribed: "email.unsubscribed",
  suppressed: "email.suppressed",
  rejected: "email.rejected",
  failed: "email.failed",
  expired: "email.expired",
  cancelled: "email.cancelled",
  unknown: "email.unknown",
};

/** Names of the dialect, which has them from SES. */
const SUBTYPES: Partial<Record<BounceCategory, string>> = {
  recipient: "NoEmail",
  mailbox_full: "MailboxFull",
  too_large: "MessageTooLarge",
  content: "ContentRejected",
  provider_list: "Suppressed",
};

/** Characters of a clicked URL; beyond them it says that it is cut. */
const LINK_MAX = 4_096;

/** Characters of a reason: an SMTP reply of several lines fits. */
const TEXT_MAX = 2_000;

/**
 * The events that happenings mean, in their order. `sent` counts when it is our own: a provider's
 * report that it has begun would be the same news twice.
 */
export async function eventsOf(happenings: readonly Happening[]): Promise<OutEvent[]> {
  const told = happenings.filter(({ type, ours }) => type !== "sent" || ours);
  const events = told.map(async (happening): Promise<OutEvent[]> => {
    const type = TYPES[happening.type];
    if (type === null) return [];
    const { account, messageId, no, source, at, url } = happening;
    const digest = await sha256Hex(JSON.stringify([account, messageId, no, type, at, source, url]));
    const payload = payloadOf(type, at, dataOf(happening));
    return [{ id: timedId(at, digest), account, type, payload }];
  });
  return (await Promise.all(events)).flat();
}

/** What each kind of event that is not about one email tells. */
export interface SystemData {
  readonly "suppression.added": SuppressionData;
  readonly "suppression.removed": SuppressionData;
  readonly "stream.warned": StreamData;
  readonly "stream.slowed": StreamData;
  readonly "stream.paused": StreamData;
  readonly "stream.resumed": StreamData;
  readonly "source.warned": SourceData;
  readonly "source.slowed": SourceData;
  readonly "source.paused": SourceData;
  readonly "source.resumed": SourceData;
  readonly "source.feed_stopped": FeedData;
  readonly "source.feed_resumed": FeedData;
  readonly "verification.finished": JobView;
  readonly "webhook.disabled": {
    readonly id: string;
    readonly endpoint: string;
    readonly reason: string;
    readonly failing_since: string | null;
  };
  readonly "webhook.test": { readonly id: string; readonly message: string };
}

/** The dialect's fields, and the stream (`*`: all) that is kept from the address. */
export interface SuppressionData {
  readonly id: string;
  readonly email: string;
  readonly origin: "bounce" | "complaint" | "manual";
  /** The email that led to it. */
  readonly source_id: string | null;
  readonly created_at: string;
  readonly stream?: string;
  readonly reason?: string;
}

/** What the reputation guard did. */
export interface GuardData {
  readonly reason: string;
  /** Measured figures, by name. */
  readonly figures?: Readonly<Record<string, number>>;
  /** The end of a pause, ISO 8601. */
  readonly until?: string;
}

/** To the mail of one sender domain on a stream, or to all of the stream. */
export interface StreamData extends GuardData {
  readonly stream: string;
  readonly domain?: string;
}

/** To all mail of one source. */
export interface SourceData extends GuardData {
  readonly source: string;
}

export interface FeedData {
  readonly source: string;
  /** When it last reported anything, ISO 8601. */
  readonly last_event_at: string | null;
  /** How long it usually takes to report, milliseconds. */
  readonly usual_gap_ms?: number;
}

/**
 * An event that is not about one email. `at` is Unix ms; `key` tells it from others of its type and
 * time and must be the same whenever the same event is made again.
 */
export async function systemEvent<T extends keyof SystemData>(
  type: T,
  { account, at, key }: { readonly account: string; readonly at: number; readonly key: string },
  data: SystemData[T],
): Promise<OutEvent> {
  const digest = await sha256Hex(JSON.stringify([account, type, key, at]));
  return { id: timedId(at, digest), account, type, payload: payloadOf(type, at, { ...data }) };
}

const iso = (at: number): string => {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? new Date(0).toISOString() : date.toISOString();
};

type Data = Readonly<Record<string, unknown>>;

function payloadOf(type: OutEventType, at: number, data: Data): string {
  const write = (fields: Data): string =>
    JSON.stringify({ type, created_at: iso(at), data: fields });
  const whole = write(data);
  if (bytesOf(whole) < PAYLOAD_MAX) return whole;
  // Fifty tags of full length alone are larger. They can be read from the email.
  const { tags: _, metadata: __, ...rest } = data;
  const lighter = write({ ...rest, truncated: ["tags", "metadata"] });
  if (bytesOf(lighter) < PAYLOAD_MAX) return lighter;
  const { email_id, message_id, created_at, stream, source } = data;
  const least = { email_id, message_id, created_at, stream, source };
  return write({ ...least, truncated: Object.keys(data).filter((name) => !(name in least)) });
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).byteLength;

function dataOf(happening: Happening): Data {
  const { envelope, messageId, address, source, code } = happening;
  const text = happening.text.slice(0, TEXT_MAX);
  const told = `${code} ${text}`;
  const reply = replyCodeOf(told);
  const enhanced = enhancedCodeOf(told);
  return {
    email_id: messageId,
    message_id: messageId,
    created_at: iso(envelope.createdAt),
    from: envelope.from,
    to: [address],
    subject: envelope.subject,
    tags: Object.fromEntries(envelope.tags.map(({ name, value }) => [name, value])),
    ...particulars(happening, text),
    recipient: address,
    recipient_no: happening.no,
    stream: envelope.stream,
    metadata: envelope.metadata ?? {},
    source: source === "" ? null : source,
    ...(code === "" ? {} : { code }),
    ...(text === "" ? {} : { text }),
    ...(reply === null && enhanced === null ? {} : { smtp: { reply, enhanced_code: enhanced } }),
  };
}

function particulars({ type, bounce, at, url, code }: Happening, text: string): Data {
  const reason = text === "" ? code : text;
  switch (type) {
    case "bounced":
      return { bounce: { message: reason, ...bounceNames(bounce) } };
    case "clicked":
      // Providers report who clicked in ways too different to repeat; the fields are the dialect's.
      return {
        click: {
          link: url.slice(0, LINK_MAX),
          timestamp: iso(at),
          ipAddress: "",
          userAgent: "",
          ...(url.length > LINK_MAX ? { cut: true } : {}),
        },
      };
    case "failed":
    case "rejected":
    case "expired":
      return { failed: { reason } };
    case "suppressed":
      return { suppressed: { message: reason, type: code } };
    default:
      return {};
  }
}

function bounceNames(bounce: Bounce | null) {
  if (bounce === null) {
    return { type: "Undetermined", subType: "Undetermined", kind: null, category: null };
  }
  const { kind, category } = bounce;
  const type = kind === "hard" ? "Permanent" : "Transient";
  return { type, subType: SUBTYPES[category] ?? "General", kind, category };
}
