/**
 * The Outbox's tables. `unit` has no rowid and no index, so that a message costs one row written
 * when it is accepted, one per change and one when it leaves. Small columns stand first: a scan at
 * start does not read content.
 */
import type { AcceptUnit, ContentRef, Lane } from "../../core/custody.ts";
import type { Phase, UnitRecord } from "../../core/unit.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS unit (
  id TEXT PRIMARY KEY,
  lane TEXT NOT NULL,
  stream TEXT NOT NULL,
  count INTEGER NOT NULL,
  created INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  phase TEXT NOT NULL,
  due INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  blob TEXT,
  record TEXT NOT NULL,
  head TEXT NOT NULL,
  content TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS idempotency (
  key TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  response TEXT NOT NULL,
  expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pause (stream TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch (key TEXT PRIMARY KEY, ids TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS book (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  accepted INTEGER NOT NULL,
  confirmed INTEGER NOT NULL
);
`;

export interface LoadedUnit {
  readonly id: string;
  readonly lane: Lane;
  readonly stream: string;
  readonly count: number;
  readonly created: number;
  /**
   * Recipients that the shard had accepted, with this one: the count survives in the rows
   * themselves.
   */
  readonly accepted: number;
  readonly phase: Phase;
  readonly due: number;
  readonly expires: number;
  readonly rev: number;
}

interface Headed {
  readonly head: string;
  readonly record: UnitRecord;
}

/**
 * Units kept parsed beside their rows: a message is read four times in the seconds between
 * acceptance and confirmation. Large heads are not kept, so that the most they take is some 20 MB.
 */
const RECENT_MAX = 4_000;
const RECENT_HEAD_MAX = 4_096;

/** The tables of one shard. */
export class OutboxTable {
  readonly #sql: SqlStorage;
  readonly #recent = new Map<string, Headed>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  *load(): Generator<LoadedUnit> {
    const rows = this.#sql.exec(
      `SELECT id, lane, stream, count, created, accepted, phase, due, expires, rev
       FROM unit ORDER BY id`,
    );
    for (const row of rows) yield row as unknown as LoadedUnit;
  }

  insert(unit: AcceptUnit, record: UnitRecord, accepted: number): void {
    const inline = "inline" in unit.content ? unit.content.inline : null;
    const blob = "key" in unit.content ? unit.content.key : null;
    this.#sql.exec(
      "INSERT INTO unit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      unit.id,
      unit.lane,
      unit.stream,
      unit.count,
      unit.createdAt,
      accepted,
      record.phase,
      record.due,
      record.expires,
      record.rev,
      blob,
      JSON.stringify(record),
      unit.head,
      inline,
    );
    this.#keep(unit.id, { head: unit.head, record });
  }

  write(id: string, record: UnitRecord): void {
    this.#sql.exec(
      "UPDATE unit SET phase = ?, due = ?, rev = ?, record = ? WHERE id = ?",
      record.phase,
      record.due,
      record.rev,
      JSON.stringify(record),
      id,
    );
    const recent = this.#recent.get(id);
    if (recent !== undefined) this.#recent.set(id, { head: recent.head, record });
  }

  record(id: string): UnitRecord | null {
    return this.headed(id)?.record ?? null;
  }

  headed(id: string): Headed | null {
    const recent = this.#recent.get(id);
    if (recent !== undefined) return recent;
    const row = this.#one<{ head: string; record: string }>(
      "SELECT head, record FROM unit WHERE id = ?",
      id,
    );
    if (row === null) return null;
    return this.#keep(id, { head: row.head, record: JSON.parse(row.record) as UnitRecord });
  }

  #keep(id: string, headed: Headed): Headed {
    if (headed.head.length > RECENT_HEAD_MAX) return headed;
    this.#recent.set(id, headed);
    const oldest = this.#recent.keys().next().value;
    if (this.#recent.size > RECENT_MAX && oldest !== undefined) this.#recent.delete(oldest);
    return headed;
  }

  content(id: string): ContentRef | null {
    const row = this.#one<{ blob: string | null; content: string | null }>(
      "SELECT blob, content FROM unit WHERE id = ?",
      id,
    );
    if (row === null) return null;
    return row.blob === null ? { inline: row.content ?? "{}" } : { key: row.blob };
  }

  /** A page of ids in order of time: the newest below `before`, or the oldest above `after`. */
  page(
    { before, after }: { before: string | null; after: string | null },
    limit: number,
  ): string[] {
    const rows =
      after === null
        ? this.#sql.exec<{ id: string }>(
            "SELECT id FROM unit WHERE id < ? ORDER BY id DESC LIMIT ?",
            before ?? "g",
            limit,
          )
        : this.#sql.exec<{ id: string }>(
            "SELECT id FROM unit WHERE id > ? ORDER BY id LIMIT ?",
            after,
            limit,
          );
    return rows.toArray().map((row) => row.id);
  }

  blobs(ids: readonly string[]): { id: string; blob: string }[] {
    return this.#sql
      .exec<{ id: string; blob: string }>(
        `SELECT id, blob FROM unit
         WHERE id IN (SELECT value FROM json_each(?)) AND blob IS NOT NULL`,
        JSON.stringify(ids),
      )
      .toArray();
  }

  /** Takes confirmed units out and writes the books down with them. */
  remove(ids: readonly string[], book: { accepted: number; confirmed: number }): void {
    for (const id of ids) this.#recent.delete(id);
    this.#sql.exec(
      "DELETE FROM unit WHERE id IN (SELECT value FROM json_each(?))",
      JSON.stringify(ids),
    );
    this.#sql.exec(
      "INSERT OR REPLACE INTO book (one, accepted, confirmed) VALUES (1, ?, ?)",
      book.accepted,
      book.confirmed,
    );
  }

  book(): { accepted: number; confirmed: number } {
    const row = this.#one<{ accepted: number; confirmed: number }>(
      "SELECT accepted, confirmed FROM book",
    );
    return row ?? { accepted: 0, confirmed: 0 };
  }

  replay(key: string, now: number): { digest: string; response: string } | null {
    return this.#one<{ digest: string; response: string }>(
      "SELECT digest, response FROM idempotency WHERE key = ? AND expires > ?",
      key,
      now,
    );
  }

  remember(key: string, digest: string, response: string, expires: number): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?)",
      key,
      digest,
      response,
      expires,
    );
  }

  sweepKeys(now: number, limit: number): void {
    this.#sql.exec(
      `DELETE FROM idempotency WHERE key IN
         (SELECT key FROM idempotency WHERE expires <= ? LIMIT ?)`,
      now,
      limit,
    );
  }

  /** The members of a provider call of several, in its order. */
  rememberBatch(key: string, ids: readonly string[]): void {
    this.#sql.exec("INSERT INTO batch VALUES (?, ?)", key, JSON.stringify(ids));
  }

  batches(): [key: string, ids: string[]][] {
    const rows = this.#sql.exec<{ key: string; ids: string }>("SELECT key, ids FROM batch");
    return rows.toArray().map(({ key, ids }) => [key, JSON.parse(ids) as string[]]);
  }

  forgetBatch(key: string): void {
    this.#sql.exec("DELETE FROM batch WHERE key = ?", key);
  }

  pauses(): string[] {
    const rows = this.#sql.exec<{ stream: string }>("SELECT stream FROM pause").toArray();
    return rows.map((row) => row.stream);
  }

  setPause(stream: string, paused: boolean): void {
    this.#sql.exec(
      paused ? "INSERT OR IGNORE INTO pause VALUES (?)" : "DELETE FROM pause WHERE stream = ?",
      stream,
    );
  }

  #one<T extends object>(query: string, ...bindings: (string | number)[]): T | null {
    const row = this.#sql.exec(query, ...bindings).toArray()[0];
    return row === undefined ? null : (row as unknown as T);
  }
}
