/**
 * A bulk verification among consumers that die, repeat themselves and come late, an object that is
 * evicted, a queue that loses and repeats, and files that only the winner's stay of.
 */
import { expect } from "vitest";
import { Job } from "../../src/core/verification-job.ts";
import {
  addVerdicts,
  type JobRecord,
  type NewJob,
  newRecord,
  notChecked,
  OUT_MAX,
  type ReadSummary,
  type TaskRecord,
  type TaskRef,
  type Verdicts,
} from "../../src/core/verification-task.ts";

export const TIMES = { leaseMs: 30_000, hintMs: 60_000 };

/** Verdicts of `addresses`, of which so many are deliverable. */
export function verdictsOf(deliverable: number, addresses: number): Verdicts {
  const left = addresses - deliverable;
  const tally = (a: string, b: string) => ({
    ...(deliverable > 0 ? { [a]: deliverable } : {}),
    ...(left > 0 ? { [b]: left } : {}),
  });
  return {
    status: tally("deliverable", "unknown"),
    recommendation: tally("send", "review"),
    reason: tally("probe_accepted", "domain_takes_mail"),
  };
}

interface Worker {
  readonly ref: TaskRef;
  readonly token: string;
}

/** Steps are methods: each takes a number by which it picks what it is about. */
export class JobWorld {
  job: Job;
  rowsWritten = 0;
  readonly #summary: ReadSummary;
  #now: number;
  #tokens = 0;
  #record: JobRecord | null = null;
  readonly #rows = new Map<string, TaskRecord>();
  #queue: TaskRef[] = [];
  readonly #delivered: TaskRef[] = [];
  #workers: Worker[] = [];
  /** Those who have stated their outcome, and may do so again. */
  readonly #stated: (Worker & { readonly deliverable: number })[] = [];
  readonly #files = new Map<string, number>();
  /** Whose outcome of a portion was said to count. */
  readonly #kept = new Map<number, string>();

  constructor(job: NewJob, summary: ReadSummary) {
    this.#summary = summary;
    this.#now = job.createdAt;
    this.job = new Job(newRecord(job), null, TIMES);
    this.#store();
  }

  /** Takes a message off the queue and does what it says to, up to the claim. */
  deliver(pick: number): void {
    const [ref] = this.#queue.splice(pick % Math.max(1, this.#queue.length), 1);
    if (ref === undefined) return;
    this.#delivered.push(ref);
    this.#claim(ref);
  }

  redeliver(pick: number): void {
    const ref = this.#delivered[pick % Math.max(1, this.#delivered.length)];
    if (ref !== undefined) this.#claim(ref);
  }

  lose(pick: number): void {
    this.#queue.splice(pick % Math.max(1, this.#queue.length), 1);
  }

  finish(pick: number): void {
    const worker = this.#takeWorker(pick);
    if (worker === null) return;
    const deliverable = pick % 11;
    this.#stated.push({ ...worker, deliverable });
    this.#settle(worker, deliverable);
  }

  /** The answer was lost, and the outcome is stated again. */
  again(pick: number): void {
    const worker = this.#stated[pick % Math.max(1, this.#stated.length)];
    if (worker !== undefined) this.#settle(worker, worker.deliverable);
  }

