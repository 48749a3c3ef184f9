/**
 * The D1 table `webhook_delivery` (migrations/0005), the outbox of webhooks: rows are written in
 * the transaction of what they tell of, and found by time. See also webhook-log.
 */
import type { Delivery, Endpoint, Hint, NewDelivery } from "../core/webhook.ts";
import { portionsOf } from "./portions.ts";
import { ENDPOINT_COLUMNS, type EndpointRow, endpointOf } from "./webhook-endpoints.ts";

/** A row that a statement of this file returns: a hint. */
export interface HintRow {
  readonly endpoint_id: string;
  readonly event_id: string;
  readonly tries: number;
  readonly next_at: number;
}

const RETURNING = "RETURNING endpoint_id, event_id, tries, next_at";

/** The hint that a returned row stands for. */
export function hintOf(row: HintRow): Hint {
  const { endpoint_id, event_id, tries, next_at } = row;
  return { endpoint: endpoint_id, event: event_id, tries, nextAt: next_at };
}

/**
 * Writes new deliveries, for a transaction: a delivery that is there already stays as it is, one to
 * an endpoint that is gone is dropped. Each statement returns the new ones as `HintRow`s.
 */
export function deliveryStatements(
  db: D1Database,
  deliveries: readonly NewDelivery[],
): D1PreparedStatement[] {
  const rows = deliveries.map(({ endpoint, event, type, payload, nextAt }) =>
    JSON.stringify([endpoint, event, type, payload, nextAt]),
  );
  return portionsOf(rows).map((portion) =>
    db
      .prepare(
        `INSERT INTO webhook_delivery (endpoint_id, event_id, type, payload, next_at)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
         FROM json_each(?) WHERE EXISTS (
           SELECT 1 FROM webhook_endpoint WHERE id = value ->> 0 AND deleted_at IS NULL)
         ON CONFLICT (endpoint_id, event_id) DO NOTHING ${RETURNING}`,
      )
      .bind(portion),
  );
}

/** Writes new deliveries; answers those that were not there. */
export async function insertDeliveries(
  db: D1Database,
  deliveries: readonly NewDelivery[],
): Promise<Hint[]> {
  if (deliveries.length === 0) return [];
  const results = await db.batch<HintRow>(deliveryStatements(db, deliveries));
  return results.flatMap(({ results: rows }) => rows.map(hintOf));
}

/** Columns of `webhook_delivery` that make a `Delivery`. */
export const DELIVERY_COLUMNS =
  "endpoint_id, event_id, type, payload, status, tries, step, next_at, attempts";

/** A row of `DELIVERY_COLUMNS`. */
export interface DeliveryRow {
  readonly endpoint_id: string;
  readonly event_id: string;
  readonly type: string;
  readonly payload: string;
  readonly status: Delivery["status"];
  readonly tries: number;
  readonly step: number;
  readonly next_at: number | null;
  readonly attempts: string;
}

/** What a row says. */
export function deliveryOf(row: DeliveryRow): Delivery {
  const { endpoint_id, event_id, next_at, attempts, ...rest } = row;
  return {
    ...rest,
    endpoint: endpoint_id,
    event: event_id,
    nextAt: next_at,
    attempts: JSON.parse(attempts) as Delivery["attempts"],
  };
}

/** The deliveries of these keys, and their endpoints, as they stand. */
export async function readDue(
  db: D1Database,
  keys: readonly Pick<Hint, "endpoint" | "event">[],
): Promise<{ endpoints: Endpoint[]; deliveries: Delivery[] }> {
  const wanted = JSON.stringify(keys.map(({ endpoint, event }) => [endpoint, event]));
  const endpoints = db
    .prepare(
      `SELECT ${ENDPOINT_COLUMNS} FROM webhook_endpoint
       WHERE id IN (SELECT value ->> 0 FROM json_each(?)) AND deleted_at IS NULL`,
    )
    .bind(wanted);
  const deliveries = db
    .prepare(
      `SELECT ${DELIVERY_COLUMNS} FROM webhook_delivery
       WHERE (endpoint_id, event_id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))`,
    )
    .bind(wanted);
  const [first, second] = await db.batch([endpoints, deliveries]);
  return {
    endpoints: ((first?.results ?? []) as EndpointRow[]).map(endpointOf),
    deliveries: ((second?.results ?? []) as DeliveryRow[]).map(deliveryOf),
  };
}

