/**
 * The D1 table `webhook_endpoint` (migrations/0005): where each account's events are sent, and how
 * that goes. A deleted endpoint's row stays until its deliveries are forgotten.
 */
import type { Endpoint, PreviousSecret } from "../core/webhook.ts";

/** Columns of `webhook_endpoint` that make an `Endpoint`. */
export const ENDPOINT_COLUMNS = `id, account_id, url, events, status, created_at, version, previous,
  fails, exhausted, failing_since, last_success_at, slow_until, disabled_reason, disabled_at`;

/** A row of `ENDPOINT_COLUMNS`. */
export interface EndpointRow {
  readonly id: string;
  readonly account_id: string;
  readonly url: string;
  readonly events: string | null;
  readonly status: Endpoint["status"];
  readonly created_at: number;
  readonly version: number;
  readonly previous: string;
  readonly fails: number;
  readonly exhausted: number;
  readonly failing_since: number | null;
  readonly last_success_at: number | null;
  readonly slow_until: number;
  readonly disabled_reason: string | null;
  readonly disabled_at: number | null;
}

/** What a row says. */
export function endpointOf(row: EndpointRow): Endpoint {
  return {
    id: row.id,
    account: row.account_id,
    url: row.url,
    events: row.events === null ? null : (JSON.parse(row.events) as string[]),
    status: row.status,
    createdAt: row.created_at,
    version: row.version,
    previous: JSON.parse(row.previous) as PreviousSecret[],
    fails: row.fails,
    exhausted: row.exhausted,
    failingSince: row.failing_since,
    lastSuccessAt: row.last_success_at,
    slowUntil: row.slow_until,
    disabledReason: row.disabled_reason,
    disabledAt: row.disabled_at,
  };
}

/** The endpoints of several accounts in one statement: `endpointOf` reads its rows. */
export function endpointsStatement(
  db: D1Database,
  accounts: readonly string[],
): D1PreparedStatement {
  return db
    .prepare(
      `SELECT ${ENDPOINT_COLUMNS} FROM webhook_endpoint
       WHERE account_id IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL
       ORDER BY created_at DESC, id DESC`,
    )
    .bind(JSON.stringify(accounts));
}

/** The endpoints of several accounts, the newest first. */
export async function readEndpoints(
  db: D1Database,
  accounts: readonly string[],
): Promise<Endpoint[]> {
  if (accounts.length === 0) return [];
  const { results } = await endpointsStatement(db, accounts).all<EndpointRow>();
  return results.map(endpointOf);
}

/** One endpoint of an account, null when it has none of this id. */
export async function readEndpoint(
  db: D1Database,
  account: string,
  id: string,
): Promise<Endpoint | null> {
  const row = await db
    .prepare(
      `SELECT ${ENDPOINT_COLUMNS} FROM webhook_endpoint
       WHERE id = ? AND account_id = ? AND deleted_at IS NULL`,
    )
    .bind(id, account)
    .first<EndpointRow>();
  return row === null ? null : endpointOf(row);
}

/** Stores a new endpoint; false when the account has `most` already. */
export async function insertEndpoint(
  db: D1Database,
  endpoint: Pick<Endpoint, "id" | "account" | "url" | "events" | "createdAt">,
  most: number,
): Promise<boolean> {
  const { id, account, url, events, createdAt } = endpoint;
  const { meta } = await db
    .prepare(
      `INSERT INTO webhook_endpoint (id, account_id, url, events, created_at)
       SELECT ?1, ?2, ?3, ?4, ?5 WHERE (
         SELECT count(*) FROM webhook_endpoint WHERE account_id = ?2 AND deleted_at IS NULL) < ?6`,
    )
    .bind(id, account, url, events === null ? null : JSON.stringify(events), createdAt, most)
    .run();
  return meta.changes > 0;
}

/** Nothing has gone wrong here so far. */
const FRESH = "fails = 0, exhausted = 0, failing_since = NULL, slow_until = 0";

/** What its owner may change. Undefined leaves it as it is. */
export interface EndpointPatch {
  readonly url?: string | undefined;
  readonly events?: readonly string[] | null | undefined;
  readonly status?: Endpoint["status"] | undefined;
}

/**
 * Changes an endpoint; false when the account has none of this id. Switching it on, or another URL,
 * forgets its failures; switching it off says that it was its owner. `at` is Unix ms.
 */
export async function updateEndpoint(
  db: D1Database,
  account: string,
  id: string,
  { url, events, status }: EndpointPatch,
  at: number,
): Promise<boolean> {
  const sets: string[] = [];
  const values: unknown[] = [];
  if (url !== undefined) {
    sets.push(`url = ?, ${FRESH}`);
    values.push(url);
  }
  if (events !== undefined) {
    sets.push("events = ?");
    values.push(events === null ? null : JSON.stringify(events));
  }
  if (status === "enabled") {
    if (url === undefined) sets.push(FRESH);
    sets.push("status = 'enabled', disabled_reason = NULL, disabled_at = NULL");
  }
  if (status === "disabled") {
    sets.push("disabled_reason = CASE status WHEN 'enabled' THEN 'owner' ELSE disabled_reason END");
    sets.push("disabled_at = CASE status WHEN 'enabled' THEN ? ELSE disabled_at END");
    sets.push("status = 'disabled'");
    values.push(at);
  }
  if (sets.length === 0) sets.push("id = id");
  const { meta } = await db
    .prepare(
      `UPDATE webhook_endpoint SET ${sets.join(", ")}
       WHERE id = ? AND account_id = ? AND deleted_at IS NULL`,
    )
    .bind(...values, id, account)
    .run();
  return meta.changes > 0;
}

/**
 * Replaces what an endpoint is signed with by the next version; false when it is not at `version`
 * any more, or not there.
 */
export async function rotateSecret(
  db: D1Database,
  { id, account, version }: Pick<Endpoint, "id" | "account" | "version">,
  previous: readonly PreviousSecret[],
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `UPDATE webhook_endpoint SET version = version + 1, previous = ?
       WHERE id = ? AND account_id = ? AND version = ? AND deleted_at IS NULL`,
    )
    .bind(JSON.stringify(previous), id, account, version)
    .run();
  return meta.changes > 0;
}

/** Deletes an endpoint; false when the account has none of this id. `at` is Unix ms. */
export async function deleteEndpoint(
  db: D1Database,
  account: string,
  id: string,
  at: number,
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `UPDATE webhook_endpoint SET deleted_at = ?, status = 'disabled', url = ''
       WHERE id = ? AND account_id = ? AND deleted_at IS NULL`,
    )
    .bind(at, id, account)
    .run();
  return meta.changes > 0;
}
