/** A D1 binding that counts transactions and the rows D1 itself reports. */
import { count, type Meter } from "./counts.ts";

type Source = Pick<D1Database, "prepare" | "batch">;

function meta({ meta }: { meta: D1Meta }): void {
  count("d1_rows_read", meta.rows_read);
  count("d1_rows_written", meta.rows_written);
}

class CountedStatement {
  readonly real: D1PreparedStatement;
  readonly #meter: Meter | undefined;

  constructor(real: D1PreparedStatement, meter: Meter | undefined) {
    this.real = real;
    this.#meter = meter;
  }

  bind(...values: unknown[]): CountedStatement {
    return new CountedStatement(this.real.bind(...values), this.#meter);
  }

  async all<T>(): Promise<D1Result<T>> {
    count("d1_transactions", 1);
    const work = this.real.all<T>();
    const result = await (this.#meter === undefined ? work : this.#meter.during(work));
    meta(result);
    return result;
  }

  run<T>(): Promise<D1Result<T>> {
    return this.all<T>();
  }

  /** `first` and `raw` carry no counts of rows, so both are read off `all`. */
  async first(column?: string): Promise<unknown> {
    const row = (await this.all<Record<string, unknown>>()).results[0];
    if (row === undefined) return null;
    return column === undefined ? row : row[column];
  }

  async raw(options?: { columnNames?: boolean }): Promise<unknown[][]> {
    const { results } = await this.all<Record<string, unknown>>();
    const rows = results.map((row) => Object.values(row));
    return options?.columnNames === true ? [Object.keys(results[0] ?? {}), ...rows] : rows;
  }
}

/** Wraps a database, or a session of one. */
export function countedD1(real: Source, meter: Meter | undefined): D1Database {
  const counted = {
    prepare: (sql: string) => new CountedStatement(real.prepare(sql), meter),
    batch: async (statements: readonly CountedStatement[]) => {
      count("d1_transactions", 1);
      const work = real.batch(statements.map((statement) => statement.real));
      const results = await (meter === undefined ? work : meter.during(work));
      for (const result of results) meta(result);
      return results;
    },
    withSession: (constraint?: string) => {
      const session = (real as D1Database).withSession(constraint);
      return Object.assign(countedD1(session, meter), {
        getBookmark: () => session.getBookmark(),
      });
    },
  };
  return counted as unknown as D1Database;
}