  fail(pick: number): void {
    const worker = this.#takeWorker(pick);
    if (worker === null) return;
    expect(this.job.settle(worker.ref, worker.token, { kind: "failed" }, this.#now)).toBe(false);
    this.#store();
  }

  die(pick: number): void {
    this.#takeWorker(pick);
  }

  renew(pick: number): void {
    const worker = this.#workers[pick % Math.max(1, this.#workers.length)];
    if (worker !== undefined) this.job.renew(worker.ref, worker.token, this.#now);
  }

  /** All that is not stored is gone. */
  evict(_pick: number): void {
    const rows = JSON.parse(JSON.stringify([...this.#rows.values()])) as TaskRecord[];
    const record = JSON.parse(JSON.stringify(this.#record)) as JobRecord;
    this.job = new Job(record, rows, TIMES);
    this.#store();
  }

  wait(pick: number): void {
    this.#now += pick % (2 * TIMES.hintMs);
  }

  lapse(_pick: number): void {
    this.job.lapse(this.#now);
    this.#store();
  }

  pause(_pick: number): void {
    this.job.pause(this.#now);
    this.#store();
  }

  resume(_pick: number): void {
    this.job.resume(this.#now);
    this.#store();
  }

  cancel(_pick: number): void {
    this.job.cancel(this.#now);
    this.#store();
  }

  /** From here on everything works; nothing of what is under way is heard of again. */
  finishAll(): void {
    this.#workers = [];
    this.resume(0);
    const most = 50 + 10 * (this.#summary.portions.length + this.#summary.lists);
    for (let round = 0; this.job.record.end === null; round++) {
      if (round > most) throw new Error("it does not end");
      while (this.#queue.length > 0) this.deliver(0);
      while (this.#workers.length > 0) this.finish(round);
      const next = this.job.next();
      if (this.#queue.length > 0 || next === null) continue;
      this.#now = Math.max(this.#now, next);
      this.lapse(0);
    }
  }

  /** What has to hold at any time. */
  check(): void {
    const { done, verdicts, read } = this.job.snapshot();
    for (const tally of Object.values(verdicts)) {
      const sum = Object.values(tally as Record<string, number>).reduce((a, b) => a + b, 0);
      expect(sum).toBe(done);
    }
    expect(done).toBeLessThanOrEqual(read?.addresses ?? 0);
    for (const [no, { token, verdicts: counted }] of this.job.results().entries()) {
      if (token === "") continue;
      const deliverable = this.#files.get(`${no}-${token}`);
      expect(deliverable).toBeDefined();
      expect(counted).toEqual(verdictsOf(deliverable ?? 0, 10));
    }
  }

  /** The verdicts of the files that results point to. */
  filed(): Verdicts {
    let all: Verdicts = { status: {}, recommendation: {}, reason: {} };
    for (const [no, { token, addresses }] of this.job.results().entries()) {
      const deliverable = this.#files.get(`${no}-${token}`) ?? 0;
      all = addVerdicts(all, token === "" ? notChecked(addresses) : verdictsOf(deliverable, 10));
    }
    return all;
  }

  #claim(ref: TaskRef): void {
    const claim = this.job.claim(ref, `t${++this.#tokens}`, this.#now);
    this.#store();
    if (claim !== null) this.#workers.push({ ref, token: claim.token });
  }

  #takeWorker(pick: number): Worker | null {
    const [worker = null] = this.#workers.splice(pick % Math.max(1, this.#workers.length), 1);
    return worker;
  }

  /** The file is written before it is spoken of, and taken back when it does not count. */
  #settle({ ref, token }: Worker, deliverable: number): void {
    const { kind, no } = ref;
    const file = `${no}-${token}`;
    if (kind === "verify") this.#files.set(file, deliverable);
    const outcome =
      kind === "read"
        ? ({ kind, summary: this.#summary } as const)
        : kind === "resolve"
          ? ({ kind } as const)
          : ({ kind, verdicts: verdictsOf(deliverable, 10) } as const);
    const kept = this.job.settle(ref, token, outcome, this.#now);
    if (kind === "verify" && !kept) this.#files.delete(file);
    if (kind === "verify" && kept) {
      expect(this.#kept.get(no) ?? token).toBe(token);
      this.#kept.set(no, token);
    }
    this.#store();
  }

  #store(): void {
    const hints = this.job.takeHints(this.#now);
    expect(hints.length).toBeLessThanOrEqual(OUT_MAX);
    this.#queue.push(...hints);
    const { record, tasks } = this.job.takeChanges();
    if (record !== null) this.#record = record;
    for (const task of tasks) this.#rows.set(`${task.kind}/${task.no}`, task);
    this.rowsWritten += tasks.length + (record === null ? 0 : 1);
  }
}
