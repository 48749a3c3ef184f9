/**
 * The D1 tables `guard` and `guard_log` (migrations/0004): where each scope stands, and what the
 * guard did. A move is written over the revision it was made from, so that of two that see the same
 * counts one acts; its line in the log is written in the same transaction.
 */
import type { GuardAction, GuardWrite, Restricted, Standing } from "../core/guard.ts";
import type { GuardState } from "../core/reputation.ts";

interface StandingRow {
  readonly scope: string;
  readonly rev: number | null;
  readonly state: string | null;
  readonly [count: string]: string | number | null;
}

const SUMS = [
  "sent",
  "delivered",
  "hard",
  "soft",
  "block",
  "withheld",
  "reporting",
  "returned",
  "complained",
  "complained_other",
]
  .map((name) => `coalesce(sum(r.${name}), 0) AS ${name}`)
  .join(", ");

/** `wanted` gives the scopes; ?1 is the start of the window. */
const standing = (wanted: string): string => `
SELECT w.scope, g.rev, g.state, ${SUMS}
FROM (${wanted}) AS w LEFT JOIN guard AS g ON g.scope = w.scope
  LEFT JOIN reputation AS r ON r.scope = w.scope AND r.bucket >= max(?1, coalesce(g.since, 0))
GROUP BY w.scope ORDER BY w.scope`;

function standingOf(row: StandingRow): Standing {
  const count = (name: string): number => Number(row[name] ?? 0);
  return {
    scope: row.scope,
    rev: row.rev ?? 0,
    state: row.state === null ? null : (JSON.parse(row.state) as GuardState),
    counts: {
      sent: count("sent"),
      delivered: count("delivered"),
      hard: count("hard"),
      soft: count("soft"),
      block: count("block"),
      withheld: count("withheld"),
      reporting: count("reporting"),
      returned: count("returned"),
      complained: count("complained"),
      complainedOther: count("complained_other"),
    },
  };
}

/** How these scopes stand; `from` is the start of the window, Unix ms. One query. */
export async function readStandings(
  db: D1Database,
  scopes: readonly string[],
  from: number,
): Promise<Standing[]> {
  if (scopes.length === 0) return [];
  const { results } = await db
    .prepare(standing("SELECT DISTINCT value AS scope FROM json_each(?2)"))
    .bind(from, JSON.stringify(scopes))
    .all<StandingRow>();
  return results.map(standingOf);
}

/** The first `limit` scopes under a prefix (ends in a slash) that have counts or a state. */
export async function listStandings(
  db: D1Database,
  prefix: string,
  from: number,
  limit: number,
): Promise<Standing[]> {
  const wanted = `SELECT scope FROM reputation WHERE scope > ?2 AND scope < ?3 AND bucket >= ?1
    UNION SELECT scope FROM guard WHERE scope > ?2 AND scope < ?3 ORDER BY scope LIMIT ?4`;
  const { results } = await db
    .prepare(standing(wanted))
    .bind(from, prefix, after(prefix), limit)
    .all<StandingRow>();
  return results.map(standingOf);
}

/** The end of what a prefix that ends in a slash begins: the next character is a 0. */
const after = (prefix: string): string => `${prefix.slice(0, -1)}0`;

/** Up to `limit` scopes whose time to be looked at has come, the longest overdue first. */
export async function readDue(
  db: D1Database,
  now: number,
  from: number,
  limit: number,
): Promise<Standing[]> {
  const wanted = "SELECT scope FROM guard WHERE due <= ?2 ORDER BY due LIMIT ?3";
  const { results } = await db.prepare(standing(wanted)).bind(from, now, limit).all<StandingRow>();
  return results.map(standingOf);
}

/**
 * Writes moves, each over the revision it was made from.
 *
 * @returns the scopes whose move was the first to be made
 */
