/**
 * The object of one bulk verification: the ledger of its tasks. Every entry point changes rows and
 * memory in one synchronous turn, and ends by offering what is to be done and arming the one alarm.
 * Some two rows are written per task: when it is claimed and when it is settled.
 */
import { DurableObject } from "cloudflare:workers";
import { type Backoff, backoffMs } from "../core/backoff.ts";
import { Job } from "../core/verification-job.ts";
import {
  type Claim,
  type JobSnapshot,
  type JobTimes,
  type NewJob,
  newRecord,
  type Outcome,
  type PortionResults,
  RETENTION_MS,
  type TaskHint,
  type TaskRef,
} from "../core/verification-task.ts";
import { VerificationTable } from "./verification-table.ts";

/** An alarm is armed again before it works: one that dies in its work comes again. */
const SAFETY_MS = 30_000;

/** An alarm that is this little too late is left where it is. */
const SLACK_MS = 50;

/** Hints that the queue does not take are offered again. */
const QUEUE_AGAIN_MS = 5_000;

/**
 * Whoever does a task of a job that has ended may write for as long as a consumer lives, which is
 * 15 minutes: an erased job is swept once more after that, and only then forgotten.
 */
const LAST_WRITES_MS = 16 * 60_000;

/** Telling of the end, and deleting, are tried again soon at first, then every hour. */
const OUTAGE_BACKOFF: Backoff = { firstMs: 5_000, maxMs: 3_600_000 };

export interface VerificationJobDeps {
  readonly now: () => number;
  readonly uuid: () => string;
  readonly times: JobTimes;
  /** Puts hints on the queue. */
  readonly sendHints: (hints: readonly TaskHint[]) => Promise<void>;
  /** Notes the end of a job in the list and announces it; doing it again changes nothing. */
  readonly tellEnd: (job: JobSnapshot) => Promise<void>;
  /** Deletes everything of a job outside its object. */
  readonly deleteAll: (scope: string, id: string) => Promise<void>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/** The results of a job as its routes read them. */
export interface JobResults {
  readonly job: JobSnapshot;
  /** Under which the rows lie. */
  readonly readToken: string;
  readonly portions: readonly PortionResults[];
}

/** One job; its name is the account's scope, a slash and the job's id. */
export class VerificationJobObject<E> extends DurableObject<E> {
  readonly #deps: VerificationJobDeps;
  readonly #table: VerificationTable;
  #job: Job | null = null;
  #armedAt: number | null = null;
  /** Telling or deleting that is going on. */
  #ending: Promise<void> | null = null;
  /** Everything outside has been deleted, but for what may still be written. */
  #isSwept = false;
  #failures = 0;
  #endAgainAt = 0;

  constructor(ctx: DurableObjectState, env: E, deps: VerificationJobDeps) {
    super(ctx, env);
    this.#deps = deps;
    this.#table = new VerificationTable(ctx.storage.sql);
    const record = this.#table.record();
    if (record !== null) this.#job = new Job(record, this.#table.tasks(), deps.times);
    ctx.blockConcurrencyWhile(async () => {
      this.#armedAt = await ctx.storage.getAlarm();
      this.#done();
    });
  }

  /** Takes a job whose upload is stored. One that is there already stays as it is. */
  create(job: NewJob): JobSnapshot {
    this.#table.create();
    this.#job ??= new Job(newRecord(job), null, this.#deps.times);
    this.#done();
    return this.#job.snapshot();
  }

  /** Gives out a task; null: there is nothing to do of it. */
  claim(task: TaskRef): Claim | null {
    return this.#turn((job, now) => job.claim(task, this.#deps.uuid(), now));
  }

  renew(task: TaskRef, token: string): boolean {
    return this.#turn((job, now) => job.renew(task, token, now)) ?? false;
  }

  /** States what became of a task; false: it does not count. */
  settle(task: TaskRef, token: string, outcome: Outcome): boolean {
    return this.#turn((job, now) => job.settle(task, token, outcome, now)) ?? false;
  }

  /** Null, here and below: there is no such job, or not any more. */
  view(): JobSnapshot | null {
    return this.#job === null || this.#job.record.erasing ? null : this.#job.snapshot();
  }

  pause(): JobSnapshot | null {
    return this.#act((job, now) => job.pause(now));
  }

  resume(): JobSnapshot | null {
    return this.#act((job, now) => job.resume(now));
  }

  cancel(): JobSnapshot | null {
    return this.#act((job, now) => job.cancel(now));
  }

