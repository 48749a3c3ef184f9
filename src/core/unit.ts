/**
 * How one accepted unit changes: pure functions from a record and what happened to a new record.
 * The Outbox stores the record; nothing here reads a clock.
 *
 * waiting -> claimed -> waiting (throttled, failed for now, ambiguous and worth another try)
 *                    -> held    (ambiguous: only an event of the provider or time can settle it)
 *                    -> closed  (every recipient has a final state; the journal may take it over)
 */
import { backoffMs } from "./backoff.ts";
import { type EventType, mergeFacts, type State } from "./delivery-state.ts";
import {
  AMBIGUOUS_BACKOFF,
  type Attempt,
  BATCH_REFUSED,
  FAILURE_BACKOFF,
  FINAL,
  HOLD_MS,
  happen,
  hold,
  type OnUnknown,
  outstanding,
  type Settlement,
  step,
  type UnitRecord,
  WINDOW_MARGIN_MS,
} from "./unit-record.ts";

export * from "./unit-record.ts";

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
  // Others of a shared call may have to repeat it with the bytes of this one, whose fate stays the
  // same by it. Not so a failure of the source: what ended by that could be taken the next time.
  const shared = attempt.batch === "" ? null : { attempt, recipients: numbers };
  const ended = { ...unit, frozen: unit.frozen ?? shared };
  switch (outcome.kind) {
    case "accepted": {
      const refused = new Set(outcome.refused.map((one) => one.no));
      const { providerMessageId } = outcome;
      let next: UnitRecord = { ...ended, providerMessageId, failures: 0 };
      let again = false;
      for (const { no, code, text, retryable } of outcome.refused) {
        const type = refusalOf(unit, attempt, code, retryable);
        again ||= type === "waiting";
        next = happen(next, type, [no], now, { ...detail, code, text });
      }
      const sent = numbers.filter((no) => !refused.has(no));
      next = happen(next, "sent", sent, now, detail);
      if (again) {
        const failures = unit.failures + 1;
        const due = now + backoffMs(FAILURE_BACKOFF, failures, random);
        return step({ ...next, failures, frozen: null, ambiguities: 0 }, { phase: "waiting", due });
      }
      // Only what an earlier attempt may have reached can be open still.
      return step(next, { phase: "held", due: now + HOLD_MS });
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
      const next = happen(ended, type, numbers, now, {
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
        const known = code === BATCH_REFUSED && attempt.deduplicatesForMs > 0;
        // Under a key that is recognised, a refusal says that it was never accepted.
        const free = known ? { frozen: null, ambiguities: 0 } : {};
        const next = happen({ ...unit, failures, ...free }, "waiting", numbers, now, {
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

/** A recipient that an accepted call leaves out. */
function refusalOf(unit: UnitRecord, attempt: Attempt, code: string, retryable = false): EventType {
  if (unresolved(unit, attempt)) return "unknown";
  if (retryable) return "waiting";
  return code === "suppressed" ? "suppressed" : "failed";
}

/** A refusal says nothing of an earlier attempt that its source does not recognise. */
function unresolved({ ambiguities, frozen }: UnitRecord, attempt: Attempt): boolean {
  const isRecognised = attempt.deduplicatesForMs > 0 && frozen?.attempt.deduplicatesForMs !== 0;
  return ambiguities > 0 && !isRecognised;
}

/** A reason of one word is a code already; a sentence is a provider's or an adapter's own. */
const WORD = /^[a-z0-9_]{1,64}$/;

/** The code of an attempt that may have been accepted; its text says why that is not known. */
const UNCLEAR_ANSWER = "unclear_answer";

function ambiguous(
  unit: UnitRecord,
  attempt: Attempt,
  reason: string,
  now: number,
  random: number,
): UnitRecord {
  const numbers = unit.frozen?.recipients ?? outstanding(unit);
  const told = WORD.test(reason) ? { code: reason } : { code: UNCLEAR_ANSWER, text: reason };
  const detail = { attempt: unit.attempts, source: attempt.source, ...told };
  const ambiguities = unit.ambiguities + 1;
  const frozen = unit.frozen ?? { attempt, recipients: numbers };
  const next = happen({ ...unit, ambiguities, frozen }, "unknown", numbers, now, detail);
  const held = { phase: "held" as const, due: now + HOLD_MS };
  if (unit.onUnknown === "hold") return step(next, held);
  if (attempt.deduplicatesForMs > 0) {
    const due = now + backoffMs(AMBIGUOUS_BACKOFF, ambiguities, random);
    return step(next, due < windowEndOf(frozen.attempt) ? { phase: "waiting", due } : held);
  }
  if (ambiguities > 1) return step(next, held);
  return step(next, { phase: "waiting", due: now + unit.graceMs });
}

/** Up to when a repeat of this attempt is recognised as one. */
const windowEndOf = ({ startedAt, deduplicatesForMs }: Attempt): number =>
  startedAt + deduplicatesForMs - WINDOW_MARGIN_MS;

/**
 * Time passed: a lease that ran out may mean accepted; what waits too long has expired unless it
 * may have been accepted; a hold that ends closes as unknown, with its reason on the timeline.
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
  const first = unit.phase === "waiting" ? unit.frozen?.attempt : undefined;
  if (first !== undefined && first.deduplicatesForMs > 0 && now >= windowEndOf(first)) {
    return hold(unit, now, "window_over", {});
  }
  return unit;
}

/**
 * A provider's event about recipient `no` proves that the call was accepted: the others of the
 * same call were accepted with it. An event on a running attempt only adds to what its outcome
 * will say.
 */
export function observe(
  unit: UnitRecord,
  no: number,
  fact: { state: State; at: number },
): UnitRecord {
  if (unit.frozen === null || !FINAL.has(fact.state)) return unit;
  const open = new Set(outstanding(unit));
  const others = unit.frozen.recipients.filter((other) => other !== no && open.has(other));
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