/** How attempts of one endpoint ended: see `Outcome` and `Health` of feedback/webhooks-out. */
export interface Settled {
  readonly event: string;
  readonly seen: number;
  readonly status: Delivery["status"];
  readonly step: number;
  readonly nextAt: number | null;
  readonly attempts: readonly unknown[];
}

/** A success is noted this often at most: a row written an hour and endpoint. */
const NOTED_MS = 3_600_000;

/**
 * Writes how attempts ended, each only while its delivery has had `seen` of them, and what they say
 * of the endpoint, in one transaction. Answers how the endpoint stands; null: as before, or it is
 * gone.
 */
export async function settleDeliveries(
  db: D1Database,
  endpoint: string,
  outcomes: readonly Settled[],
  health: {
    readonly at: number;
    readonly succeeded: number;
    readonly failed: number;
    readonly exhausted: number;
    readonly slowUntil: number;
  },
): Promise<Pick<Endpoint, "fails" | "exhausted" | "failingSince"> | null> {
  const rows = outcomes.map((one) => [
    one.event,
    one.seen,
    one.status,
    one.step,
    one.nextAt,
    JSON.stringify(one.attempts),
  ]);
  const settle = db
    .prepare(
      `UPDATE webhook_delivery SET status = row.value ->> 2, tries = tries + 1,
         step = row.value ->> 3, next_at = row.value ->> 4, attempts = row.value ->> 5
       FROM json_each(?2) AS row
       WHERE endpoint_id = ?1 AND event_id IN (SELECT value ->> 0 FROM json_each(?2))
         AND event_id = row.value ->> 0 AND tries = row.value ->> 1
         AND webhook_delivery.status = 'pending'`,
    )
    .bind(endpoint, JSON.stringify(rows));
  const stand = db
    .prepare(
      `UPDATE webhook_endpoint SET
         fails = CASE WHEN ?3 > 0 THEN 0 ELSE fails + ?4 END,
         exhausted = CASE WHEN ?3 > 0 THEN 0 ELSE exhausted + ?5 END,
         failing_since = CASE WHEN ?3 > 0 THEN NULL ELSE coalesce(failing_since, ?2) END,
         last_success_at = CASE WHEN ?3 > 0 THEN ?2 ELSE last_success_at END,
         slow_until = max(slow_until, ?6)
       WHERE id = ?1 AND deleted_at IS NULL AND (
         ?4 > 0 OR failing_since IS NOT NULL OR coalesce(last_success_at, 0) < ?2 - ${NOTED_MS})
       RETURNING fails, exhausted, failing_since`,
    )
    .bind(endpoint, health.at, health.succeeded, health.failed, health.exhausted, health.slowUntil);
  const results = await db.batch([settle, stand]);
  const row = results[1]?.results[0] as EndpointRow | undefined;
  if (row === undefined) return null;
  return { fails: row.fails, exhausted: row.exhausted, failingSince: row.failing_since };
}

/**
 * Switches an endpoint off and writes what is to be told of it, in one transaction. Answers the new
 * deliveries. Whoever finds it at the same moment may tell of it a second time.
 */
export async function disableEndpoint(
  db: D1Database,
  id: string,
  reason: string,
  at: number,
  notices: readonly NewDelivery[],
): Promise<Hint[]> {
  const results = await db.batch<HintRow>([
    db
      .prepare(
        `UPDATE webhook_endpoint SET status = 'disabled', disabled_reason = ?2, disabled_at = ?3
         WHERE id = ?1 AND status = 'enabled'`,
      )
      .bind(id, reason, at),
    ...deliveryStatements(db, notices),
  ]);
  return results.slice(1).flatMap(({ results: rows }) => rows.map(hintOf));
}

