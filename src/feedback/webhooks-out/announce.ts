/** Events that come from outside the journal: written first, then hinted at. */
import type { Hint, OutEvent } from "../../core/webhook.ts";
import { deliveriesOf, packsOf } from "./deliveries.ts";
import type { AnnounceDeps } from "./ports.ts";

/**
 * Writes what the endpoints of the events' accounts are to be told, and hints at it. Doing it again
 * changes nothing. Rejects when it could not be written; hints that cannot be sent are logged.
 *
 * @returns how many deliveries are new
 */
export async function announce(events: readonly OutEvent[], deps: AnnounceDeps): Promise<number> {
  if (events.length === 0) return 0;
  const endpoints = await deps.readEndpoints([...new Set(events.map(({ account }) => account))]);
  const deliveries = deliveriesOf(events, endpoints, deps.now());
  if (deliveries.length === 0) return 0;
  const hints = await deps.insertDeliveries(deliveries);
  await hint(hints, deps);
  return hints.length;
}

/** Puts hints on the queue. It never rejects: what a hint would have said, the cron finds. */
export async function hint(
  hints: readonly Hint[],
  deps: Pick<AnnounceDeps, "now" | "enqueue" | "log">,
): Promise<void> {
  if (hints.length === 0) return;
  try {
    await deps.enqueue(packsOf(hints, deps.now()));
  } catch (error) {
    deps.log("webhook_hint_failed", { reason: String(error), hints: hints.length });
  }
}