  results(): JobResults | null {
    const job = this.view();
    if (this.#job === null || job === null) return null;
    const readToken = this.#job.record.read?.token ?? "";
    return { job, readToken, portions: this.#job.results() };
  }

  /**
   * Deletes everything of the job, its own rows last. False: there is none. What cannot be deleted
   * at once the alarm deletes; the job is not seen any more.
   */
  async erase(): Promise<boolean> {
    if (this.#job === null || this.#job.record.erasing) return false;
    this.#turn((job, now) => job.erase(now));
    await this.#end();
    return true;
  }

  /** Wakes the object, which sees to what is due. False: there is no such job. */
  touch(): boolean {
    this.#turn((job, now) => job.lapse(now));
    return this.#job !== null;
  }

  override async alarm(): Promise<void> {
    const now = this.#deps.now();
    this.#armedAt = now + SAFETY_MS;
    await this.ctx.storage.setAlarm(this.#armedAt);
    this.#turn((job) => {
      job.lapse(now);
      const { end, endedAt } = job.record;
      if (end !== null && endedAt + RETENTION_MS <= now) job.erase(now);
    });
    await this.#end();
    const next = this.#next();
    this.#armedAt = next;
    if (next === null) await this.ctx.storage.deleteAlarm();
    else await this.ctx.storage.setAlarm(next);
  }

  #act(change: (job: Job, now: number) => void): JobSnapshot | null {
    this.#turn(change);
    return this.view();
  }

  #turn<T>(change: (job: Job, now: number) => T): T | null {
    if (this.#job === null) return null;
    const result = change(this.#job, this.#deps.now());
    this.#done();
    return result;
  }

  /** Stores what changed, offers what is to be done, arms the alarm. */
  #done(): void {
    if (this.#job === null) return;
    const now = this.#deps.now();
    const hints = this.#job.takeHints(now);
    this.#table.write(this.#job.takeChanges());
    if (hints.length > 0) this.ctx.waitUntil(this.#offer(hints));
    if (this.#job.record.end !== null && this.#endAgainAt <= now) this.ctx.waitUntil(this.#end());
    this.#arm();
  }

  #arm(): void {
    const next = this.#next();
    if (next === null || (this.#armedAt !== null && this.#armedAt <= next + SLACK_MS)) return;
    this.#armedAt = next;
    // Storage keeps writes in order and holds replies until they are durable.
    void this.ctx.storage.setAlarm(next);
  }

  #next(): number | null {
    if (this.#job === null) return null;
    const { end, endedAt, told, erasing } = this.#job.record;
    if (end === null) return this.#job.next();
    if (erasing && this.#isSwept) return endedAt + LAST_WRITES_MS;
    if (!erasing && told) return endedAt + RETENTION_MS;
    // It is being seen to now, or again then.
    const now = this.#deps.now();
    return this.#endAgainAt > now ? this.#endAgainAt : now + SAFETY_MS;
  }

  async #offer(hints: readonly TaskRef[]): Promise<void> {
    const job = this.#job;
    if (job === null) return;
    const { scope, id } = job.record;
    try {
      await this.#deps.sendHints(hints.map((task) => ({ v: 1, scope, job: id, task })));
    } catch (error) {
      this.#deps.log("task_hints_not_sent", { reason: String(error), hints: hints.length });
      job.takeBack(hints, this.#deps.now() + QUEUE_AGAIN_MS);
      this.#arm();
    }
  }

  /** Tells of the end, or deletes what is left; one at a time. Never rejects. */
  #end(): Promise<void> {
    this.#ending ??= this.#endOnce().finally(() => {
      this.#ending = null;
      this.#arm();
    });
    return this.#ending;
  }

  async #endOnce(): Promise<void> {
    const job = this.#job;
    if (job === null) return;
    const { end, endedAt, told, erasing, scope, id } = job.record;
    if (end === null || (told && !erasing)) return;
    const isFinal = endedAt + LAST_WRITES_MS <= this.#deps.now();
    if (erasing && this.#isSwept && !isFinal) return;
    try {
      if (erasing) {
        await this.#deps.deleteAll(scope, id);
        this.#isSwept = true;
        if (isFinal) await this.#forget();
      } else {
        await this.#deps.tellEnd(job.snapshot());
        job.told();
        this.#table.write(job.takeChanges());
      }
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      this.#endAgainAt = this.#deps.now() + backoffMs(OUTAGE_BACKOFF, this.#failures, 1);
      this.#deps.log("job_end_not_told", { reason: String(error), erasing: Number(erasing) });
    }
  }

  async #forget(): Promise<void> {
    this.#job = null;
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }
}
