/**
 * Bulk verifications: the D1 table `verification_job` (migrations/0009), and R2 keys
 * `verification/<scope>/<job>/<file>`: the upload, the rows as they were read, the results.
 */
import type { JobSnapshot } from "../core/verification-task.ts";

/** A job of the list. */
export interface ListedJob {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  /** How it ended; null: it goes on. */
  readonly snapshot: JobSnapshot | null;
}

/**
 * Puts a job on the list before its upload is stored.
 *
 * @returns false: the account has `most` open ones already
 */
export async function insertJob(
  db: D1Database,
  job: { readonly scope: string; readonly id: string; readonly name: string; readonly at: number },
  most: number,
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `INSERT INTO verification_job (account_id, id, name, created_at) SELECT ?1, ?2, ?3, ?4
       WHERE (SELECT count(*) FROM verification_job WHERE account_id = ?1 AND ended_at = 0) < ?5`,
    )
    .bind(job.scope, job.id, job.name, job.at, most)
    .run();
  return meta.changes > 0;
}

/** Notes how a job ended; doing it again changes nothing. */
export async function endJob(db: D1Database, job: JobSnapshot): Promise<void> {
  await db
    .prepare(
      `UPDATE verification_job SET ended_at = ?3, snapshot = ?4
       WHERE account_id = ?1 AND id = ?2 AND ended_at = 0`,
    )
    .bind(job.scope, job.id, job.endedAt, JSON.stringify(job))
    .run();
}

/** Takes a job off the list. */
export async function deleteJob(db: D1Database, scope: string, id: string): Promise<void> {
  await db
    .prepare("DELETE FROM verification_job WHERE account_id = ? AND id = ?")
    .bind(scope, id)
    .run();
}

/** A page of an account's jobs, newest first: `limit` older than `after` or newer than `before`. */
export async function listJobs(
  db: D1Database,
  scope: string,
  page: { readonly limit: number; readonly after: string | null; readonly before: string | null },
): Promise<ListedJob[]> {
  const columns = "id, name, created_at AS createdAt, snapshot";
  const query =
    page.before === null
      ? `SELECT ${columns} FROM verification_job WHERE account_id = ?1 AND id < ?2
         ORDER BY id DESC LIMIT ?3`
      : `SELECT ${columns} FROM verification_job WHERE account_id = ?1 AND id > ?2
         ORDER BY id LIMIT ?3`;
  // Every id is below "g".
  const { results } = await db
    .prepare(query)
    .bind(scope, page.before ?? page.after ?? "g", page.limit)
    .all<Omit<ListedJob, "snapshot"> & { snapshot: string | null }>();
  const jobs = results.map(({ snapshot, ...job }) => ({
    ...job,
    snapshot: snapshot === null ? null : (JSON.parse(snapshot) as JobSnapshot),
  }));
  return page.before === null ? jobs : jobs.reverse();
}

/** Jobs that go on, of all accounts; when there are more than `limit`, others each time. */
export async function openJobs(
  db: D1Database,
  limit: number,
): Promise<{ readonly scope: string; readonly id: string; readonly createdAt: number }[]> {
  const { results } = await db
    .prepare(
      `SELECT account_id AS scope, id, created_at AS createdAt FROM verification_job
       WHERE ended_at = 0 ORDER BY random() LIMIT ?`,
    )
    .bind(limit)
    .all<{ scope: string; id: string; createdAt: number }>();
  return results;
}

const PREFIX = "verification/";

/** Where a file of a job lies. */
export const jobFileKey = (scope: string, id: string, name: string): string =>
  `${PREFIX}${scope}/${id}/${name}`;

/** Deletes everything that lies in R2 of a job. */
export async function deleteJobFiles(bucket: R2Bucket, scope: string, id: string): Promise<void> {
  // A list has up to 1,000 keys, which is what one call deletes.
  for (;;) {
    const { objects, truncated } = await bucket.list({ prefix: jobFileKey(scope, id, "") });
    if (objects.length > 0) await bucket.delete(objects.map(({ key }) => key));
    if (!truncated) return;
  }
}
