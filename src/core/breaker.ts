/**
 * A circuit breaker (Nygard, Release It!): what keeps failing is left alone for a while, then tried
 * with one call. The state is plain data that the caller keeps; time is an argument.
 *
 *   closed --too many failures--> open --pause over--> half_open (one trial) --> closed, or open
 */

/** When a breaker opens, and for how long. */
export interface BreakerLimits {
  /** Outcomes count for this long, milliseconds; in steps of a tenth, so up to one step less. */
  readonly windowMs: number;
  /** It opens at this many failures within the window, 1 or more. */
  readonly failures: number;
  /** And only if they are this share of the outcomes within it, 0 to 1; 0: the number decides. */
  readonly rate: number;
  /** The first pause, milliseconds. It doubles with every trial that fails, up to `pauseMaxMs`. */
  readonly pauseMs: number;
  readonly pauseMaxMs: number;
  /**
   * A trial that has not told its outcome after so long is given up, and the next call is one:
   * whoever made it may be gone. To be above the longest call, milliseconds.
   */
  readonly trialMs: number;
}

/** Outcomes of one step of the window. */
interface Step {
  readonly no: number;
  readonly ok: number;
  readonly failed: number;
}

export type BreakerPhase = "closed" | "open" | "half_open";

/** What the caller keeps. JSON can hold it. */
export interface BreakerState {
  readonly phase: BreakerPhase;
  /** Rises with every change of phase and every trial: an outcome counts in its own era only. */
  readonly era: number;
  /** Unix ms. Open: the pause is over; half open: the trial is given up; closed: 0. */
  readonly until: number;
  /** How many times it has opened since it was last closed. */
  readonly trips: number;
  /** Oldest first, at most `STEPS`; empty unless closed. */
  readonly steps: readonly Step[];
}

/** How a breaker begins. */
export const BREAKER_CLOSED: BreakerState = {
  phase: "closed",
  era: 0,
  until: 0,
  trips: 0,
  steps: [],
};

/** `void`: the call says nothing about whether the other side works. */
export type BreakerOutcome = "ok" | "failed" | "void";

/** `permit` goes back to `breakerSettle`. `retryAfterMs`: whole milliseconds, 1 or more. */
export type BreakerAdmission =
  | { readonly allowed: true; readonly state: BreakerState; readonly permit: number }
  | { readonly allowed: false; readonly state: BreakerState; readonly retryAfterMs: number };

/**
 * Steps of the window: outcomes are forgotten a tenth of it too early at worst, and the state stays
 * below a kilobyte however many calls there are.
 */
const STEPS = 10;

/** Beyond this many doublings every pause is the longest one. */
const DOUBLINGS_MAX = 30;

/** Whether a call would be admitted now. Changes nothing, so that a trial is not used up. */
export function breakerAllows(state: BreakerState, now: number): boolean {
  return state.phase === "closed" || now >= state.until;
}

/**
 * Admits a call, or says when to come back. After a pause the first one admitted is the trial, and
 * no other is until it has settled.
 *
 * A clock that is set back by d delays a trial by up to d.
 */
export function breakerAdmit(
  limits: BreakerLimits,
  state: BreakerState,
  now: number,
): BreakerAdmission {
  if (state.phase === "closed") return { allowed: true, state, permit: state.era };
  if (!breakerAllows(state, now)) {
    return { allowed: false, state, retryAfterMs: Math.max(1, Math.ceil(state.until - now)) };
  }
  const permit = state.era + 1;
  const trial: BreakerState = {
    phase: "half_open",
    era: permit,
    until: now + limits.trialMs,
    trips: state.trips,
    steps: [],
  };
  return { allowed: true, state: trial, permit };
}

/**
 * Takes the outcome of an admitted call; each permit is settled once. An outcome from before the
 * last change of phase is about another time, and changes nothing.
 */
export function breakerSettle(
  limits: BreakerLimits,
  state: BreakerState,
  permit: number,
  outcome: BreakerOutcome,
  now: number,
): BreakerState {
  if (permit !== state.era) return state;
  if (state.phase === "closed") {
    if (outcome === "void") return state;
    const steps = stepsWith(limits, state.steps, outcome, now);
    return outcome === "failed" && isTooMuch(limits, steps)
      ? opened(limits, state, now)
      : { ...state, steps };
  }
  if (outcome === "ok") return { ...BREAKER_CLOSED, era: state.era + 1 };
  if (outcome === "failed") return opened(limits, state, now);
  // The trial has tried nothing: the next call is another one.
  return { ...state, phase: "open", era: state.era + 1, until: now };
}

function opened(limits: BreakerLimits, state: BreakerState, now: number): BreakerState {
  const pauseMs = limits.pauseMs * 2 ** Math.min(state.trips, DOUBLINGS_MAX);
  return {
    phase: "open",
    era: state.era + 1,
    until: now + Math.min(pauseMs, limits.pauseMaxMs),
    trips: state.trips + 1,
    steps: [],
  };
}

/** The window's steps with one outcome more. */
function stepsWith(
  limits: BreakerLimits,
  steps: readonly Step[],
  outcome: "ok" | "failed",
  now: number,
): Step[] {
  const last = steps.at(-1);
  // A clock that is set back stays in the newest step, so that steps are in order.
  const no = Math.max(Math.floor((now * STEPS) / limits.windowMs), last?.no ?? 0);
  const kept = steps.filter((step) => step.no > no - STEPS && step.no < no);
  const { ok, failed } = last?.no === no ? last : { ok: 0, failed: 0 };
  kept.push(outcome === "ok" ? { no, ok: ok + 1, failed } : { no, ok, failed: failed + 1 });
  return kept;
}

function isTooMuch(limits: BreakerLimits, steps: readonly Step[]): boolean {
  let failed = 0;
  let all = 0;
  for (const step of steps) {
    failed += step.failed;
    all += step.ok + step.failed;
  }
  return failed >= limits.failures && failed >= limits.rate * all;
}
