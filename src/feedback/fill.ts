/**
 * Fills the gap of a feed that has stopped from the provider's own records, a few pages a minute,
 * until the events come by themselves again and all that happened before is there. What is known
 * already changes nothing, so asking twice is safe and asking too little is not.
 */
import type { Bounce, BounceHint } from "../core/bounce.ts";
import { type JournalBody, jsonBytes } from "../core/custody.ts";
import type { ProviderEvent } from "../core/events.ts";
import type { Result } from "../core/result.ts";
import type { FeedEvent, Unanswered } from "../providers/provider.ts";

/** Pages asked of one source in one run: with 300 to 1,000 events each, more than a minute's. */
export const FILL_PAGES_MAX = 10;

/**
 * Asked for again until it is older: Mailgun calls its records complete after half an hour.
 * https://documentation.mailgun.com/docs/mailgun/user-manual/events
 */
export const RECORDS_LAG_MS = 30 * 60_000;

/** The grain of a query's time: a page that ends in the second it began with is passed over. */
const GRAIN_MS = 1_000;

/** Bytes of events in one message: a queue takes 128 KB, with its own words around them. */
const BODY_MAX_BYTES = 100_000;

/** Characters of an event's text: a reply of a server is rarely longer. */
const TEXT_MAX = 500;

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
   * One page of what a source recorded since a time, oldest first, texts without addresses; null
   * when the source is not configured or cannot be asked.
   */
  readonly ask: (
    source: string,
    since: number,
  ) => Promise<Result<readonly FeedEvent[], Unanswered>> | null;
  /** The scope that a message id was made for; null: it is none of ours. */
  readonly accountOf: (event: FeedEvent) => Promise<string | null>;
  readonly classify: (told: {
    readonly hint: BounceHint;
    readonly code: string;
    readonly text: string;
  }) => Bounce;
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
  let foreign = 0;
  for (let page = 0; page < FILL_PAGES_MAX && !done; page++) {
    const answer = await deps.ask(source, from);
    // Whoever cannot be asked has nothing to go on with.
    if (answer === null) return deps.recordFill(gap, 0, foreign);
    if (!answer.ok) {
      deps.log("gap_not_answered", { source, reason: answer.error.text });
      break;
    }
    const read = await Promise.all(answer.value.map((event) => ours(source, event, deps)));
    const known = read.filter((event) => event !== null);
    // On the journal before the place is noted: broken off in between, it is asked for again.
    await toJournal(known, deps);
    events += known.length;
    foreign += read.length - known.length;
    const last = answer.value.reduce((newest, { at }) => Math.max(newest, at), 0);
    done = answer.value.length === 0;
    if (!done) from = last > from ? last : from + GRAIN_MS;
  }
  // All there is has been read; what the provider has not recorded yet comes in a later run.
  const settled = Math.max(gap.fillFrom, Math.min(from, begun - RECORDS_LAG_MS));
  const filled = done && gap.fillUntil > 0 && begun - RECORDS_LAG_MS >= gap.fillUntil;
  await deps.recordFill(gap, filled ? 0 : done ? settled : from, foreign);
  if (events + foreign > 0) deps.log("gap_filled", { source, events, foreign });
}

async function ours(
  source: string,
  event: FeedEvent,
  deps: FillDeps,
): Promise<ProviderEvent | null> {
  const account = await deps.accountOf(event);
  if (account === null) return null;
  const { messageId, address, providerMessageId, type, at, code, bounce, url } = event;
  const text = event.text.slice(0, TEXT_MAX);
  return {
    account,
    messageId,
    recipientNo: null,
    address,
    ...(providerMessageId === undefined ? {} : { providerMessageId }),
    source,
    type,
    at,
    code,
    text,
    ...(type === "bounced" ? { bounce: deps.classify({ hint: bounce ?? {}, code, text }) } : {}),
    ...(url === undefined ? {} : { url }),
  };
}

async function toJournal(events: readonly ProviderEvent[], deps: FillDeps): Promise<void> {
  let open: ProviderEvent[] = [];
  let bytes = 0;
  const send = () => deps.journal({ v: 1, kind: "events", events: open, asked: true });
  for (const event of events) {
    const size = jsonBytes(event);
    if (open.length > 0 && bytes + size > BODY_MAX_BYTES) {
      await send();
      open = [];
      bytes = 0;
    }
    open.push(event);
    bytes += size;
  }
  if (open.length > 0) await send();
}
