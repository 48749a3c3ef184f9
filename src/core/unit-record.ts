/**
 * One accepted unit (a message with a state per recipient) as the Outbox stores it, and the two
 * moves that every change is made of: something happens to recipients, and the unit takes a step.
 */
import type { Backoff } from "./backoff.ts";
import {
  type EventType,
  mergeFacts,
  mergeTimelines,
  STATE_OF_EVENT,
  STATES,
  type State,
  type TimelineEntry,
} from "./delivery-state.ts";

export type Phase = "waiting" | "claimed" | "held" | "closed";
export type OnUnknown = "retry" | "hold";

export interface UnitRecipient {
  readonly state: State;
  readonly at: number;
  readonly code: string;
  readonly text: string;
}

export interface Attempt {
  /** Proof of the claim: an outcome with another token changes nothing. */
  readonly token: string;
  readonly source: string;
  /** How long the source recognises the same idempotency key, milliseconds; 0 when it does not. */
  readonly deduplicatesForMs: number;
  readonly startedAt: number;
  /** The key of the call it shares with others, where a repeat is recognised by it; else empty. */
  readonly batch: string;
}

export interface UnitRecord {
  readonly phase: Phase;
  /** When this wants attention: next try, end of the lease, end of the hold. Unix ms. */
  readonly due: number;
  readonly expires: number;
  readonly rev: number;
  readonly onUnknown: OnUnknown;
  readonly graceMs: number;
  readonly recipients: readonly UnitRecipient[];
  /** Attempts that reached a provider, or may have. */
  readonly attempts: number;
  /** Failures in a row before acceptance, for the backoff. */
  readonly failures: number;
  readonly current: Attempt | null;
  /**
   * The first attempt that may have been accepted: it freezes recipients, bytes and source. Of a
   * call that is repeated as it was, also the one that settled this part of it.
   */
  readonly frozen: { readonly attempt: Attempt; readonly recipients: readonly number[] } | null;
  readonly ambiguities: number;
  readonly providerMessageId: string;
  /** The source of the last attempt, empty before the first. */
  readonly source: string;
  readonly timeline: readonly TimelineEntry[];
}

/** What an attempt came to, as far as custody is concerned. */
export type Settlement =
  | {
      readonly kind: "accepted";
      readonly providerMessageId: string;
      readonly refused: readonly {
        readonly no: number;
        /** Refused for now only. */
        readonly retryable?: boolean;
        readonly code: string;
        readonly text: string;
      }[];
    }
  | { readonly kind: "throttled"; readonly retryAfterMs: number; readonly text: string }
  | {
      readonly kind: "rejected";
      readonly suppressed: boolean;
      readonly code: string;
      readonly text: string;
    }
  | {
      readonly kind: "failed";
      readonly retryable: boolean;
      readonly code: string;
      readonly text: string;
    }
  | { readonly kind: "ambiguous"; readonly reason: string };

/**
 * The code of a failure that was another message's fault: the call they shared was refused whole,
 * so nothing of it was accepted, and each is tried alone.
 */
export const BATCH_REFUSED = "batch_refused";

/** Tries after a provider's failure before acceptance: soon at first, then every few minutes. */
export const FAILURE_BACKOFF: Backoff = { firstMs: 1_000, maxMs: 300_000 };

/** A deduplicating source is asked again soon: the repeat is the way to learn what happened. */
export const AMBIGUOUS_BACKOFF: Backoff = { firstMs: 1_000, maxMs: 60_000 };

/** How long a held unknown waits for an event: providers report for up to three days. */
export const HOLD_MS = 72 * 3_600_000;

/** The last part of a source's window is not used: clocks differ and the request takes time. */
export const WINDOW_MARGIN_MS = 60_000;

/**
 * A send starts only while its lease outlasts its time limit by this much (or as much again, if
 * shorter).
 */
const LEASE_MARGIN_MS = 2_000;

/** What must be left of a lease, in milliseconds, when a send with this time limit starts. */
export const leaseNeededMs = (timeLimitMs: number): number =>
  timeLimitMs + Math.min(LEASE_MARGIN_MS, timeLimitMs);

/** States that no attempt changes any more. */
export const FINAL: ReadonlySet<State> = new Set(
  STATES.filter((state) => state !== "pending" && state !== "unknown"),
);

/** Numbers of the recipients an attempt still has to reach. */
export function outstanding(unit: UnitRecord): number[] {
  const numbers: number[] = [];
  unit.recipients.forEach((recipient, no) => {
    if (!FINAL.has(recipient.state)) numbers.push(no);
  });
  return numbers;
}

/** What a timeline entry says besides what and when. */
export type Detail = Partial<Omit<TimelineEntry, "at" | "type" | "no">>;

/** An event befalls recipients: their states merge with it and the timeline has it. */
export function happen(
  unit: UnitRecord,
  type: EventType,
  numbers: readonly number[],
  at: number,
  detail: Detail = {},
): UnitRecord {
  const touched = new Set(numbers);
  const fact = {
    state: STATE_OF_EVENT[type],
    at,
    code: detail.code ?? "",
    text: detail.text ?? "",
  };
  const recipients = unit.recipients.map((recipient, no) =>
    touched.has(no) ? { ...recipient, ...mergeFacts(recipient, fact) } : recipient,
  );
  if (type === "waiting" && repeats(unit.timeline.at(-1), detail)) return { ...unit, recipients };
  const all = numbers.length === unit.recipients.length;
  const entries: TimelineEntry[] = all
    ? [{ at, type, ...detail }]
    : numbers.map((no) => ({ at, type, no, ...detail }));
  return { ...unit, recipients, timeline: mergeTimelines(unit.timeline, entries) };
}

/** A wait that goes on for the same reason is one line of the timeline. */
const repeats = (last: TimelineEntry | undefined, detail: Detail): boolean =>
  last?.type === "waiting" && last.code === detail.code;

/**
 * Closes when every recipient is final, else takes `next`; every change has a revision of its own.
 */
export function step(unit: UnitRecord, next: Pick<UnitRecord, "phase" | "due">): UnitRecord {
  const closed = outstanding(unit).length === 0;
  return {
    ...unit,
    ...next,
    ...(closed ? { phase: "closed" as const, due: 0 } : {}),
    current: next.phase === "claimed" && !closed ? unit.current : null,
    rev: unit.rev + 1,
  };
}

/** Waits for an event: what may have been accepted is not tried again. */
export function hold(unit: UnitRecord, now: number, code: string, detail: Detail): UnitRecord {
  const next = happen(unit, "unknown", outstanding(unit), now, { ...detail, code });
  return step(next, { phase: "held", due: now + HOLD_MS });
}
