/** What the guard and the watchdog did, as events for the accounts' webhooks. */
import { type GuardAction, readScope } from "../core/guard.ts";
import type { GuardMove } from "../core/reputation.ts";
import type { OutEvent } from "../core/webhook.ts";
import { announce } from "./webhooks-out/announce.ts";
import { systemEvent } from "./webhooks-out/events.ts";
import type { AnnounceDeps } from "./webhooks-out/ports.ts";

/** What each move is called; what eases step by step resumes. */
const WORDS: Readonly<Record<GuardMove, "warned" | "slowed" | "paused" | "resumed">> = {
  warned: "warned",
  slowed: "slowed",
  paused: "paused",
  resumed: "resumed",
  cleared: "resumed",
};

/**
 * The events of the guard's actions, the same however often they are told. A stream's are its
 * account's; a source is everybody's.
 *
 * @param accounts every account's scope
 */
export async function guardEvents(
  actions: readonly GuardAction[],
  accounts: readonly string[],
): Promise<OutEvent[]> {
  const events = actions.map(async (action): Promise<OutEvent[]> => {
    const scope = readScope(action.scope);
    if (scope === null) return [];
    const { kind, at, rev, bounceRate, complaintRate, sent, hard, complained, by } = action;
    const word = WORDS[kind];
    const figures = {
      ...(bounceRate === null ? {} : { bounce_percent: bounceRate }),
      ...(complaintRate === null ? {} : { complaint_percent: complaintRate }),
      sent,
      hard_bounces: hard,
      complaints: complained,
    };
    const reason = `${action.cause ?? by}: ${action.from} to ${action.to}`;
    const until = action.until > 0 ? { until: new Date(action.until).toISOString() } : {};
    const about = (account: string) => ({ account, at, key: `${action.scope}/${rev}` });
    if (scope.kind === "stream") {
      const { stream, domain } = scope;
      const data = { stream, domain, reason, figures, ...until };
      return [await systemEvent(`stream.${word}`, about(scope.account), data)];
    }
    // Its figures are of everybody's mail, and nobody else's business.
    const data = { source: scope.source, reason, ...until };
    return Promise.all(
      accounts.map((account) => systemEvent(`source.${word}`, about(account), data)),
    );
  });
  return (await Promise.all(events)).flat();
}

/** A change of a source's feed, as the watchdog tells it. */
export interface FeedNotice {
  readonly id: string;
  readonly source: string;
  readonly kind: "feed_stopped" | "feed_resumed";
  readonly since: number;
  readonly usualGapMs: number;
}

/** The events of the watchdog's actions, for every account. */
export async function feedEvents(
  actions: readonly FeedNotice[],
  accounts: readonly string[],
  now: number,
): Promise<OutEvent[]> {
  const events = actions.flatMap(({ id, source, kind, since, usualGapMs }) =>
    accounts.map((account) =>
      systemEvent(
        `source.${kind}`,
        { account, at: since > 0 ? since : now, key: id },
        {
          source,
          last_event_at: since > 0 ? new Date(since).toISOString() : null,
          usual_gap_ms: usualGapMs,
        },
      ),
    ),
  );
  return Promise.all(events);
}

/** Passes the watchdog's actions on to the accounts' webhooks. */
export const feedTeller =
  (webhooks: AnnounceDeps, accounts: readonly string[]) =>
  async (actions: readonly FeedNotice[]): Promise<void> => {
    await announce(await feedEvents(actions, accounts, webhooks.now()), webhooks);
  };
