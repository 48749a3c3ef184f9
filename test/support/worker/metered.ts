/** The real D1, with a meter. */
import { env } from "cloudflare:workers";

/** A database that counts the rows its statements write and read. */
export function metered() {
  const rows = { written: 0, read: 0, statements: 0 };
  const note = ({ meta }: D1Result): void => {
    rows.written += meta.rows_written;
    rows.read += meta.rows_read;
    rows.statements += 1;
  };
  const real = new WeakMap<object, D1PreparedStatement>();
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
    const run = async () => {
      const result = await statement.run();
      note(result);
      return result;
    };
    const bind = (...values: unknown[]) => wrap(statement.bind(...values));
    const wrapped = { bind, run, all: run } as unknown as D1PreparedStatement;
    real.set(wrapped, statement);
    return wrapped;
  };
  const db = {
    prepare: (sql: string) => wrap(env.DB.prepare(sql)),
    batch: async (all: D1PreparedStatement[]) => {
      const results = await env.DB.batch(all.map((one) => real.get(one) ?? one));
      results.forEach(note);
      return results;
    },
  } as unknown as D1Database;
  return { db, rows };
}
