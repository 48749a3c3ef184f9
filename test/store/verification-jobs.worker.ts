import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { Job } from "../../src/core/verification-job.ts";
import { newRecord } from "../../src/core/verification-task.ts";
import {
  deleteJob,
  deleteJobFiles,
  endJob,
  insertJob,
  jobFileKey,
  listJobs,
  openJobs,
} from "../../src/store/verification-jobs.ts";

const ended = (scope: string, id: string) => {
  const job = new Job(
    newRecord({
      ...{ scope, id, name: "n", format: "csv", column: null, header: null, policy: false },
      ...{ probe: false, bytes: 1, createdAt: 5 },
    }),
    null,
    { leaseMs: 1, hintMs: 1 },
  );
  job.cancel(9);
  return job.snapshot();
};

const insert = (scope: string, id: string, most = 10): Promise<boolean> =>
  insertJob(env.DB, { scope, id, name: "n", at: 5 }, most);

const page = { limit: 10, after: null, before: null };

describe("the list of jobs", () => {
  test("takes no more open ones than an account may have, and counts no other's", async () => {
    expect(await insert("few", "a", 2)).toBe(true);
    expect(await insert("few", "b", 2)).toBe(true);
    expect(await insert("few", "c", 2)).toBe(false);
    expect(await insert("others", "c", 2)).toBe(true);
    await endJob(env.DB, ended("few", "a"));
    expect(await insert("few", "c", 2)).toBe(true);
  });

  test("keeps how a job ended, as it was first said", async () => {
    await insert("ends", "a");
    expect(await listJobs(env.DB, "ends", page)).toEqual([
      { id: "a", name: "n", createdAt: 5, snapshot: null },
    ]);
    const snapshot = ended("ends", "a");
    await endJob(env.DB, snapshot);
    await endJob(env.DB, { ...snapshot, endedAt: 99 });
    expect((await listJobs(env.DB, "ends", page))[0]?.snapshot).toEqual(snapshot);
    await deleteJob(env.DB, "ends", "a");
    await endJob(env.DB, snapshot);
    expect(await listJobs(env.DB, "ends", page)).toEqual([]);
  });

  test("has pages in both directions", async () => {
    for (const id of ["1", "2", "3", "4"]) await insert("pages", id);
    const ids = async (given: Partial<typeof page> | object) =>
      (await listJobs(env.DB, "pages", { ...page, ...given })).map(({ id }) => id);
    expect(await ids({})).toEqual(["4", "3", "2", "1"]);
    expect(await ids({ limit: 2, after: "3" })).toEqual(["2", "1"]);
    expect(await ids({ limit: 2, before: "1" })).toEqual(["3", "2"]);
  });

  test("names the open ones to the cron, and writes two rows for each job", async () => {
    await env.DB.exec("DELETE FROM verification_job");
    await insert("open", "a");
    await insert("open", "b");
    await endJob(env.DB, ended("open", "a"));
    expect(await openJobs(env.DB, 10)).toEqual([{ scope: "open", id: "b", createdAt: 5 }]);
    expect(await openJobs(env.DB, 0)).toEqual([]);
    const { meta } = await env.DB.prepare(
      "INSERT INTO verification_job (account_id, id, name, created_at) VALUES ('o', 'x', '', 1)",
    ).run();
    expect(meta.rows_written).toBe(2);
  });
});

test("the files of one job are deleted, however many, and no other's", async () => {
  const key = (id: string, name: string): string => jobFileKey("files~test", id, name);
  const names = Array.from({ length: 1_050 }, (_, n) => `results/${n}-t`);
  for (let from = 0; from < names.length; from += 50) {
    await Promise.all(
      names.slice(from, from + 50).map((name) => env.CONTENT.put(key("a", name), "")),
    );
  }
  await env.CONTENT.put(key("ab", "input"), "x");
  await deleteJobFiles(env.CONTENT, "files~test", "a");
  const { objects } = await env.CONTENT.list({ prefix: "verification/files~test/" });
  expect(objects.map((object) => object.key)).toEqual([key("ab", "input")]);
});