export async function writeGuard(db: D1Database, moves: readonly GuardWrite[]): Promise<string[]> {
  if (moves.length === 0) return [];
  const rows = moves.flatMap(({ scope, prev, rev, state, due, action }) =>
    state === null
      ? []
      : [[scope, rev, prev, state.level, state.until, state.since, due, JSON.stringify(state)]].map(
          (row) => [...row, action === null ? null : JSON.stringify(action)],
        ),
  );
  const gone = moves.flatMap(({ scope, prev, state }) => (state === null ? [[scope, prev]] : []));
  const [written] = await db.batch<{ scope: string }>([
    db
      .prepare(
        `INSERT INTO guard (scope, rev, prev, level, until, since, due, state)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
           value ->> 6, value ->> 7 FROM json_each(?1) WHERE true
         ON CONFLICT (scope) DO UPDATE SET rev = excluded.rev, prev = excluded.prev,
           level = excluded.level, until = excluded.until, since = excluded.since,
           due = excluded.due, state = excluded.state
         WHERE guard.rev = excluded.prev RETURNING scope`,
      )
      .bind(JSON.stringify(rows)),
    // A move that came second finds another revision, or, by the same clock, the first one's line.
    db
      .prepare(
        `INSERT INTO guard_log (scope, rev, told, action)
         SELECT g.scope, g.rev, 0, m.value ->> 8 FROM json_each(?1) AS m
         JOIN guard AS g ON g.scope = m.value ->> 0 AND g.rev = m.value ->> 1
         WHERE m.value ->> 8 IS NOT NULL ON CONFLICT DO NOTHING`,
      )
      .bind(JSON.stringify(rows)),
    db
      .prepare(
        `DELETE FROM guard WHERE (scope, rev) IN (
           SELECT value ->> 0, value ->> 1 FROM json_each(?1))`,
      )
      .bind(JSON.stringify(gone)),
  ]);
  return (written?.results ?? []).map((row) => row.scope);
}

/** Restricted scopes that a lane goes by at most; paused ones come first. */
export const RESTRICTED_MAX = 5_000;

/** All that lanes have to know, in one query. */
export async function readRestricted(db: D1Database): Promise<Restricted[]> {
  const { results } = await db
    .prepare(
      `SELECT scope, level, until FROM guard WHERE level IN ('slowed', 'paused', 'probation')
       ORDER BY level LIMIT ${RESTRICTED_MAX}`,
    )
    .all<Restricted>();
  return results;
}

/** A page of the log: where it begins is the revision and scope of the last line before it. */
export interface LogPage {
  readonly after: { readonly rev: number; readonly scope: string } | null;
  readonly limit: number;
}

/**
 * What the guard did, newest first. `scope` is a scope's key, or a prefix that ends in a slash and
 * stands for all under it.
 */
export async function readGuardLog(
  db: D1Database,
  scope: string,
  { after: last, limit }: LogPage,
): Promise<GuardAction[]> {
  const end = scope.endsWith("/") ? after(scope) : `${scope}\u0000`;
  const { results } = await db
    .prepare(
      `SELECT action FROM guard_log WHERE scope >= ?1 AND scope < ?2 AND (rev, scope) < (?3, ?4)
       ORDER BY rev DESC, scope DESC LIMIT ?5`,
    )
    .bind(scope, end, last?.rev ?? Number.MAX_SAFE_INTEGER, last?.scope ?? "", limit)
    .all<{ action: string }>();
  return results.map((row) => JSON.parse(row.action) as GuardAction);
}

/** Actions before `before` (Unix ms) whose webhooks nobody has put on their way, oldest first. */
export async function readUntold(
  db: D1Database,
  before: number,
  limit: number,
): Promise<GuardAction[]> {
  const { results } = await db
    .prepare("SELECT action FROM guard_log WHERE told = 0 AND rev < ? ORDER BY rev LIMIT ?")
    .bind(before, limit)
    .all<{ action: string }>();
  return results.map((row) => JSON.parse(row.action) as GuardAction);
}

/** Notes that the webhooks of these actions are on their way. */
export async function markTold(db: D1Database, actions: readonly GuardAction[]): Promise<void> {
  if (actions.length === 0) return;
  await db
    .prepare(
      `UPDATE guard_log SET told = 1 WHERE told = 0 AND (scope, rev) IN (
         SELECT value ->> 0, value ->> 1 FROM json_each(?))`,
    )
    .bind(JSON.stringify(actions.map(({ scope, rev }) => [scope, rev])))
    .run();
}

/** Lines of the log that one cron run deletes at most. */
const LOG_PRUNE_MAX = 500;

/** Deletes a portion of the lines older than `before` (Unix ms). Reads the whole table. */
export async function pruneGuardLog(db: D1Database, before: number): Promise<void> {
  await db
    .prepare(
      `DELETE FROM guard_log WHERE (scope, rev) IN (
         SELECT scope, rev FROM guard_log WHERE rev < ? LIMIT ${LOG_PRUNE_MAX})`,
    )
    .bind(before)
    .run();
}
