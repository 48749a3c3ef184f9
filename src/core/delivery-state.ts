/**
 * The states of a recipient and how two facts about one merge. The merge takes the higher rank, so
 * it is commutative, associative and idempotent: outcomes of our own and events of a provider may
 * come in any order and any number of times.
 */

import { compareText } from "./text-order.ts";

/**
 * In order of rank: a later one is the better informed. A provider may refuse what it has accepted
 * (`failed`, `suppressed` after `sent`), and a bounce after a delivery is real.
 */
export const STATES = [
  "pending",
  "unknown",
  "cancelled",
  "expired",
  "sent",
  "failed",
  "suppressed",
  "delivered",
  "bounced",
] as const;

export type State = (typeof STATES)[number];

/** What can happen to a message, ours and every provider's, in one vocabulary. */
export const EVENT_TYPES = [
  "accepted",
  "waiting",
  /** The provider has it in its own queue. */
  "queued",
  "sent",
  "delivered",
  "deferred",
  "bounced",
  "complained",
  "opened",
  "clicked",
  "unsubscribed",
  "suppressed",
  /** The provider refused it after it had accepted the call. */
  "rejected",
  "failed",
  "expired",
  "cancelled",
  "unknown",
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/**
 * The state that an event proves. A deferral proves acceptance by the provider, and who complains,
 * reads or unsubscribes has the mail.
 */
export const STATE_OF_EVENT: Readonly<Record<EventType, State>> = {
  accepted: "pending",
  waiting: "pending",
  queued: "sent",
  sent: "sent",
  delivered: "delivered",
  deferred: "sent",
  bounced: "bounced",
  complained: "delivered",
  opened: "delivered",
  clicked: "delivered",
  unsubscribed: "delivered",
  suppressed: "suppressed",
  rejected: "failed",
  failed: "failed",
  expired: "expired",
  cancelled: "cancelled",
  unknown: "unknown",
};

/** 0 for `pending` up to 8 for `bounced`. */
export function rankOf(state: State): number {
  return STATES.indexOf(state);
}

/** A state with the time it was reached (Unix ms) and why. */
export interface StateFact {
  readonly state: State;
  readonly at: number;
  readonly code: string;
  readonly text: string;
}

/**
 * Merges two facts about one recipient: higher rank, then earlier time, then the smaller code and
 * text, so that the result never depends on the order of arrival.
 */
export function mergeFacts(a: StateFact, b: StateFact): StateFact {
  const byRank = rankOf(a.state) - rankOf(b.state);
  if (byRank !== 0) return byRank > 0 ? a : b;
  const order = a.at - b.at || compareText(a.code, b.code) || compareText(a.text, b.text);
  return order <= 0 ? a : b;
}

/**
 * One line of a message's timeline. `no` is the recipient's number, absent when it concerns all.
 */
export interface TimelineEntry {
  readonly at: number;
  readonly type: EventType;
  readonly no?: number;
  readonly attempt?: number;
  readonly source?: string;
  readonly code?: string;
  readonly text?: string;
  /** Of a bounce: its kind and category, as `hard/recipient`. */
  readonly bounce?: string;
}

/**
 * Entries kept of one timeline: enough for any real journey, small enough for a row of a few KB.
 */
export const TIMELINE_MAX = 64;

/**
 * The entry as the text that is compared and stored: fixed key order, so that the same event is
 * the same string wherever it was written.
 */
export function timelineText(entry: TimelineEntry): string {
  const { at, type, no, attempt, source, code, text, bounce } = entry;
  return JSON.stringify({ at, type, no, attempt, source, code, text, bounce });
}

const byTimeThenText = (a: TimelineEntry, b: TimelineEntry): number => {
  if (a.at !== b.at) return a.at - b.at;
  return compareText(timelineText(a), timelineText(b));
};

/** What a long wait repeats; it gives way first when a timeline is full. */
export const REPEATING: ReadonlySet<EventType> = new Set(["waiting", "deferred", "unknown"]);

const byWorth = (a: TimelineEntry, b: TimelineEntry): number =>
  Number(REPEATING.has(a.type)) - Number(REPEATING.has(b.type)) || byTimeThenText(a, b);

/**
 * The union of two timelines, oldest first, each event once. `TIMELINE_MAX` entries are kept: the
 * first of a total order, so that the result does not depend on the order of merging.
 */
export function mergeTimelines(
  a: readonly TimelineEntry[],
  b: readonly TimelineEntry[],
): TimelineEntry[] {
  const seen = new Map<string, TimelineEntry>();
  for (const entry of [...a, ...b]) seen.set(timelineText(entry), entry);
  const kept = [...seen.values()];
  if (kept.length > TIMELINE_MAX) kept.sort(byWorth).length = TIMELINE_MAX;
  return kept.sort(byTimeThenText);
}
