/** Which events go to which endpoints, and the hints that say so to the queue. */
import type { Endpoint, Hint, NewDelivery, OutEvent, WebhookPack } from "../../core/webhook.ts";

/** Whether an endpoint is to be told of an event. */
export function wants(endpoint: Endpoint, event: Pick<OutEvent, "account" | "type">): boolean {
  if (endpoint.status !== "enabled" || endpoint.account !== event.account) return false;
  return endpoint.events === null || endpoint.events.includes(event.type);
}

/**
 * A delivery for each event and each endpoint that asked for it, once however often the event is in
 * the list. `now` is Unix ms; an endpoint that needs a breath gets it.
 */
export function deliveriesOf(
  events: readonly OutEvent[],
  endpoints: readonly Endpoint[],
  now: number,
): NewDelivery[] {
  const unique = new Map(events.map((event) => [`${event.account}\n${event.id}`, event]));
  return [...unique.values()].flatMap((event) =>
    endpoints.filter((endpoint) => wants(endpoint, event)).map((to) => deliveryTo(to, event, now)),
  );
}

/** The delivery of one event to one endpoint, whether it asked for it or not. */
export function deliveryTo(endpoint: Endpoint, event: OutEvent, now: number): NewDelivery {
  return {
    endpoint: endpoint.id,
    event: event.id,
    type: event.type,
    payload: event.payload,
    nextAt: Math.max(now, endpoint.slowUntil),
  };
}

/**
 * Hints in one message: at two at a time and the longest time limit they take a good minute, which
 * is what an invocation gives itself.
 */
export const PACK_MAX = 10;

/** A queue holds a message back for a day at most (Queues limits). */
const DELAY_MAX_S = 24 * 3_600;

/** A message for the queue and how long it is to be held back. */
export interface DelayedPack {
  readonly body: WebhookPack;
  readonly delaySeconds: number;
}

/** Hints as messages: those of one endpoint and of one second together. */
export function packsOf(hints: readonly Hint[], now: number): DelayedPack[] {
  const delayOf = ({ nextAt }: Hint): number =>
    Math.min(DELAY_MAX_S, Math.max(0, Math.ceil((nextAt - now) / 1_000)));
  const groups = Map.groupBy(hints, (hint) => `${hint.endpoint}\n${delayOf(hint)}`);
  return [...groups.values()].flatMap((group) => {
    const packs: DelayedPack[] = [];
    for (let from = 0; from < group.length; from += PACK_MAX) {
      const part = group.slice(from, from + PACK_MAX);
      const [first] = part;
      if (first === undefined) continue;
      const due = part.map(({ event, tries }) => ({ event, tries }));
      packs.push({
        body: { v: 1, endpoint: first.endpoint, due },
        delaySeconds: delayOf(first),
      });
    }
    return packs;
  });
}
