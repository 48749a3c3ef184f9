/**
 * The reputation guard, pure: counts of a rolling window -> rates -> a level, and the machine that
 * moves between levels: up at once, down slowly, out of a pause by a probation.
 *
 *   normal - warned - slowed        as the rates say, eased one way only after a while
 *      \________________\___ paused -> probation -> normal
 *                               \________/ a relapse pauses longer
 *
 * Time is an argument, rates are percent, times Unix milliseconds.
 */

/** How freely mail goes; `paused` and what comes of it are of scopes that may be paused only. */
export const GUARD_LEVELS = ["normal", "warned", "slowed", "paused", "probation"] as const;

export type GuardLevel = (typeof GUARD_LEVELS)[number];

/** Recipients by what has been true of them, of one scope and window. */
export interface ReputationCounts {
  /** Accepted by a provider; whom we suppressed was never sent to. */
  readonly sent: number;
  readonly delivered: number;
  readonly hard: number;
  readonly soft: number;
  readonly block: number;
  /** Accepted by the provider, which then kept it back because of its own list. */
  readonly withheld: number;
  /** Of those sent, the ones at sites that report complaints. */
  readonly reporting: number;
  /** Of the reporting ones, those whose mail came back. */
  readonly returned: number;
  /** Complaints from sites that report them. */
  readonly complained: number;
  /** Complaints from elsewhere: shown, and part of no rate. */
  readonly complainedOther: number;
}

export interface GuardThresholds {
  readonly warn: number;
  readonly slow: number;
  readonly pause: number;
}

export interface GuardPolicy {
  readonly windowMs: number;
  /** Recipients sent to below which a rate of bounces says nothing. */
  readonly minimumSent: number;
  /** Recipients reached at reporting sites below which a rate of complaints says nothing. */
  readonly minimumReached: number;
  readonly bounces: GuardThresholds;
  readonly complaints: GuardThresholds;
  /** Without leave to pause, what would pause slows. */
  readonly mayPause: boolean;
  /** The first pause; each relapse doubles it, up to the longest. */
  readonly pauseMs: number;
  readonly pauseMaxMs: number;
  /** Recipients sent to in probation that end it when they are well. */
  readonly probationSamples: number;
}

export type GuardCause = "bounces" | "complaints";

export interface GuardState {
  readonly level: GuardLevel;
  /** When the level was reached. */
  readonly at: number;
  /** The end of a pause, else 0. */
  readonly until: number;
  /** Mail sent before this counts no more: a pause has answered for it. */
  readonly since: number;
  /** Pauses in a row. */
  readonly strikes: number;
  /** When the last pause began. */
  readonly struckAt: number;
  /** What the level is because of. */
  readonly cause: GuardCause | null;
}

/** `cleared` ends a warning; `resumed` a pause, a probation or slowness. */
export type GuardMove = "warned" | "slowed" | "paused" | "resumed" | "cleared";

/** Rates in percent; null where there are too few samples to say. */
export interface GuardRates {
  readonly bounces: number | null;
  readonly complaints: number | null;
}

/** What nothing is known of. */
export const UNGUARDED: GuardState = {
  level: "normal",
  at: 0,
  until: 0,
  since: 0,
  strikes: 0,
  struckAt: 0,
  cause: null,
};

/** The grain of what is counted. */
export const BUCKET_MS = 3_600_000;

/** The start of the bucket that a time is in. */
export const bucketOf = (at: number): number => Math.floor(at / BUCKET_MS) * BUCKET_MS;

/**
 * A level is let go of only when the rate is below this part of what it takes to reach it, so that
 * a rate that wavers about a threshold moves nothing.
 */
export const RELEASE = 0.8;

/** Down at once, up slowly: a level is eased no sooner (Momentum: up at most once in 3,600 s). */
export const DWELL_MS = 3_600_000;

/** Fewer bad answers than this are an accident, whatever the rate. */
export const HARM_MIN = 3;

/** Seven good days are what Gmail asks for; then pauses are forgotten, and a probation is over. */
export const GOOD_DAYS_MS = 7 * 24 * 3_600_000;

/** How often a level that mail or time may ease is looked at. */
const LOOK_MS = 5 * 60_000;

const SEVERITY = { normal: 0, warned: 1, slowed: 2, paused: 3 } as const;
type Judged = keyof typeof SEVERITY;

/** Recipients the mail of the scope was tried on: what bounces are counted over. */
export const triedOf = (counts: ReputationCounts): number =>
  Math.max(0, counts.sent - counts.withheld);

/**
 * Recipients at reporting sites whose mail did not come back: what complaints are counted over. So
 * it holds too where a provider is not asked to report deliveries.
 */
export const reachedOf = (counts: ReputationCounts): number =>
  Math.max(0, counts.reporting - counts.returned);

const percent = (harm: number, of: number, minimum: number): number | null =>
  of < minimum || of <= 0 ? null : (100 * harm) / of;

/** The rates that the counts give; null below the minimum of samples. */
export const ratesOf = (counts: ReputationCounts, policy: GuardPolicy): GuardRates => ({
  bounces: percent(counts.hard, triedOf(counts), policy.minimumSent),
  complaints: percent(counts.complained, reachedOf(counts), policy.minimumReached),
});

