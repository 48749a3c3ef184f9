/**
 * From what a provider says to what the journal carries: bounces are classified from the whole
 * text, the text is freed of addresses, and the raw event is kept where somebody may want it.
 */
import type { Bounce, BounceHint } from "../core/bounce.ts";
import { type JournalBody, jsonBytes } from "../core/custody.ts";
import type { EventType } from "../core/delivery-state.ts";
import type { ProviderEvent, UnknownEvent } from "../core/events.ts";
import { redact } from "../core/redact.ts";
import type { HookReading } from "../providers/hooks.ts";
import type { FeedEvent } from "../providers/provider.ts";

/** Understands a bounce; see feedback/classify. */
export type Classify = (said: {
  readonly hint: BounceHint | undefined;
  readonly code: string;
  readonly text: string;
}) => Bounce;

/** Characters of an event's raw form: a bounce with its diagnostics has 2 KB. */
const RAW_MAX = 4_096;
/** Characters of a code; RFC 3463's have at most 9, a provider's word may be longer. */
const CODE_MAX = 64;
/** Characters of what was clicked. */
const URL_MAX = 2_048;
/** Ids of a provider's; the longest known have 110. */
const ID_MAX = 256;
/** A local part, an at and a domain: RFC 5321 section 4.5.3.1.3. */
const ADDRESS_MAX = 320;

/** Routine, and many: what they say is in the timeline and the counters. */
const ROUTINE: ReadonlySet<EventType> = new Set([
  "queued",
  "sent",
  "delivered",
  "opened",
  "clicked",
]);

/**
 * A provider's time is believed up to this far ahead of ours: its clock is not ours, and a time in
 * the far future would stay the newest for ever.
 */
const AHEAD_MAX_MS = 300_000;

/** One event as the journal carries it. `now` stands in where the provider tells no time. */
export function reported(
  event: FeedEvent,
  source: string,
  now: number,
  classify: Classify,
): ProviderEvent {
  const { type, code, text, bounce: hint, url = "", raw } = event;
  const at = event.at > 0 && event.at <= now + AHEAD_MAX_MS ? Math.floor(event.at) : now;
  const rawText = ROUTINE.has(type) || raw === undefined ? "" : JSON.stringify(raw);
  return {
    account: (event.account ?? "").slice(0, ID_MAX),
    messageId: event.messageId.slice(0, ID_MAX),
    recipientNo: null,
    address: event.address.slice(0, ADDRESS_MAX),
    ...(event.providerMessageId
      ? { providerMessageId: event.providerMessageId.slice(0, ID_MAX) }
      : {}),
    source,
    type,
    at,
    code: code.slice(0, CODE_MAX),
    text: redact(text, []),
    ...(type === "bounced" ? { bounce: classify({ hint, code, text }) } : {}),
    ...(url === "" ? {} : { url: url.slice(0, URL_MAX) }),
    ...(rawText === "" ? {} : { raw: rawText.slice(0, RAW_MAX) }),
  };
}

/** Bytes of one journal message: a queue takes 128 KB, and the frame takes some. */
const MESSAGE_MAX_BYTES = 100_000;

/** What a reading becomes on the journal: as few messages as hold it, none for an empty one. */
export function journalOf(
  { events, unknown }: Pick<HookReading, "events" | "unknown">,
  source: string,
  now: number,
  classify: Classify,
): JournalBody[] {
  const told = events.map((event) => reported(event, source, now, classify));
  const strange = unknown.map(({ type, raw }) => ({
    type: type.slice(0, CODE_MAX),
    raw: (JSON.stringify(raw) ?? "").slice(0, RAW_MAX),
  }));
  return [
    ...portions(told).map((all): JournalBody => ({ v: 1, kind: "events", events: all })),
    ...portions(strange).map(
      (all: readonly UnknownEvent[]): JournalBody => ({
        v: 1,
        kind: "events",
        events: [],
        unknown: { source, events: all },
      }),
    ),
  ];
}

function portions<T>(all: readonly T[]): T[][] {
  const closed: T[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const one of all) {
    const bytes = jsonBytes(one) + 1;
    if (size + bytes > MESSAGE_MAX_BYTES) {
      closed.push([]);
      size = 0;
    }
    closed.at(-1)?.push(one);
    size += bytes;
  }
  return closed;
}
