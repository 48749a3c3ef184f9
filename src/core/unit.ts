/**
 * One accepted unit (a message with a state per recipient) and how it changes: pure functions from a
 * record and what happened to a new record. The Outbox stores the record; nothing here reads a clock.
 *
 * waiting -> claimed -> waiting (throttled, failed for now, ambiguous and worth another try)
 *                    -> held    (ambiguous: only an event of the provider or time can settle it)
 *                    -> closed  (every recipient has a final state; the journal may take it over)
 */
import { type Backoff, backoffMs } from "./backoff.ts";
import {
  type EventType,
  mergeFacts,
  mergeTimelines,
  STATE_OF_EVENT,
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
  /** The first attempt that may have been accepted: it freezes recipients, bytes and source. */
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

/** Tries after a provider's failure before acceptance: soon at first, then every few minutes. */
export const FAILURE_BACKOFF: Backoff = { firstMs: 1_000, maxMs: 300_000 };

/** A deduplicating source is asked again soon: the repeat is the way to learn what happened. */
export const AMBIGUOUS_BACKOFF: Backoff = { firstMs: 1_000, maxMs: 60_000 };

/** How long a held unknown waits for an event: providers report for up to three days. */
export const HOLD_MS = 72 * 3_600_000;

/** The last part of a source's window is not used: clocks differ and the request takes time. */
const WINDOW_MARGIN_MS = 60_000;

/** A send starts only while its lease outlasts its time limit by this much (or as much again, if shorter). */
const LEASE_MARGIN_MS = 2_000;

/** What must be left of a lease, in milliseconds, when a send with this time limit starts. */
export const leaseNeededMs = (timeLimitMs: number): number =>
  timeLimitMs + Math.min(LEASE_MARGIN_MS, timeLimitMs);

const FINAL: ReadonlySet<State> = new Set([
  "cancelled",
  "expired",
  "failed",
  "suppressed",
  "sent",
  "delivered",
  "bounced",
]);

/** A unit as it is accepted at `now`, with `count` recipients. */
export function accept(
  count: number,
  terms: { readonly expires: number; readonly onUnknown: OnUnknown; readonly graceMs: number },
  now: number,
): UnitRecord {
  return {
    phase: "waiting",
    due: now,
    ...terms,
    rev: 1,
    recipients: Array.from({ length: count }, () => ({
      state: "pending" as const,
      at: now,
      code: "",
      text: "",
    })),
    attempts: 0,
    failures: 0,
    current: null,
    frozen: null,
    ambiguities: 0,
    providerMessageId: "",
    source: "",
    timeline: [{ at: now, type: "accepted" }],
  };
}

/** Numbers of the recipients an attempt still has to reach. */
export function outstanding(unit: UnitRecord): number[] {
  const numbers: number[] = [];
  unit.recipients.forEach((recipient, no) => {
    if (!FINAL.has(recipient.state)) numbers.push(no);
  });
  return numbers;
}

type Detail = Partial<Omit<TimelineEntry, "at" | "type" | "no">>;

function happen(
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

/** Closes when every recipient is final, else takes `next`; every change has a revision of its own. */
function step(unit: UnitRecord, next: Pick<UnitRecord, "phase" | "due">): UnitRecord {
  const closed = outstanding(unit).length === 0;
  return {
    ...unit,
    ...next,
    ...(closed ? { phase: "closed" as const, due: 0 } : {}),
    current: next.phase === "claimed" && !closed ? unit.current : null,
    rev: unit.rev + 1,
  };
}

/** Leaves out recipients that must not be written to; closes the unit when none is left. */
export function suppress(
  unit: UnitRecord,
  refused: readonly { readonly no: number; readonly code: string }[],
  now: number,
): UnitRecord {
  let next = unit;
  for (const { no, code } of refused) {
    next = happen(next, "suppressed", [no], now, { code });
  }
  return step(next, { phase: unit.phase, due: unit.due });
}

/** Starts an attempt under a lease that ends at `leaseUntil`. Only for a unit that waits. */
export function claim(unit: UnitRecord, attempt: Attempt, leaseUntil: number): UnitRecord {
  return step(
    { ...unit, attempts: unit.attempts + 1, current: attempt, source: attempt.source },
    { phase: "claimed", due: leaseUntil },
  );
}

/** Gives a claim back that was certainly not sent. */
export function release(unit: UnitRecord, notBefore: number): UnitRecord {
  return step({ ...unit, attempts: unit.attempts - 1 }, { phase: "waiting", due: notBefore });
}

/** States the outcome of the running attempt. `random` in [0, 1) spreads retries. */
export function settle(
  unit: UnitRecord,
  outcome: Settlement,
  now: number,
  random: number,
): UnitRecord {
  const attempt = unit.current;
  if (attempt === null) return unit;
  const numbers = unit.frozen?.recipients ?? outstanding(unit);
  const detail = { attempt: unit.attempts, source: attempt.source };
  switch (outcome.kind) {
    case "accepted": {
      const refused = new Set(outcome.refused.map((one) => one.no));
      let next: UnitRecord = { ...unit, providerMessageId: outcome.providerMessageId, failures: 0 };
      for (const { no, code, text } of outcome.refused) {
        const type = code === "suppressed" ? "suppressed" : "failed";
        next = happen(next, type, [no], now, { ...detail, code, text });
      }
      const sent = numbers.filter((no) => !refused.has(no));
      return step(happen(next, "sent", sent, now, detail), { phase: "waiting", due: now });
    }
    case "throttled": {
      const next = happen(unit, "waiting", numbers, now, {
        ...detail,
        code: "throttled",
        text: outcome.text,
      });
      return step(next, { phase: "waiting", due: now + outcome.retryAfterMs });
    }
    case "rejected": {
      if (unresolved(unit, attempt)) return hold(unit, now, outcome.code, detail);
      const type = outcome.suppressed ? "suppressed" : "failed";
      const next = happen(unit, type, numbers, now, {
        ...detail,
        code: outcome.code,
        text: outcome.text,
      });
      return step(next, { phase: "waiting", due: now });
    }
    case "failed": {
      const { code, text } = outcome;
      if (outcome.retryable) {
        const failures = unit.failures + 1;
        const next = happen({ ...unit, failures }, "waiting", numbers, now, {
          ...detail,
          code,
          text,
        });
        const due = now + backoffMs(FAILURE_BACKOFF, failures, random);
        return step(next, { phase: "waiting", due });
      }
      if (unresolved(unit, attempt)) return hold(unit, now, code, detail);
      const next = happen(unit, "failed", numbers, now, { ...detail, code, text });
      return step(next, { phase: "waiting", due: now });
    }
    case "ambiguous":
      return ambiguous(unit, attempt, outcome.reason, now, random);
  }
}

/** A refusal says nothing of an earlier attempt that may have been accepted elsewhere. */
function unresolved(unit: UnitRecord, attempt: Attempt): boolean {
  return unit.ambiguities > 0 && attempt.deduplicatesForMs === 0;
}

function hold(unit: UnitRecord, now: number, code: string, detail: Detail): UnitRecord {
  const next = happen(unit, "unknown", outstanding(unit), now, { ...detail, code });
  return step(next, { phase: "held", due: now + HOLD_MS });
}

function ambiguous(
  unit: UnitRecord,
  attempt: Attempt,
  reason: string,
  now: number,
  random: number,
): UnitRecord {
  const numbers = unit.frozen?.recipients ?? outstanding(unit);
  const detail = { attempt: unit.attempts, source: attempt.source, code: reason };
  const ambiguities = unit.ambiguities + 1;
  const frozen = unit.frozen ?? { attempt, recipients: numbers };
  const next = happen({ ...unit, ambiguities, frozen }, "unknown", numbers, now, detail);
  const held = { phase: "held" as const, due: now + HOLD_MS };
  if (unit.onUnknown === "hold") return step(next, held);
  if (attempt.deduplicatesForMs > 0) {
    const due = now + backoffMs(AMBIGUOUS_BACKOFF, ambiguities, random);
    const windowEnd =
      frozen.attempt.startedAt + frozen.attempt.deduplicatesForMs - WINDOW_MARGIN_MS;
    return step(next, due < windowEnd ? { phase: "waiting", due } : held);
  }
  if (ambiguities > 1) return step(next, held);
  return step(next, { phase: "waiting", due: now + unit.graceMs });
}

/**
 * Time passed: a lease that ran out may mean accepted; what waits too long has expired unless it may have
 * been accepted; a hold that ends closes as unknown, with its reason on the timeline.
 */
export function lapse(unit: UnitRecord, now: number, random: number): UnitRecord {
  if (unit.phase === "claimed" && unit.current !== null && now >= unit.due) {
    return ambiguous(unit, unit.current, "lease_ran_out", now, random);
  }
  if (unit.phase === "held" && now >= unit.due) {
    const next = happen(unit, "unknown", outstanding(unit), now, { code: "hold_ended" });
    return { ...next, phase: "closed", due: 0, current: null, rev: unit.rev + 1 };
  }
  if (unit.phase === "waiting" && now >= unit.expires) {
    if (unit.ambiguities > 0) return hold(unit, now, "expired_while_unknown", {});
    const next = happen(unit, "expired", outstanding(unit), now);
    return step(next, { phase: "waiting", due: now });
  }
  return unit;
}

/**
 * A provider's event about recipient `no` proves that the call was accepted: the others of the same call
 * were accepted with it. An event on a running attempt only adds to what its outcome will say.
 */
export function observe(
  unit: UnitRecord,
  no: number,
  fact: { state: State; at: number },
): UnitRecord {
  if (unit.frozen === null || !FINAL.has(fact.state)) return unit;
  const others = unit.frozen.recipients.filter((other) => other !== no);
  let next = happen(unit, "sent", others, fact.at, { code: "proved_by_event" });
  const recipients = next.recipients.map((recipient, index) =>
    index === no
      ? { ...recipient, ...mergeFacts(recipient, { ...fact, code: "", text: "" }) }
      : recipient,
  );
  next = { ...next, recipients };
  if (unit.phase === "claimed" && outstanding(next).length > 0) return next;
  return step(next, { phase: unit.phase, due: unit.due });
}