function levelAt(rate: number | null, harm: number, thresholds: GuardThresholds, part: number) {
  if (rate === null || harm < HARM_MIN) return "normal";
  if (rate >= thresholds.pause * part) return "paused";
  if (rate >= thresholds.slow * part) return "slowed";
  return rate >= thresholds.warn * part ? "warned" : "normal";
}

/** The worse of what bounces and complaints ask for, by thresholds times `part`. */
function judge(
  counts: ReputationCounts,
  policy: GuardPolicy,
  part: number,
): { level: Judged; cause: GuardCause | null } {
  const rates = ratesOf(counts, policy);
  const bounces: Judged = levelAt(rates.bounces, counts.hard, policy.bounces, part);
  const complaints: Judged = levelAt(rates.complaints, counts.complained, policy.complaints, part);
  const worse = SEVERITY[complaints] > SEVERITY[bounces];
  const level = worse ? complaints : bounces;
  const capped = level === "paused" && !policy.mayPause ? "slowed" : level;
  const cause = level === "normal" ? null : worse ? "complaints" : "bounces";
  return { level: capped, cause };
}

/** What an evaluation comes to; `move` is null when nothing changes, and `state` the same then. */
export interface GuardVerdict {
  readonly state: GuardState;
  readonly move: GuardMove | null;
}

/**
 * What the counts and the time make of a state. `counts` are of mail sent in the window and after
 * `state.since`.
 */
export function evaluate(
  state: GuardState,
  counts: ReputationCounts,
  policy: GuardPolicy,
  now: number,
): GuardVerdict {
  const stay: GuardVerdict = { state, move: null };
  if (state.level === "paused") return now >= state.until ? lift(state, now) : stay;
  const judged = judge(counts, policy, 1);
  if (state.level === "probation") {
    // On trial the bar is lower: what would slow others is a relapse.
    if (SEVERITY[judged.level] >= SEVERITY.slowed) return pause(state, judged.cause, policy, now);
    const over = isTrialOver(state, counts, policy, now);
    return over ? move(state, "normal", null, "resumed", now) : stay;
  }
  const { level } = state;
  if (SEVERITY[judged.level] > SEVERITY[level]) {
    if (judged.level === "paused") return pause(state, judged.cause, policy, now);
    const raised = judged.level === "slowed" ? "slowed" : "warned";
    return move(state, judged.level, judged.cause, raised, now);
  }
  const held = judge(counts, policy, RELEASE);
  if (SEVERITY[held.level] >= SEVERITY[level] || now - state.at < DWELL_MS) return stay;
  return move(state, held.level, held.cause, level === "slowed" ? "resumed" : "cleared", now);
}

/** Ends a pause before its time or at it: what is sent from now on is on trial. */
export function lift(state: GuardState, now: number): GuardVerdict {
  if (state.level !== "paused") return { state, move: null };
  // The bucket in which the pause began holds what it was for.
  const since = Math.max(bucketOf(now), bucketOf(state.at) + BUCKET_MS);
  const next = { ...state, level: "probation" as const, at: now, until: 0, since };
  return { state: next, move: "resumed" };
}

function pause(
  state: GuardState,
  cause: GuardCause | null,
  policy: GuardPolicy,
  now: number,
): GuardVerdict {
  const strikes = strikesAt(state, now) + 1;
  // A doubling beyond the longest pause changes nothing.
  const length = Math.min(policy.pauseMs * 2 ** Math.min(strikes - 1, 30), policy.pauseMaxMs);
  const next = { ...state, level: "paused" as const, at: now, until: now + length, cause };
  return { state: { ...next, strikes, struckAt: now }, move: "paused" };
}

const strikesAt = (state: GuardState, now: number): number =>
  now - state.struckAt > GOOD_DAYS_MS ? 0 : state.strikes;

function move(
  state: GuardState,
  level: GuardLevel,
  cause: GuardCause | null,
  kind: GuardMove,
  now: number,
): GuardVerdict {
  return { state: { ...state, level, cause, at: now, until: 0 }, move: kind };
}

/** Bounces come within minutes and complaints within hours, so a trial has a shortest time too. */
function isTrialOver(
  state: GuardState,
  counts: ReputationCounts,
  policy: GuardPolicy,
  now: number,
): boolean {
  const lasted = now - state.at;
  if (lasted >= GOOD_DAYS_MS) return true;
  if (lasted < DWELL_MS || triedOf(counts) < policy.probationSamples) return false;
  // Mail that nobody could complain of proves nothing; but there may be no other.
  const heard = reachedOf(counts) >= policy.minimumReached || lasted >= policy.windowMs;
  return state.cause !== "complaints" || heard;
}

/** When a state is to be looked at without being asked; at that time a normal one is forgotten. */
export function nextLook(state: GuardState, now: number): number {
  if (state.level === "paused") return state.until;
  return state.level === "normal"
    ? Math.max(state.at, state.struckAt) + GOOD_DAYS_MS
    : now + LOOK_MS;
}

/** Nothing about it is worth keeping any more. */
export const isForgotten = (state: GuardState, now: number): boolean =>
  state.level === "normal" && now >= nextLook(state, now);
