/**
 * What a recorded webhook request should come to and what `receive` makes of it, in words that can
 * be compared. The records are django-anymail's: its verdict, and its normal form of events.
 */

import type { Result } from "../../src/core/result.ts";
import { classify } from "../../src/feedback/classify.ts";
import type { HookKeys, HookReading, HookRefusal, HookRequest } from "../../src/providers/hooks.ts";
import type { FeedEvent } from "../../src/providers/provider.ts";

/** One line of `<provider>_webhooks.jsonl`. */
export interface Recorded {
  readonly test: string;
  readonly query?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly body_encoding: "utf8" | "base64";
  readonly settings: Readonly<Record<string, unknown>>;
  /** Null when it ended in an exception: not a request that its reader was made for. */
  readonly expected_status: number | null;
  readonly expected_events: readonly RecordedEvent[] | null;
}

/** One event in django-anymail's normal form. */
export interface RecordedEvent {
  readonly event_type: string;
  readonly recipient: string | null;
  readonly message_id: string | null;
  readonly event_id: string | null;
  readonly reject_reason: string | null;
  readonly mta_response?: string | null;
}

/** The request as it came. */
export function requestOf({ headers, body, body_encoding }: Recorded): HookRequest {
  const bytes = Uint8Array.from(Buffer.from(body, body_encoding));
  return { headers: new Headers({ ...headers }), body: bytes };
}

/** The secrets in force: one or several of each. */
export function keysOf(settings: Readonly<Record<string, unknown>>): HookKeys {
  const anymail = (settings.ANYMAIL ?? {}) as Readonly<Record<string, unknown>>;
  const all = Object.entries({ ...anymail, ...settings });
  const named = (pattern: RegExp): string[] =>
    all.flatMap(([name, value]) => (pattern.test(name) ? listOf(value) : []));
  const signing = named(/(?:WEBHOOK_SIGNING_KEY|SIGNING_SECRET|VERIFICATION_KEY)$/);
  return {
    basic: listOf(anymail.WEBHOOK_SECRET),
    bearer: [],
    header: null,
    // An account's API key also signs where no other key is set.
    signing: signing.length > 0 ? signing : named(/MAILGUN_API_KEY$/),
    topics: [],
    handles: [],
  };
}

function listOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === "string" ? [value] : [];
}

/** The time at which a request was made, in Unix milliseconds; 0 when it does not say. */
export function timeOf({ headers, body }: Recorded): number {
  const stamp =
    headers["svix-timestamp"] ??
    headers["webhook-timestamp"] ??
    headers["x-twilio-email-event-webhook-timestamp"] ??
    /"timestamp": ?"(\d+)"/.exec(body)?.[1] ??
    /name="?timestamp"?\r\n\r\n(\d+)/.exec(body)?.[1] ??
    /(?:^|&)timestamp=(\d+)/.exec(body)?.[1];
  const seconds = Number(stamp);
  return Number.isFinite(seconds) ? seconds * 1000 : 0;
}

/** Words of the recorded form for what is not an event here: kept as it came, never counted. */
const NOT_EVENTS: ReadonlySet<string> = new Set(["unknown", "subscribed", "autoresponded"]);

/** Here a provider's own list is told from its other refusals. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  rejected: ["rejected", "suppressed", "bounced"],
  bounced: ["bounced", "suppressed"],
};

/**
 * How a reading deviates from what is recorded, one word each; empty when it does not: `verdict`,
 * `count`, `type`, `recipient`, `message_id`, `event_id`, `hard`.
 */
export function deviations(
  { expected_status, expected_events }: Pick<Recorded, "expected_status" | "expected_events">,
  outcome: Result<HookReading, HookRefusal>,
): string[] {
  if (expected_status !== 200) {
    const nothing = expected_status === null && outcome.ok && outcome.value.events.length === 0;
    return outcome.ok && !nothing ? ["verdict"] : [];
  }
  if (!outcome.ok) return [`verdict (${outcome.error.reason})`];
  const wanted = (expected_events ?? []).filter(({ event_type }) => !NOT_EVENTS.has(event_type));
  const { events } = outcome.value;
  if (events.length !== wanted.length) return [`count (${events.length} for ${wanted.length})`];
  return wanted.flatMap((one, index) => {
    const event = events[index];
    return event === undefined ? [] : differences(one, event);
  });
}

function differences(wanted: RecordedEvent, event: FeedEvent): string[] {
  const types = TYPES[wanted.event_type] ?? [wanted.event_type];
  const found: string[] = [];
  if (!types.includes(event.type)) found.push(`type (${event.type} for ${wanted.event_type})`);
  if (differs(wanted.recipient, event.address)) found.push("recipient");
  if (differs(wanted.message_id, event.providerMessageId)) found.push("message_id");
  if (differs(wanted.event_id, event.eventId)) found.push("event_id");
  return [...found, ...hardness(wanted, event)];
}

/** A field that one of both leaves out is not compared; brackets and case do not count. */
function differs(wanted: string | null, told: string | undefined): boolean {
  const bare = (text: string): string => text.toLowerCase().replace(/^<|>$/g, "");
  return (wanted ?? "") !== "" && (told ?? "") !== "" && bare(wanted ?? "") !== bare(told ?? "");
}

/** The recorded form has no hardness: an enhanced code of an absent mailbox stands for it. */
function hardness({ event_type, mta_response }: RecordedEvent, event: FeedEvent): string[] {
  if (event_type !== "bounced") return [];
  const { kind } = classify({ hint: event.bounce, code: event.code, text: event.text });
  const absent = /\b5\.1\.1\b/.test(mta_response ?? "");
  return absent && kind !== "hard" ? [`hard (${kind})`] : [];
}
