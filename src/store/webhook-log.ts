/** The deliveries of an endpoint as its owner reads and replays them: table `webhook_delivery`. */
import { type Delivery, type Hint, idsFrom } from "../core/webhook.ts";
import {
  DELIVERY_COLUMNS,
  type DeliveryRow,
  deliveryOf,
  type HintRow,
  hintOf,
} from "./webhook-deliveries.ts";

/** A delivery as a list shows it. */
export type DeliveryLine = Pick<Delivery, "event" | "type" | "status" | "tries">;

/** The deliveries of an endpoint by the time of their events, newest first. */
export async function listDeliveries(
  db: D1Database,
  endpoint: string,
  page: { readonly after: string | null; readonly before: string | null; readonly limit: number },
): Promise<DeliveryLine[]> {
  const ids =
    page.before === null
      ? "event_id < ?2 ORDER BY event_id DESC"
      : "event_id > ?2 ORDER BY event_id ASC";
  const { results } = await db
    .prepare(
      `SELECT event_id AS event, type, status, tries FROM webhook_delivery
       WHERE endpoint_id = ?1 AND ${ids} LIMIT ?3`,
    )
    .bind(endpoint, page.before ?? page.after ?? "g", page.limit)
    .all<DeliveryLine>();
  return page.before === null ? results : results.reverse();
}

/** One delivery, null when there is none. */
export async function readDelivery(
  db: D1Database,
  endpoint: string,
  event: string,
): Promise<Delivery | null> {
  const row = await db
    .prepare(
      `SELECT ${DELIVERY_COLUMNS} FROM webhook_delivery WHERE endpoint_id = ? AND event_id = ?`,
    )
    .bind(endpoint, event)
    .first<DeliveryRow>();
  return row === null ? null : deliveryOf(row);
}

const AGAIN = `UPDATE webhook_delivery SET status = 'pending', step = 0, next_at = ?2
  WHERE endpoint_id = ?1`;
const RETURNING = "RETURNING endpoint_id, event_id, tries, next_at";

/** Makes one delivery due at `at` (Unix ms), as if it had not been tried; null: there is none. */
export async function replayDelivery(
  db: D1Database,
  endpoint: string,
  event: string,
  at: number,
): Promise<Hint | null> {
  const row = await db
    .prepare(`${AGAIN} AND event_id = ?3 ${RETURNING}`)
    .bind(endpoint, at, event)
    .first<HintRow>();
  return row === null ? null : hintOf(row);
}

/** Which deliveries are replayed. */
export interface ReplayRange {
  /** Unix ms, of the events: from `since` on and before `until`. */
  readonly since: number;
  readonly until: number;
  /** Null: all that are over. What is still under way is left alone. */
  readonly status: "success" | "failed" | null;
  /** The id after which this page begins. */
  readonly after: string | null;
  readonly limit: number;
}

/** Makes a page of deliveries due at `at` (Unix ms), oldest event first; in order of their ids. */
export async function replayRange(
  db: D1Database,
  endpoint: string,
  { since, until, status, after, limit }: ReplayRange,
  at: number,
): Promise<Hint[]> {
  const from = idsFrom(since);
  const { results } = await db
    .prepare(
      `${AGAIN} AND event_id IN (
         SELECT event_id FROM webhook_delivery
         WHERE endpoint_id = ?1 AND event_id > ?3 AND event_id < ?4 AND status <> 'pending'
           AND (?5 IS NULL OR status = ?5)
         ORDER BY event_id LIMIT ?6) ${RETURNING}`,
    )
    .bind(
      endpoint,
      at,
      after !== null && after > from ? after : from,
      idsFrom(until),
      status,
      limit,
    )
    .all<HintRow>();
  return results.map(hintOf).sort((a, b) => (a.event < b.event ? -1 : 1));
}
