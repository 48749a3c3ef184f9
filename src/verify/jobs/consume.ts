/**
 * The consumer of the queue of tasks. A message is a hint: what is to be done is asked of the job's
 * object, so that one that comes twice, late or for nothing does no harm. It never throws: every
 * message is acked or retried.
 */
import { type Backoff, backoffMs } from "../../core/backoff.ts";
import type { Claim, TaskHint, TaskRef } from "../../core/verification-task.ts";
import type { JobPort, JobRef, TaskDeps, TaskMessage } from "./ports.ts";
import { type Work, work } from "./tasks.ts";

/** A lease is renewed when a quarter of it is over: three renewals may fail. */
const RENEWALS = 4;

/** An object that does not answer is asked again soon at first, then every five minutes. */
const OUTAGE_BACKOFF: Backoff = { firstMs: 2_000, maxMs: 300_000 };

/** An outcome is stated this many times before it is left to the lease to run out. */
const SETTLE_TRIES = 3;
const SETTLE_AGAIN_MS = 500;

const KINDS: readonly string[] = ["read", "resolve", "verify"] satisfies TaskRef["kind"][];

/** Handles one batch of the queue. */
export async function consumeTasks(
  messages: readonly TaskMessage[],
  deps: TaskDeps,
): Promise<void> {
  for (const message of messages) {
    const hint = readHint(message.body);
    if (hint === null) {
      deps.log("task_not_read", {});
      message.ack();
      continue;
    }
    const { task } = hint;
    const ref = { scope: hint.scope, id: hint.job };
    try {
      const job = deps.job(ref);
      const claim = await job.claim(task);
      if (claim !== null) await perform(ref, task, claim, job, deps);
      message.ack();
    } catch (error) {
      deps.log("task_not_claimed", { reason: String(error), kind: task.kind });
      const waitMs = backoffMs(OUTAGE_BACKOFF, message.attempts, 1);
      message.retry({ delaySeconds: Math.ceil(waitMs / 1_000) });
    }
  }
}

function readHint(body: unknown): TaskHint | null {
  const { scope, job, task } = (body ?? {}) as Partial<TaskHint>;
  if (typeof scope !== "string" || typeof job !== "string") return null;
  const isTask = KINDS.includes(task?.kind ?? "") && Number.isInteger(task?.no);
  return isTask ? (body as TaskHint) : null;
}

/** Does a task and states what became of it. What cannot be stated, the lease's end does. */
async function perform(
  ref: JobRef,
  task: TaskRef,
  claim: Claim,
  job: JobPort,
  deps: TaskDeps,
): Promise<void> {
  const { token, leaseMs } = claim;
  const beat = { over: false, everyMs: leaseMs / RENEWALS };
  void keepLease(beat, () => job.renew(task, token), deps);
  const done = await work(ref, task, claim, deps).catch((error: unknown): Work => {
    deps.log("task_failed", { reason: String(error), kind: task.kind, no: task.no });
    return { outcome: { kind: "failed" }, undo: null };
  });
  const kept = await settle(() => job.settle(task, token, done.outcome), deps);
  beat.over = true;
  if (kept !== false || done.undo === null) return;
  await done.undo().catch((error: unknown) => {
    // It is found by nobody, and deleted with the job.
    deps.log("result_not_removed", { reason: String(error) });
  });
}

async function keepLease(
  beat: { readonly over: boolean; readonly everyMs: number },
  renew: () => Promise<boolean>,
  { sleep, log }: TaskDeps,
): Promise<void> {
  for (;;) {
    await sleep(beat.everyMs);
    if (beat.over) return;
    try {
      if (!(await renew())) return;
    } catch (error) {
      log("lease_not_renewed", { reason: String(error) });
    }
  }
}

/** Null: the object has not answered, and may have kept it. */
async function settle(
  ask: () => Promise<boolean>,
  { sleep, log }: TaskDeps,
): Promise<boolean | null> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      log("task_not_settled", { reason: String(error) });
      if (tries >= SETTLE_TRIES) return null;
      await sleep(SETTLE_AGAIN_MS * tries);
    }
  }
}
