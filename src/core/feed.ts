/**
 * Whether a source's events still come. A feed has stopped when sends go on and none of them has
 * been followed by any event for much longer than is usual for that source.
 *
 * The usual gap is the time from the first send that no event has followed to the next event: a
 * night without sends has no such send, so it counts for nothing. The longest gap is kept, fading
 * by half in `GAP_HALF_LIFE_MS` of use, and no single gap counts for more than twice what was
 * usual: an outage, however long, does not teach the watchdog to be patient.
 *
 * All is maxima and two times of our own, so that batches may be observed in any order and again:
 * see `observe` for the one thing that is not exact. store/feeds.ts does the same in SQL.
 */

/** What is known of one source's feed. Times are Unix ms, 0: never. */
export interface FeedState {
  readonly source: string;
  /** The newest send, by our clock. */
  readonly sentAt: number;
  /** When the newest event came in, by our clock. */
  readonly arrivedAt: number;
  /** The newest time that an event told of itself, by the provider's clock. */
  readonly reportedAt: number;
  /** The first send that no event has followed; 0 when an event came after every send. */
  readonly openAt: number;
  /** When that send was recorded: patience is counted from here, not from before a backlog. */
  readonly noticedAt: number;
  /** When a send was recorded that was made after `noticedAt`: sends go on. */
  readonly againAt: number;
  readonly usualGapMs: number;
  /** When an event last told of a gap. */
  readonly usualAt: number;
  /** Events taken in; one of a batch that is handled twice is counted twice. */
  readonly events: number;
  /** Events of types that no table has. */
  readonly unknown: number;
  /** Events of mail that is not ours, counted like `events`. */
  readonly foreign: number;
  /** The last event before the alarm, 0 while there is none. */
  readonly stoppedSince: number;
}

/** What one batch of the journal says of one source. Times as in `FeedState`. */
export interface FeedObservation {
  readonly source: string;
  readonly firstSentAt: number;
  readonly sentAt: number;
  readonly arrivedAt: number;
  readonly reportedAt: number;
  readonly events: number;
  readonly foreign: number;
  /** Per message of the journal: its id, so that it is counted once, and how many it has. */
  readonly unknown: readonly { readonly id: string; readonly count: number }[];
}

/** When an alarm is due. */
export interface FeedPolicy {
  /** No alarm earlier than this. */
  readonly floorMs: number;
  /** How many usual gaps are too long. */
  readonly factor: number;
}

/** A feed that has stopped: since its last event, and what was usual before. */
export interface FeedStopped {
  readonly stoppedSince: number;
  readonly usualGapMs: number;
}

/** A gap counts for twice what was usual, or for this much where less was: an event is prompt. */
export const GAP_FIRST_MAX_MS = 5 * 60_000;
/** Long enough that a week's slowest days are remembered, short enough to follow a change. */
export const GAP_HALF_LIFE_MS = 3 * 24 * 3_600_000;
/** Between two gaps no more than this counts for fading: a month without sends is not in use. */
export const GAP_FADE_MAX_MS = 24 * 3_600_000;

/** A source of which nothing has been seen. */
export const freshFeed = (source: string): FeedState => ({
  source,
  sentAt: 0,
  arrivedAt: 0,
  reportedAt: 0,
  openAt: 0,
  noticedAt: 0,
  againAt: 0,
  usualGapMs: 0,
  usualAt: 0,
  events: 0,
  unknown: 0,
  foreign: 0,
  stoppedSince: 0,
});

/**
 * The state after one more batch, recorded at `at` (Unix ms, our clock). The newest times end alike
 * in any order; `openAt` is exact in order of time, else it lies between the first send without
 * an event and the newest one, so that a wrong order delays an alarm and never raises one. Repeats
 * of an unknown event's message are the store's to leave out.
 */
export function observe(state: FeedState, seen: FeedObservation, at: number): FeedState {
  const sentAt = Math.max(state.sentAt, seen.sentAt);
  const arrivedAt = Math.max(state.arrivedAt, seen.arrivedAt);
  const answered = state.openAt > 0 && state.openAt <= arrivedAt;
  const kept = state.openAt > arrivedAt;
  const openAt = sentAt <= arrivedAt ? 0 : openOf(state, seen, sentAt, arrivedAt);
  const noticedAt = openAt === 0 ? 0 : kept ? state.noticedAt : at;
  const goesOn = kept && sentAt > state.noticedAt;
  const againAt = openAt === 0 || !kept ? 0 : state.againAt || (goesOn ? at : 0);
  return {
    ...state,
    sentAt,
    arrivedAt,
    reportedAt: Math.max(state.reportedAt, seen.reportedAt),
    openAt,
    noticedAt,
    againAt,
    usualGapMs: answered ? learn(state, arrivedAt) : state.usualGapMs,
    usualAt: answered ? arrivedAt : state.usualAt,
    events: state.events + seen.events,
    unknown: state.unknown + seen.unknown.reduce((sum, { count }) => sum + count, 0),
    foreign: state.foreign + seen.foreign,
  };
}

function openOf(state: FeedState, seen: FeedObservation, sentAt: number, arrivedAt: number) {
  const first = [seen.firstSentAt, seen.sentAt, sentAt].find((time) => time > arrivedAt) ?? sentAt;
  return state.openAt > arrivedAt ? Math.min(state.openAt, first) : first;
}

function learn(state: FeedState, arrivedAt: number): number {
  const gapMs = arrivedAt - state.openAt;
  const ageMs = Math.min(Math.max(arrivedAt - state.usualAt, 0), GAP_FADE_MAX_MS);
  const faded = state.usualGapMs * 2 ** (-ageMs / GAP_HALF_LIFE_MS);
  return Math.max(faded, Math.min(gapMs, Math.max(2 * state.usualGapMs, GAP_FIRST_MAX_MS)));
}

/** How long sends may go on without an event before it is an alarm, in milliseconds. */
export const patienceMs = (state: FeedState, policy: FeedPolicy): number =>
  Math.max(policy.floorMs, policy.factor * state.usualGapMs);

/**
 * How a feed is at `now`. Stopped: two sends, the second made after the first was seen to be
 * without an event, have both waited longer than `patienceMs`; a single slow recipient is no sign.
 * Never: there are sends and there was never an event, so no webhook is set up, or the provider
 * reports nothing.
 */
export function check(
  state: FeedState,
  now: number,
  policy: FeedPolicy,
): "ok" | "never" | FeedStopped {
  if (state.arrivedAt === 0) return state.sentAt === 0 ? "ok" : "never";
  if (state.openAt === 0 || state.againAt === 0) return "ok";
  if (now - state.againAt <= patienceMs(state, policy)) return "ok";
  return { stoppedSince: state.arrivedAt, usualGapMs: state.usualGapMs };
}
