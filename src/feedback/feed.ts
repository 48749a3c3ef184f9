/** What one batch of the journal says of each source's feed; see core/feed. */
import type { JournalBody } from "../core/custody.ts";
import type { Happening, ProviderEvent } from "../core/events.ts";
import type { FeedObservation } from "../core/feed.ts";

/** A journal message with what providers reported. */
export interface Report {
  /** The queue's id of the message, the same whenever it comes again. */
  readonly id: string;
  /** When it was put on the queue, Unix ms: when the events came in. */
  readonly arrivedAt: number;
  readonly body: Extract<JournalBody, { readonly kind: "events" }>;
}

/** What is known of a batch once its messages have been looked up. */
export interface FeedFacts {
  readonly reports: readonly Report[];
  /** Of those, our own outcomes of type `sent` are the sends of a source. */
  readonly happenings: readonly Happening[];
  /** Events that are given up: no message of ours has them. */
  readonly foreign: readonly ProviderEvent[];
}

type Draft = { -readonly [Field in keyof FeedObservation]: FeedObservation[Field] };

/**
 * One observation per source that the batch has anything of. Test mail is left out: it reaches
 * sandboxes only, and says nothing of a provider's webhook. So are events that were asked for or
 * have come in before (`tries`): neither is a sign that the webhook works.
 *
 * @param isTest whether an account's scope is test state
 */
export function observationsOf(
  facts: FeedFacts,
  isTest: (account: string) => boolean,
): FeedObservation[] {
  const drafts = new Map<string, Draft>();
  const of = (source: string): Draft => {
    const known = drafts.get(source) ?? emptyDraft(source);
    drafts.set(source, known);
    return known;
  };
  for (const { ours, type, account, source, at } of facts.happenings) {
    if (!ours || type !== "sent" || source === "" || isTest(account)) continue;
    const draft = of(source);
    draft.sentAt = Math.max(draft.sentAt, at);
    draft.firstSentAt = draft.firstSentAt === 0 ? at : Math.min(draft.firstSentAt, at);
  }
  for (const report of facts.reports) arrivals(report, of, isTest);
  for (const { source, account } of facts.foreign) {
    if (source !== "" && !isTest(account)) of(source).foreign += 1;
  }
  return [...drafts.values()];
}

function arrivals(
  { id, arrivedAt, body }: Report,
  of: (source: string) => Draft,
  isTest: (account: string) => boolean,
): void {
  if (body.asked === true || (body.tries ?? 0) > 0) return;
  for (const { source, account, at } of body.events) {
    if (source === "" || isTest(account)) continue;
    const draft = of(source);
    draft.events += 1;
    draft.arrivedAt = Math.max(draft.arrivedAt, arrivedAt);
    // A provider's clock may be ahead; what it will yet report must not be passed over.
    draft.reportedAt = Math.max(draft.reportedAt, Math.min(at, arrivedAt));
  }
  const { source = "", events = [] } = body.unknown ?? {};
  if (source === "" || events.length === 0) return;
  const draft = of(source);
  draft.arrivedAt = Math.max(draft.arrivedAt, arrivedAt);
  draft.unknown = [...draft.unknown, { id, count: events.length }];
}

const emptyDraft = (source: string): Draft => ({
  source,
  firstSentAt: 0,
  sentAt: 0,
  arrivedAt: 0,
  reportedAt: 0,
  events: 0,
  foreign: 0,
  unknown: [],
});