/*
 * The statements of the cron begin at the endpoints, of which there are few: CROSS JOIN is how
 * SQLite is told not to begin at the deliveries (https://sqlite.org/optoverview.html#crossjoin).
 */

/** Overdue deliveries that one round of the cron hints at, of one endpoint and of all. */
const OVERDUE_PER_ENDPOINT = 500;
const OVERDUE_MAX = 2_000;

/**
 * Hints of deliveries due before `before` (Unix ms) at endpoints that take some at `now`; `again`
 * is when a later round may hint at them once more. Endpoints have equal shares, so that one with
 * many does not stand before others.
 */
export async function claimOverdue(
  db: D1Database,
  before: number,
  again: number,
  now: number,
): Promise<Hint[]> {
  const late = await db
    .prepare(
      `SELECT id FROM webhook_endpoint AS e WHERE status = 'enabled' AND slow_until <= ?2
         AND EXISTS (SELECT 1 FROM webhook_delivery WHERE endpoint_id = e.id AND next_at <= ?1)
       ORDER BY random() LIMIT ${OVERDUE_MAX}`,
    )
    .bind(before, now)
    .all<{ id: string }>();
  const ids = late.results.map(({ id }) => id);
  if (ids.length === 0) return [];
  const share = Math.min(OVERDUE_PER_ENDPOINT, Math.floor(OVERDUE_MAX / ids.length));
  const { results } = await db
    .prepare(
      `UPDATE webhook_delivery SET next_at = ?2 WHERE (endpoint_id, event_id) IN (
         SELECT e.value, d.event_id FROM json_each(?3) AS e CROSS JOIN webhook_delivery AS d
         WHERE d.endpoint_id = e.value AND d.event_id IN (
           SELECT event_id FROM webhook_delivery WHERE endpoint_id = e.value AND next_at <= ?1
           ORDER BY next_at LIMIT ?4))
       ${RETURNING}`,
    )
    .bind(before, again, JSON.stringify(ids), share)
    .all<HintRow>();
  return results.map(hintOf);
}

/** Rows that one round of the cron ends or forgets: a second's work of the database. */
const PORTION = 1_000;

/** Ends what is open at endpoints that are switched off; answers how many there were. */
export async function settleDisabled(db: D1Database): Promise<number> {
  const { meta } = await db
    .prepare(
      `UPDATE webhook_delivery SET status = 'failed', next_at = NULL
       WHERE (endpoint_id, event_id) IN (
         SELECT e.id, d.event_id FROM webhook_endpoint AS e CROSS JOIN webhook_delivery AS d
         WHERE e.status = 'disabled' AND d.endpoint_id = e.id AND d.next_at IS NOT NULL
         LIMIT ${PORTION})`,
    )
    .run();
  return meta.changes;
}

/**
 * Forgets deliveries whose ids are below `oldest` or above `newest`, and those of deleted
 * endpoints, then the deleted endpoints that have none left. Answers how many deliveries went.
 */
export async function pruneDeliveries(
  db: D1Database,
  oldest: string,
  newest: string,
): Promise<number> {
  const where = (condition: string): string =>
    `DELETE FROM webhook_delivery WHERE (endpoint_id, event_id) IN (
       SELECT e.id, d.event_id FROM webhook_endpoint AS e CROSS JOIN webhook_delivery AS d
       WHERE d.endpoint_id = e.id AND ${condition} LIMIT ${PORTION})`;
  const results = await db.batch([
    db.prepare(where("d.event_id < ?")).bind(oldest),
    db.prepare(where("d.event_id > ?")).bind(newest),
    db.prepare(where("e.deleted_at IS NOT NULL")),
    db.prepare(
      `DELETE FROM webhook_endpoint WHERE deleted_at IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM webhook_delivery WHERE endpoint_id = webhook_endpoint.id)`,
    ),
  ]);
  return results.slice(0, 3).reduce((sum, { meta }) => sum + meta.changes, 0);
}
