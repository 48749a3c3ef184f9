/**
 * Reading the journal: from a message's body to what of it is to be recorded. Events first have to
 * find their message.
 */
import { type Backoff, backoffMs } from "../core/backoff.ts";
import { BOUNCE_KINDS } from "../core/bounce.ts";
import type { Head, JournalBody } from "../core/custody.ts";
import { STATE_OF_EVENT } from "../core/delivery-state.ts";
import type { Happening, ProviderEvent, RawEvent } from "../core/events.ts";
import { fnv64 } from "../core/fnv.ts";
import { type RecipientRow, rowOfEvent, rowsOfUnit } from "../core/recipient-row.ts";
import type { Endpoint } from "../core/webhook.ts";
import type { Report } from "./feed.ts";
import { happeningOf, happeningsOfUnit } from "./happenings.ts";
import type { JournalDeps, JournalMessage } from "./ports.ts";
import { type Context, contextOf, type Resolution, type Resolved, resolve } from "./resolve.ts";

/** A database that is down is asked again soon at first, then every five minutes. */
const OUTAGE_BACKOFF: Backoff = { firstMs: 2_000, maxMs: 300_000 };

/**
 * Events of a message that nobody knows come back after these waits: recording takes seconds, an
 * outage of the journal maybe hours. Then they are kept for people to look at.
 */
const ORPHAN_WAITS_S = [10, 60, 600, 3_600, 21_600];

/**
 * Events of our own links come back this often. Their message was accepted long ago: it is not yet
 * to be found only for the moment in which it goes over from its Outbox to the database, and an old
 * one is gone for good.
 */
const LINK_TRIES = 1;

/** A message of the journal, with what of it is to be recorded. */
export interface Read {
  readonly message: JournalMessage;
  readonly body: JournalBody;
  readonly rows: readonly RecipientRow[];
  readonly happenings: readonly Happening[];
  readonly raws: readonly RawEvent[];
  readonly reports: readonly Report[];
  readonly foreign: readonly ProviderEvent[];
  /** Unsubscriptions by links of messages that nobody has; see `departuresOf`. */
  readonly departures: readonly ProviderEvent[];
  /** Events of messages that nobody has: `keep` sees to them once the rest is recorded. */
  readonly lost: readonly ProviderEvent[];
  /** The messages of outcomes: their events need not ask for them. */
  readonly contexts: readonly Context[];
}

type Body<Kind extends JournalBody["kind"]> = Extract<JournalBody, { kind: Kind }>;
type Events = Body<"events">;

/** An outcome that could not be settled directly. */
export type Settle = Body<"settle">;

/** A message with events whose messages are yet to be found. */
export interface Told {
  readonly message: JournalMessage;
  readonly body: Events;
}

const SHAPES: Readonly<Record<JournalBody["kind"], "units" | "events" | "settlements">> = {
  units: "units",
  events: "events",
  settle: "settlements",
};

/** The body of a journal message, null when it is none. */
export function readBody(value: unknown): JournalBody | null {
  const body = value as (JournalBody & Record<string, unknown>) | null;
  if (body?.v !== 1 || !Object.hasOwn(SHAPES, body.kind)) return null;
  const items: unknown = body[SHAPES[body.kind]];
  if (!Array.isArray(items)) return null;
  return body.kind !== "events" || items.every(isEvent) ? body : null;
}

function isEvent(value: unknown): value is ProviderEvent {
  const event = value as Partial<ProviderEvent> | null;
  const texts = [event?.account, event?.messageId, event?.source, event?.code, event?.text];
  const others = [event?.address, event?.providerMessageId, event?.url, event?.raw];
  const bounce = event?.bounce;
  return (
    texts.every((text) => typeof text === "string") &&
    others.every((text) => text === undefined || typeof text === "string") &&
    (bounce === undefined || BOUNCE_KINDS.includes(bounce.kind)) &&
    Number.isFinite(event?.at) &&
    Object.hasOwn(STATE_OF_EVENT, event?.type ?? "") &&
    (event?.recipientNo === null || Number.isInteger(event?.recipientNo))
  );
}

