/**
 * What happenings imply, as values: what one transaction writes besides the rows themselves. The
 * same for the same happenings, so that a repeated batch changes nothing.
 */
import type { Happening, ProviderEvent } from "../core/events.ts";
import type { EvidenceItem } from "../core/evidence.ts";
import type { FeedObservation } from "../core/feed.ts";
import type { Tally } from "../core/guard.ts";
import { foldChanges, type SuppressionChange } from "../core/suppression.ts";
import type { Endpoint, NewDelivery } from "../core/webhook.ts";
import { type EvidenceDeps, evidenceOf } from "./evidence.ts";
import { observationsOf, type Report } from "./feed.ts";
import { talliesOf } from "./reputation.ts";
import { departuresOf, suppressionsOf } from "./suppress.ts";
import { addedEvents } from "./suppression-events.ts";
import { deliveriesOf } from "./webhooks-out/deliveries.ts";
import { eventsOf } from "./webhooks-out/events.ts";

/** What one batch says. */
export interface Said {
  readonly happenings: readonly Happening[];
  readonly reports: readonly Report[];
  /** Events of mail that did not leave here. */
  readonly foreign: readonly ProviderEvent[];
  /** Unsubscriptions by links of messages that nobody has. */
  readonly departures: readonly ProviderEvent[];
}

export interface EffectDeps extends EvidenceDeps {
  readonly now: () => number;
}

/** Everything that is derived from one batch. */
export interface Effects {
  readonly suppressions: readonly SuppressionChange[];
  readonly tallies: readonly Tally[];
  readonly evidence: readonly EvidenceItem[];
  readonly feeds: readonly FeedObservation[];
  readonly deliveries: readonly NewDelivery[];
}

/** Derives the effects of one batch; `endpoints` are those of its accounts. */
export async function effectsOf(
  said: Said,
  endpoints: readonly Endpoint[],
  deps: EffectDeps,
): Promise<Effects> {
  const { happenings } = said;
  // Payloads are only made for accounts that have somebody to tell.
  const accounts = new Set(endpoints.map(({ account }) => account));
  const told = happenings.filter(({ account }) => accounts.has(account));
  const suppressions = suppressionsOf(happenings);
  // Each alone: what an event is called must not depend on what came in the same batch.
  const added = told.flatMap((one) => suppressionsOf([one]));
  const events = [...(await eventsOf(told)), ...(await addedEvents(added))];
  return {
    // Without an address a departure tells an endpoint nothing.
    suppressions: foldChanges([...suppressions, ...departuresOf(said.departures)]),
    tallies: talliesOf(happenings, deps.isTest),
    evidence: evidenceOf(happenings, deps),
    feeds: observationsOf(said, deps.isTest),
    deliveries: deliveriesOf(events, endpoints, deps.now()),
  };
}
