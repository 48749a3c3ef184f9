/**
 * What has ever been true of a recipient, as bits of one number: merging is OR, so any order and
 * any repetition end alike, and what is counted is counted when its bit appears.
 */
import type { BounceKind } from "./bounce.ts";
import type { EventType } from "./delivery-state.ts";

export const MARK = {
  /** A provider accepted it. */
  sent: 1,
  delivered: 2,
  hard: 4,
  soft: 8,
  block: 16,
  complained: 32,
  unsubscribed: 64,
  opened: 128,
  clicked: 256,
  deferred: 512,
  /** The provider kept it back because of its own list. */
  withheld: 1024,
} as const;

export type Mark = keyof typeof MARK;

const OF_EVENT: Partial<Record<EventType, number>> = {
  queued: MARK.sent,
  sent: MARK.sent,
  deferred: MARK.sent | MARK.deferred,
  delivered: MARK.sent | MARK.delivered,
  bounced: MARK.sent,
  complained: MARK.sent | MARK.delivered | MARK.complained,
  opened: MARK.sent | MARK.delivered | MARK.opened,
  clicked: MARK.sent | MARK.delivered | MARK.clicked,
  unsubscribed: MARK.sent | MARK.delivered | MARK.unsubscribed,
  suppressed: MARK.withheld,
};

/** The marks that an event leaves; `kind` is that of a bounce. */
export function marksOf(type: EventType, kind: BounceKind | null): number {
  return (OF_EVENT[type] ?? 0) | (kind === null || type !== "bounced" ? 0 : MARK[kind]);
}
