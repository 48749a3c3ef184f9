/** What an address's way onto the suppression list and off it is, as events for webhooks. */
import { type SuppressionChange, suppressionId } from "../core/suppression.ts";
import type { OutEvent } from "../core/webhook.ts";
import { announce } from "./webhooks-out/announce.ts";
import { type SuppressionData, systemEvent } from "./webhooks-out/events.ts";
import type { AnnounceDeps } from "./webhooks-out/ports.ts";

/** What puts an address on the list at once, and what the dialect calls its origin. */
const REASONS = [
  ["complainedAt", "complaint", "complaint"],
  ["hardAt", "hard_bounce", "bounce"],
  ["unsubscribedAt", "unsubscribe", "manual"],
  ["manualAt", "manual", "manual"],
] as const;

/**
 * The events of changes that suppress by themselves; what only counts towards it tells nothing. The
 * same message tells the same event however often; another message's bounce of a suppressed
 * address, that was on its way already, tells one of its own.
 */
export async function addedEvents(changes: readonly SuppressionChange[]): Promise<OutEvent[]> {
  const events = changes.flatMap((change) =>
    REASONS.flatMap(([field, reason, origin]) => {
      const at = change[field];
      const { account, hash, stream, address: email, messageId } = change;
      if (at === 0) return [];
      const id = suppressionId(hash, stream);
      const data: SuppressionData = {
        id,
        email,
        origin,
        source_id: messageId === "" ? null : messageId,
        created_at: new Date(at).toISOString(),
        stream,
        reason,
      };
      const key = `${id}/${reason}/${messageId}`;
      return [systemEvent("suppression.added", { account, at, key }, data)];
    }),
  );
  return Promise.all(events);
}

/** An entry that was taken off the list by hand. */
export interface RemovedEntry {
  readonly hash: string;
  readonly stream: string;
  readonly address: string;
  readonly messageId: string;
}

/** The events of entries that were removed at `at`, Unix ms. */
export function removedEvents(
  account: string,
  entries: readonly RemovedEntry[],
  at: number,
): Promise<OutEvent[]> {
  const events = entries.map(({ hash, stream, address: email, messageId }) => {
    const id = suppressionId(hash, stream);
    const data: SuppressionData = {
      id,
      email,
      origin: "manual",
      source_id: messageId === "" ? null : messageId,
      created_at: new Date(at).toISOString(),
      stream,
    };
    return systemEvent("suppression.removed", { account, at, key: id }, data);
  });
  return Promise.all(events);
}

/** Tells of a change that stands already: what cannot be told is a line in the log. */
export async function tellOf(
  events: Promise<readonly OutEvent[]>,
  deps: AnnounceDeps,
): Promise<void> {
  try {
    await announce(await events, deps);
  } catch (error) {
    deps.log("suppression_not_told", { reason: String(error) });
  }
}
