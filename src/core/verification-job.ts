/**
 * A bulk verification as its object keeps it: how far it is, who is doing what, and what has been
 * found. Pure: times (Unix ms) and tokens are arguments, and `takeChanges` says what to store.
 *
 *   reading -> resolving -> verifying -> done;  from each: cancelled, failed
 *
 * A task is offered by a hint on a queue, claimed under a lease and settled once: the first outcome
 * of a task is kept, whoever brings it, and every later one is told that it was not. What is never
 * settled is given up after `ATTEMPTS_MAX` claims or when the job's time is over, and its addresses
 * end as `unknown`: every job ends, with one result for each line that was read.
 */
import { Stage } from "./verification-stage.ts";
import {
  ATTEMPTS_MAX,
  addVerdicts,
  type Claim,
  type Finished,
  JOB_MAX_MS,
  type JobChanges,
  type JobEnd,
  type JobError,
  type JobRecord,
  type JobSnapshot,
  type JobTimes,
  notChecked,
  type Outcome,
  PAUSE_MAX_MS,
  type PortionResults,
  PROBE_JOB_MAX_MS,
  RESOLVE_MAX_MS,
  sumsUp,
  type TaskRecord,
  type TaskRef,
  type Verdicts,
} from "./verification-task.ts";

const TASK_OF = { reading: "read", resolving: "resolve", verifying: "verify" } as const;

const NO_VERDICTS: Verdicts = { status: {}, recommendation: {}, reason: {} };

/** Why a job ends that nobody has ended. */
export const JOB_ERRORS = {
  paused: { code: "paused_too_long", message: "The job was paused for a week." },
  late: { code: "read_too_late", message: "The upload could not be read in time." },
  broken: {
    code: "read_failed",
    message: `Reading the upload broke off ${ATTEMPTS_MAX} times.`,
  },
} as const satisfies Record<string, JobError>;

/** One job. Every method is synchronous; what it changes is in `takeChanges`. */
export class Job {
  #record: JobRecord;
  readonly #times: JobTimes;
  #stage: Stage;
  #verdicts = NO_VERDICTS;
  #recordChanged: boolean;

