/**
 * Fills the gap of a feed that has stopped from the provider's own records, a few pages a minute,
 * until the events come by themselves again and all that happened before is there. What is known
 * already changes nothing, so asking twice is safe and asking too little is not.
 */
import type { JournalBody } from "../core/custody.ts";
import type { Result } from "../core/result.ts";
import type { FeedEvent, Unanswered } from "../providers/provider.ts";
import { type Classify, journalOf } from "./report.ts";

/** Pages asked of one source in one run: with 300 to 1,000 events each, more than a minute's. */
export const FILL_PAGES_MAX = 10;

/**
 * Asked for again until it is older: Mailgun calls its records complete after half an hour.
 * https://documentation.mailgun.com/docs/mailgun/user-manual/events
 */
export const RECORDS_LAG_MS = 30 * 60_000;

/** The grain of a query's time: a page that ends in the second it began with is passed over. */
const GRAIN_MS = 1_000;

/** A gap that is being filled; times are Unix ms. */
export interface Gap {
  readonly source: string;
  /** The provider's time to go on from; 0: nothing is missing. */
  readonly fillFrom: number;
  /** When events came again, 0: not yet. */
  readonly fillUntil: number;
}

export interface FillDeps {
  readonly now: () => number;
  readonly gaps: () => Promise<readonly Gap[]>;
  /**
   * One page of what a source recorded since a time, oldest first; null when the source is not
   * configured or cannot be asked.
   */
  readonly ask: (
    source: string,
    since: number,
  ) => Promise<Result<readonly FeedEvent[], Unanswered>> | null;
  /** The scope that a message id was made for; null: it is none of ours. */
  readonly accountOf: (event: FeedEvent) => Promise<string | null>;
  readonly classify: Classify;
  readonly journal: (body: JournalBody) => Promise<void>;
  /** `to` 0: the gap is filled. */
  readonly recordFill: (gap: Gap, to: number, foreign: number) => Promise<void>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/** Asks for what is missing of every source, all at a time. Never rejects. */
export async function fillGaps(deps: FillDeps): Promise<void> {
  try {
    const gaps = (await deps.gaps()).filter(({ fillFrom }) => fillFrom > 0);
    await Promise.all(
      gaps.map((gap) =>
        fill(gap, deps).catch((error: unknown) => {
          deps.log("gap_not_filled", { source: gap.source, reason: String(error) });
        }),
      ),
    );
  } catch (error) {
    deps.log("gaps_not_read", { reason: String(error) });
  }
}

async function fill(gap: Gap, deps: FillDeps): Promise<void> {
  const { source } = gap;
  const begun = deps.now();
  let from = gap.fillFrom;
  let done = false;
  let events = 0;
  // Pages overlap: what this run has read already.
  const read = new Set<string>();
  const foreign: number[] = [];
  for (let page = 0; page < FILL_PAGES_MAX && !done; page++) {
    const answer = await deps.ask(source, from);
    // Whoever cannot be asked has nothing to go on with.
    if (answer === null) return deps.recordFill(gap, 0, 0);
    if (!answer.ok) {
      deps.log("gap_not_answered", { source, reason: answer.error.text });
      break;
    }
    const fresh = answer.value.filter((event) => !read.has(keyOf(event)));
    const accounts = await Promise.all(fresh.map(deps.accountOf));
    const known = fresh.flatMap((event, index) => {
      const account = accounts[index] ?? null;
      read.add(keyOf(event));
      if (account === null) foreign.push(event.at);
      return account === null ? [] : [{ ...event, account }];
    });
    // On the journal before the place is noted: broken off in between, it is asked for again.
    const bodies = journalOf({ events: known, unknown: [] }, source, begun, deps.classify);
    for (const body of bodies) await deps.journal({ ...body, asked: true } as JournalBody);
    events += known.length;
    // A provider's clock may be ahead; what it will yet record must not be passed over.
    const last = Math.min(begun, Math.max(0, ...answer.value.map(({ at }) => at)));
    done = answer.value.length === 0;
    if (!done) from = last > from ? last : from + GRAIN_MS;
  }
  // All there is has been read; what the provider has not recorded yet comes in a later run.
  const settled = Math.min(from, begun - RECORDS_LAG_MS);
  const filled = done && gap.fillUntil > 0 && begun - RECORDS_LAG_MS >= gap.fillUntil;
  const to = done ? settled : Math.min(from, begun);
  // What lies beyond is asked for again, and counted then.
  const strangers = foreign.filter((at) => at >= gap.fillFrom && at < to).length;
  await deps.recordFill(gap, filled ? 0 : to, strangers);
  if (events > 0) deps.log("gap_filled", { source, events, foreign: strangers });
}

const keyOf = ({ messageId, address, type, at }: FeedEvent): string =>
  JSON.stringify([messageId, address, type, at]);
