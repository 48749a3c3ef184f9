/** What bulk verification may use: its objects, its consumers, its routes and the cron. */
import type { JobSnapshot, NewJob, TaskHint } from "../core/verification-task.ts";
import type { VerificationJobServices } from "../edge/verification-jobs.ts";
import type { JobResults, VerificationJobDeps } from "../objects/verification-job.ts";
import * as store from "../store/verification-jobs.ts";
import type { JobFiles, JobPort, JobRef, TaskDeps } from "../verify/jobs/ports.ts";
import { INPUT } from "../verify/jobs/rows.ts";
import type { PartedUpload } from "../verify/jobs/upload.ts";
import type { Env } from "./bindings.ts";
import { bytes, isolateOf, log, now, sleep, uuid } from "./isolate.ts";
import { verifyDeps } from "./verify.ts";

/** A hint of a task waits behind tasks of seconds, where a pack waits behind calls. */
const HINT_PACKS = 4;

/** An upload that has not become a job by then has broken off. */
const UPLOADING_MAX_MS = 6 * 3_600_000;

/** Jobs whose objects the cron wakes at a time; of more, others each minute. */
const TOUCH_MAX = 200;

interface JobStub extends JobPort {
  create(job: NewJob): Promise<JobSnapshot>;
  view(): Promise<JobSnapshot | null>;
  pause(): Promise<JobSnapshot | null>;
  resume(): Promise<JobSnapshot | null>;
  cancel(): Promise<JobSnapshot | null>;
  erase(): Promise<boolean>;
  results(): Promise<JobResults | null>;
  touch(): Promise<boolean>;
}

const jobOf = (env: Env, { scope, id }: JobRef): JobStub =>
  env.JOB.getByName(`${scope}/${id}`) as unknown as JobStub;

function filesOf(env: Env): JobFiles {
  const bucket = env.CONTENT;
  const keyOf = ({ scope, id }: JobRef, name: string): string => store.jobFileKey(scope, id, name);
  return {
    open: async (ref, name) => {
      const object = await bucket.get(keyOf(ref, name));
      return (object?.body ?? null) as AsyncIterable<Uint8Array> | null;
    },
    read: async (ref, name) => {
      const object = await bucket.get(keyOf(ref, name));
      return object === null ? null : object.text();
    },
    write: async (ref, name, text) => {
      await bucket.put(keyOf(ref, name), text);
    },
    remove: (ref, name) => bucket.delete(keyOf(ref, name)),
  };
}

/** What the tasks' consumer may use. */
export function taskServices(env: Env): TaskDeps {
  return {
    sleep,
    job: (ref) => jobOf(env, ref),
    files: filesOf(env),
    random: bytes,
    verify: (scope) => verifyDeps(env, scope),
    log,
  };
}

/** What a job's object may use; `announce` tells the account's endpoints of an end. */
export function jobDeps(
  env: Env,
  announce: (job: JobSnapshot) => Promise<void>,
): VerificationJobDeps {
  const { lease_ms, pack_stale_ms } = isolateOf(env).config.limits;
  return {
    now,
    uuid,
    times: { leaseMs: lease_ms, hintMs: pack_stale_ms * HINT_PACKS },
    sendHints: async (hints) => {
      await env.VERIFY.sendBatch(
        hints.map((body: TaskHint) => ({ body, contentType: "json" as const })),
      );
    },
    tellEnd: async (job) => {
      await store.endJob(env.DB, job);
      await announce(job);
    },
    deleteAll: async (scope, id) => {
      await store.deleteJobFiles(env.CONTENT, scope, id);
      await store.deleteJob(env.DB, scope, id);
    },
    log,
  };
}

async function dropUpload(env: Env, { scope, id }: JobRef): Promise<void> {
  await store.deleteJobFiles(env.CONTENT, scope, id);
  await store.deleteJob(env.DB, scope, id);
}

/** What the routes may use. */
export function verificationJobServices(env: Env): VerificationJobServices {
  return {
    announceUpload: (job, most) => store.insertJob(env.DB, job, most),
    upload: (ref) => ({
      put: async (all) => {
        await env.CONTENT.put(store.jobFileKey(ref.scope, ref.id, INPUT), all);
      },
      begin: () => beginUpload(env.CONTENT, store.jobFileKey(ref.scope, ref.id, INPUT)),
    }),
    dropUpload: (ref) =>
      dropUpload(env, ref).catch((error: unknown) => {
        log("upload_not_dropped", { reason: String(error) });
      }),
    create: (job) => jobOf(env, job).create(job),
    view: (ref) => jobOf(env, ref).view(),
    act: (ref, action) => jobOf(env, ref)[action](),
    erase: (ref) => jobOf(env, ref).erase(),
    list: (scope, page) => store.listJobs(env.DB, scope, page),
    results: (ref) => jobOf(env, ref).results(),
    files: filesOf(env),
    verify: (scope) => verifyDeps(env, scope),
  };
}

async function beginUpload(bucket: R2Bucket, key: string): Promise<PartedUpload> {
  const upload = await bucket.createMultipartUpload(key);
  const parts: R2UploadedPart[] = [];
  return {
    part: async (no, part) => {
      parts.push(await upload.uploadPart(no, part));
    },
    complete: async () => {
      await upload.complete(parts);
    },
    abort: () => upload.abort(),
  };
}

/** The cron's part: wakes the objects of jobs that go on, and drops uploads that became none. */
export async function tendJobs(env: Env): Promise<void> {
  const jobs = await store.openJobs(env.DB, TOUCH_MAX);
  const touched = await Promise.allSettled(
    jobs.map(async ({ createdAt, ...ref }) => {
      const isThere = await jobOf(env, ref).touch();
      if (!isThere && createdAt + UPLOADING_MAX_MS <= now()) await dropUpload(env, ref);
    }),
  );
  for (const one of touched) {
    if (one.status === "rejected") log("job_not_tended", { reason: String(one.reason) });
  }
}