/** Outcomes of an Outbox; null when they cannot be read. */
export function readUnits(
  message: JournalMessage,
  body: Body<"units">,
  deps: JournalDeps,
): Read | null {
  const { account, units } = body;
  try {
    const rows = units.flatMap((unit) => rowsOfUnit(account, unit, deps.isAnonymous));
    const happenings = units.flatMap((unit) => happeningsOfUnit(account, unit));
    const contexts = units.map(({ id, head }) => contextOf(account, id, JSON.parse(head) as Head));
    const none = { raws: [], reports: [], foreign: [], departures: [], lost: [] };
    return { message, body, rows, happenings, ...none, contexts };
  } catch {
    return null;
  }
}

/** What a batch's events have become. */
interface Found {
  readonly reads: readonly Read[];
  /** Those of every account that the batch is about. */
  readonly endpoints: readonly Endpoint[];
}

/**
 * Finds whose events they are, and who is to be told. A message with an event of which that cannot
 * be known now is put off. Null when the database does not answer.
 */
export async function readEvents(
  told: readonly Told[],
  known: readonly Context[],
  deps: JournalDeps,
): Promise<Found | null> {
  let resolution: Resolution;
  try {
    resolution = await resolve(
      told.flatMap(({ body }) => body.events),
      known,
      deps,
    );
  } catch (error) {
    deps.log("resolve_failed", { reason: String(error), messages: told.length });
    for (const { message } of told) later(message, deps);
    return null;
  }
  const isReached = ({ body }: Told): boolean =>
    !body.events.some((event) => resolution.unreached.has(event));
  for (const one of told) if (!isReached(one)) later(one.message, deps);
  const reads = told.filter(isReached).map((one) => readOne(one, resolution));
  return { reads, endpoints: resolution.endpoints };
}

function readOne({ message, body }: Told, { resolved, orphans, foreign }: Resolution): Read {
  const known = body.events.flatMap((event) => resolved.get(event) ?? []);
  return {
    message,
    body: { ...body, events: known.map(({ event }) => event) },
    rows: known.map(({ event, no }) => rowOfEvent(event, no)),
    happenings: known.map(happeningOf),
    raws: known.flatMap(rawOf),
    reports: [{ id: message.id, arrivedAt: message.timestamp.getTime(), body }],
    foreign: body.events.filter((event) => foreign.has(event)),
    departures: body.events.filter((event) => event.left !== undefined && !resolved.has(event)),
    lost: body.events.filter((event) => orphans.has(event)),
    contexts: [],
  };
}

/**
 * Sees to what cannot be recorded now: orphans wait, strangers are kept as they came. Rejects when
 * they cannot be kept.
 */
export async function keep({ body, lost }: Read, deps: JournalDeps): Promise<void> {
  if (body.kind !== "events") return;
  const { unknown, tries = 0, asked } = body;
  if (unknown !== undefined && unknown.events.length > 0) {
    await deps.keepAside("unknown", unknown, "of a type that no table has");
    deps.log("unknown_events", { source: unknown.source, count: unknown.events.length });
  }
  const orphans = lost.filter((event) => event.source !== "" || tries < LINK_TRIES);
  if (orphans.length === 0) return;
  const wait = ORPHAN_WAITS_S[tries];
  if (wait === undefined) {
    await deps.keepAside("orphans", orphans, "of a message that nobody knows");
    deps.log("orphans_kept", { count: orphans.length });
  } else {
    const again = { v: 1, kind: "events", events: orphans, tries: tries + 1 } as const;
    await deps.journalLater(asked === true ? { ...again, asked } : again, wait);
  }
}

function rawOf({ event, no }: Resolved): RawEvent[] {
  const { account, messageId, source, type, at, raw } = event;
  if (raw === undefined) return [];
  return [{ account, messageId, id: fnv64(`${no} ${type} ${raw}`), no, source, type, at, raw }];
}

/** Puts a message off, longer each time. */
export function later(message: JournalMessage, deps: JournalDeps): void {
  const spread = (deps.now() % 1_000) / 1_000;
  const waitMs = backoffMs(OUTAGE_BACKOFF, message.attempts, spread);
  message.retry({ delaySeconds: Math.ceil(waitMs / 1_000) });
}
