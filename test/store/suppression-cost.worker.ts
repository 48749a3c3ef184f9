import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { suppressionId } from "../../src/core/suppression.ts";
import {
  findSuppressions,
  listSuppressions,
  overrideSuppression,
  placeOf,
  removeSuppressions,
  suppressionsById,
} from "../../src/store/suppression-list.ts";
import { purgeSuppressions } from "../../src/store/suppression-snapshot.ts";
import { readSuppressed, suppressionStatements } from "../../src/store/suppressions.ts";
import { changeOf, POLICY, write } from "../support/worker/suppression.ts";

const NOW = 1_800_000_000_000;
const ROWS = 3_000;

/** More than any of these look at when they go by keys, less than any that goes through a table. */
const READS_MAX = 60;

/** A database that counts the rows its statements read. */
function metered(): { db: D1Database; read: () => number } {
  let rows = 0;
  const count = <T>(result: T): T => {
    for (const one of [result].flat() as Partial<D1Result>[]) rows += one.meta?.rows_read ?? 0;
    return result;
  };
  const statements = new WeakMap<object, D1PreparedStatement>();
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all: async () => count(await statement.all()),
      run: async () => count(await statement.run()),
    } as unknown as D1PreparedStatement;
    statements.set(wrapped, statement);
    return wrapped;
  };
  const db = {
    prepare: (sql: string) => wrap(env.DB.prepare(sql)),
    batch: async (all: D1PreparedStatement[]) =>
      count(await env.DB.batch(all.map((one) => statements.get(one) ?? one))),
  } as unknown as D1Database;
  return { db, read: () => rows };
}

/** A hash as those of the list are, spread over their whole range. */
const hashOf = (n: number): string => (n * 1_431_655).toString(16).padStart(8, "0").padEnd(32, "0");

beforeAll(async () => {
  const rest = `SELECT i + 1 FROM n WHERE i < ${ROWS}`;
  const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL ${rest})`;
  const hash = "substr(printf('%08x', i * 1431655) || '000000000000000000000000', 1, 32)";
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO suppression (account_id, recipient_hash, stream, address, first_seen_at,
         last_seen_at, complained_at) ${numbers} SELECT 'a', ${hash}, '*', '', 1, 1, 1 FROM n`,
    ),
    env.DB.prepare(
      `INSERT INTO recipient (account_id, message_id, recipient_no, recipient_hash, state, rank,
         state_at) ${numbers} SELECT 'a', printf('m%05d', i), 0, ${hash}, 'sent', 4, 1 FROM n`,
    ),
  ]);
});

test("nothing but a whole list reads the whole list", async () => {
  const [hash, other] = [hashOf(1_000), hashOf(2_000)];
  const place = { hash, stream: "*" };
  const page = { limit: 10, before: null, reasons: ["complaint"] } as const;
  const soft = { ...(await changeOf("a", "x@a.example", { soft: { m1: NOW } })), hash: other };
  const lift = { ...(await changeOf("a", "x@a.example", { deliveredAt: NOW })), hash };
  const override = { at: NOW, by: "key", note: "" };
  const works: Record<string, (db: D1Database) => Promise<unknown>> = {
    read: (db) => readSuppressed(db, "a", [hash, other, "nobody"], POLICY, NOW),
    find: (db) => findSuppressions(db, "a", [hash]),
    byId: (db) => suppressionsById(db, "a", [suppressionId(hash, "*")]),
    placeOf: (db) => placeOf(db, "a", suppressionId(hash, "*")),
    page: (db) => listSuppressions(db, "a", { ...page, after: place }, POLICY, NOW),
    back: (db) => listSuppressions(db, "a", { ...page, after: null, before: place }, POLICY, NOW),
    soft: (db) => db.batch(suppressionStatements(db, [soft], POLICY, NOW)),
    lift: (db) => db.batch(suppressionStatements(db, [lift], POLICY, NOW)),
    override: (db) => overrideSuppression(db, "a", place, override),
    remove: (db) => removeSuppressions(db, "a", [place], NOW),
    purge: (db) => purgeSuppressions(db, ["a", "b"], POLICY, NOW),
  };
  for (const [name, work] of Object.entries(works)) {
    const { db, read } = metered();
    await work(db);
    expect(read(), name).toBeGreaterThan(0);
    expect(read(), name).toBeLessThan(READS_MAX);
  }
});

const written = (results: readonly D1Result[]): number =>
  results.reduce((sum, { meta }) => sum + meta.rows_written, 0);

test("an entry writes one row and one for its list; a repetition or a delivery none", async () => {
  const fact = await changeOf("w", "ann@a.example", { hardAt: NOW });
  expect(written(await write([fact], NOW))).toBe(2);
  expect(written(await write([fact], NOW))).toBe(1);
  const soft = await changeOf("w", "bob@a.example", { soft: { m1: NOW } });
  expect(written(await write([soft], NOW))).toBe(1);
  expect(written(await write([soft], NOW))).toBe(0);
  const lifts = await Promise.all(
    ["ann", "carl"].map((name) => changeOf("w", `${name}@a.example`, { deliveredAt: NOW })),
  );
  expect(written(await write(lifts, NOW))).toBe(0);
  expect(suppressionStatements(env.DB, [], POLICY, NOW)).toEqual([]);
});