  /** @param tasks the stored rows; null for a new job, of which nothing is stored yet */
  constructor(record: JobRecord, tasks: readonly TaskRecord[] | null, times: JobTimes) {
    this.#record = record;
    this.#times = times;
    this.#stage = this.#stageOf(record);
    this.#recordChanged = tasks === null;
    for (const task of tasks ?? []) this.#stage.load(task);
    for (const [no, finished] of this.#stage.finished) this.#count(no, finished);
  }

  get record(): JobRecord {
    return this.#record;
  }

  /** What has to be stored before anything is answered; each change is handed out once. */
  takeChanges(): JobChanges {
    const record = this.#recordChanged ? this.#record : null;
    this.#recordChanged = false;
    return { record, tasks: this.#stage.takeChanges() };
  }

  /** Gives out a task under a lease; null: there is nothing to do of it, for now or for good. */
  claim(ref: TaskRef, token: string, now: number): Claim | null {
    if (!this.#isOpen(ref) || this.#record.pausedAt > 0) return null;
    if (!this.#stage.claim(ref.no, token, now)) return null;
    const { scope, id, name, format, column, header, policy, probe, bytes, createdAt } =
      this.#record;
    const job = { scope, id, name, format, column, header, policy, probe, bytes, createdAt };
    const { leaseMs } = this.#times;
    return { token, leaseMs, job, readToken: this.#record.read?.token ?? "" };
  }

  /** Makes a lease longer. False: the task is somebody else's, or nobody's any more. */
  renew(ref: TaskRef, token: string, now: number): boolean {
    return this.#isOpen(ref) && this.#stage.renew(ref.no, token, now);
  }

  /**
   * States what became of a task. False: it does not count, because another outcome was first, the
   * job is over, or it was none. Who says the same again is answered the same.
   */
  settle(ref: TaskRef, token: string, outcome: Outcome, now: number): boolean {
    const { kind, no } = ref;
    if (kind === "read" && this.#record.read?.token === token) return outcome.kind === "read";
    const known = kind === this.#stage.kind ? this.#stage.finished.get(no) : undefined;
    if (known !== undefined) return known.token === token && outcome.kind !== "failed";
    if (!this.#isOpen(ref)) return false;
    const isHolder = this.#stage.isHolder(no, token);
    if (outcome.kind === "failed") {
      if (isHolder) this.#fail(no, now);
      return false;
    }
    if (outcome.kind === "refused") {
      if (!isHolder || kind !== "read") return false;
      this.#end("failed", outcome.error, now);
      return true;
    }
    if (outcome.kind !== kind) return false;
    if (outcome.kind === "read") {
      this.#change({ read: { ...outcome.summary, token } });
      this.#enter("resolving", now);
      return true;
    }
    const verdicts = outcome.kind === "verify" ? outcome.verdicts : null;
    if (verdicts !== null && !sumsUp(verdicts, this.#addressesOf(no))) {
      if (isHolder) this.#fail(no, now);
      return false;
    }
    this.#finish(no, { token, verdicts });
    this.#advance(now);
    return true;
  }

  /** Tasks that are now to be hinted at on the queue. */
  takeHints(now: number): TaskRef[] {
    if (this.#record.end !== null || this.#record.pausedAt > 0) return [];
    const { kind } = this.#stage;
    return this.#stage.takeHints(now).map((no) => ({ kind, no }));
  }

  /** Hints that could not be put on the queue are due again at `after`. */
  takeBack(hints: readonly TaskRef[], after: number): void {
    for (const hint of hints) if (this.#isOpen(hint)) this.#stage.takeBack(hint.no, after);
  }

  /** What time alone does: leases and hints run out, and so do stages and jobs. */
  lapse(now: number): void {
    const { end, pausedAt, stage, stageAt, read } = this.#record;
    if (end !== null) return;
    if (pausedAt > 0 && pausedAt + PAUSE_MAX_MS <= now) {
      this.#end("cancelled", JOB_ERRORS.paused, now);
    } else if (pausedAt === 0 && this.#endsAt() <= now) {
      if (read === null) this.#end("failed", JOB_ERRORS.late, now);
      else this.#end("done", null, now);
    } else if (pausedAt === 0 && stage === "resolving" && stageAt + RESOLVE_MAX_MS <= now) {
      this.#enter("verifying", now);
    } else {
      for (const no of this.#stage.lapse(now)) this.#giveUp(no, now);
      this.#advance(now);
    }
  }

  /** When `lapse` or `takeHints` has something to do next, Unix ms; null: never. */
  next(): number | null {
    const { end, pausedAt, stage, stageAt } = this.#record;
    if (end !== null) return null;
    if (pausedAt > 0) return Math.min(pausedAt + PAUSE_MAX_MS, this.#stage.next(true));
    const at = Math.min(this.#endsAt(), this.#stage.next(false));
    return stage === "resolving" ? Math.min(at, stageAt + RESOLVE_MAX_MS) : at;
  }

  /** No task is given out until it is resumed; those that are being done still count. */
  pause(now: number): void {
    if (this.#record.end !== null || this.#record.pausedAt > 0) return;
    this.#stage.dropHints();
    this.#change({ pausedAt: now });
  }

  resume(now: number): void {
    const { end, pausedAt, pausedMs, stageAt } = this.#record;
    if (end !== null || pausedAt === 0) return;
    const restMs = Math.max(0, now - pausedAt);
    this.#change({ pausedAt: 0, pausedMs: pausedMs + restMs, stageAt: stageAt + restMs });
  }

  /** Ends it where it stands; what has ended stays as it is. */
  cancel(now: number): void {
    if (this.#record.end === null) this.#end("cancelled", null, now);
  }

  /** Ends it, and everything of it is to be deleted. */
  erase(now: number): void {
    this.cancel(now);
    if (!this.#record.erasing) this.#change({ erasing: true });
  }

  /** Whoever waits for the end knows. */
  told(): void {
    if (!this.#record.told) this.#change({ told: true });
  }

  /** How it stands. */
  snapshot(): JobSnapshot {
    const { read: all, end, stage, ...record } = this.#record;
    const { finished, count: tasks } = this.#stage;
    let done = 0;
    if (stage === "verifying") for (const no of finished.keys()) done += this.#addressesOf(no);
    const left = end === null || all === null ? 0 : all.addresses - done;
    const verdicts = left > 0 ? addVerdicts(this.#verdicts, notChecked(left)) : this.#verdicts;
    const { portions: _, token: __, ...read } = all ?? { portions: [], token: "" };
    return {
      ...{ ...record, end, stage, tasks, finished: finished.size, done: done + left, verdicts },
      read: all === null ? null : (read as JobSnapshot["read"]),
    };
  }

  /** The results of each portion, from the first on; of a job that goes on, up to a gap. */
  results(): PortionResults[] {
    const { read, end, stage } = this.#record;
    if (read === null || (end === null && stage !== "verifying")) return [];
    const all: PortionResults[] = [];
    for (let no = 0; no < read.portions.length; no++) {
      const finished = stage === "verifying" ? this.#stage.finished.get(no) : undefined;
      if (finished === undefined && end === null) break;
      all.push({ addresses: this.#addressesOf(no), token: "", verdicts: null, ...finished });
    }
    return all;
  }

  #change(fields: Partial<JobRecord>): void {
    this.#record = { ...this.#record, ...fields };
    this.#recordChanged = true;
  }

  #stageOf({ stage, read }: JobRecord): Stage {
    const counts = { reading: 1, resolving: read?.lists, verifying: read?.portions.length };
    return new Stage(TASK_OF[stage], counts[stage] ?? 0, this.#times);
  }

  /** Whether there is such a task and it is to be done now. */
  #isOpen({ kind, no }: TaskRef): boolean {
    return this.#record.end === null && kind === this.#stage.kind && this.#stage.isOpen(no);
  }

  #addressesOf(no: number): number {
    return this.#record.read?.portions[no]?.[1] ?? 0;
  }

  #endsAt(): number {
    const { createdAt, pausedMs, probe } = this.#record;
    return createdAt + pausedMs + (probe ? PROBE_JOB_MAX_MS : JOB_MAX_MS);
  }

  #count(no: number, { verdicts }: Finished): void {
    if (this.#stage.kind !== "verify") return;
    const counted = verdicts ?? notChecked(this.#addressesOf(no));
    this.#verdicts = addVerdicts(this.#verdicts, counted);
  }

  #finish(no: number, finished: Finished): void {
    this.#stage.finish(no, finished);
    this.#count(no, finished);
  }

  #fail(no: number, now: number): void {
    if (this.#stage.fail(no, now)) return;
    this.#giveUp(no, now);
    this.#advance(now);
  }

  #giveUp(no: number, now: number): void {
    if (this.#stage.kind === "read") this.#end("failed", JOB_ERRORS.broken, now);
    else this.#finish(no, { token: "", verdicts: null });
  }

  #advance(now: number): void {
    const { stage, end } = this.#record;
    if (end !== null || this.#stage.finished.size < this.#stage.count) return;
    if (stage === "resolving") this.#enter("verifying", now);
    else if (stage === "verifying") this.#end("done", null, now);
  }

  /** The rows of the stage before say nothing any more. */
  #enter(stage: "resolving" | "verifying", now: number): void {
    this.#change({ stage, stageAt: now });
    this.#stage = this.#stageOf(this.#record);
    this.#advance(now);
  }

  #end(end: JobEnd, error: JobError | null, now: number): void {
    this.#change({ end, error, endedAt: now, pausedAt: 0 });
  }
}
