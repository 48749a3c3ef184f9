/** The tables of a job's object: the job itself in one row, and a row for each task once begun. */
import type {
  JobChanges,
  JobRecord,
  TaskRecord,
  TaskRef,
  Verdicts,
} from "../core/verification-task.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS job (one INTEGER PRIMARY KEY CHECK (one = 1), record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS task (
  kind TEXT NOT NULL,
  no INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  token TEXT NOT NULL,
  lease_until INTEGER NOT NULL,
  done INTEGER NOT NULL,
  verdicts TEXT,
  PRIMARY KEY (kind, no)
) WITHOUT ROWID;
`;

const PUT_JOB = "INSERT INTO job VALUES (1, ?) ON CONFLICT DO UPDATE SET record = excluded.record";

const PUT_TASK = `INSERT INTO task VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET attempts = excluded.attempts, token = excluded.token,
  lease_until = excluded.lease_until, done = excluded.done, verdicts = excluded.verdicts`;

type TaskRow = Omit<TaskRecord, "done" | "verdicts"> & {
  readonly kind: TaskRef["kind"];
  readonly done: number;
  readonly verdicts: string | null;
};

/** What is stored of one job. */
export class VerificationTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Makes the tables, which an object without a job does not have. */
  create(): void {
    this.#sql.exec(SCHEMA);
  }

  /** Null: there is no job here. Asking for one that is gone leaves nothing behind. */
  record(): JobRecord | null {
    const tables = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'job'";
    if (this.#sql.exec(tables).toArray().length === 0) return null;
    const row = this.#sql.exec<{ record: string }>("SELECT record FROM job").toArray()[0];
    return row === undefined ? null : (JSON.parse(row.record) as JobRecord);
  }

  tasks(): TaskRecord[] {
    const rows = this.#sql
      .exec("SELECT kind, no, attempts, token, lease_until AS leaseUntil, done, verdicts FROM task")
      .toArray() as unknown as TaskRow[];
    return rows.map(({ verdicts, done, ...row }) => ({
      ...row,
      done: done === 1,
      verdicts: verdicts === null ? null : (JSON.parse(verdicts) as Verdicts),
    }));
  }

  write({ record, tasks }: JobChanges): void {
    if (record !== null) this.#sql.exec(PUT_JOB, JSON.stringify(record));
    for (const { kind, no, attempts, token, leaseUntil, done, verdicts } of tasks) {
      const text = verdicts === null ? null : JSON.stringify(verdicts);
      this.#sql.exec(PUT_TASK, kind, no, attempts, token, leaseUntil, Number(done), text);
    }
  }
}
