/** Applies D1 migrations to a local database, in the table `wrangler d1 migrations` keeps too. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Miniflare } from "miniflare";
import { unstable_splitSqlQuery } from "wrangler";

type Database = Awaited<ReturnType<Miniflare["getD1Database"]>>;

/** The table as wrangler creates it, so that either may come first. */
const CREATE_TABLE =
  "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, " +
  "name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)";

/**
 * Applies what is missing, in the order of the file names, each file in one transaction.
 * @param folder holds `NNNN_verb_noun.sql`.
 * @returns the names that were applied now; empty when the database is up to date.
 * @throws D1's error, prefixed with the file's name.
 */
export async function migrate(database: Database, folder: string): Promise<string[]> {
  await database.prepare(CREATE_TABLE).run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set(results.map((row) => row.name));
  const missing = readdirSync(folder)
    .filter((name) => name.endsWith(".sql") && !applied.has(name))
    .sort();
  for (const name of missing) {
    const queries = unstable_splitSqlQuery(readFileSync(join(folder, name), "utf8"));
    const record = database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
    try {
      await database.batch([...queries.map((query) => database.prepare(query)), record]);
    } catch (error) {
      throw new Error(`Migration ${name}: ${String(error)}`, { cause: error });
    }
  }
  return missing;
}
