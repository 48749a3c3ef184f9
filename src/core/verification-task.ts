/**
 * A bulk verification, its tasks and what is found, as its object, its consumers and its routes
 * share them. Times are Unix ms.
 */
import type { Backoff } from "./backoff.ts";

export type TaskKind = "read" | "resolve" | "verify";

/** One task of a job: the upload, a list of domains, a portion of rows. */
export interface TaskRef {
  readonly kind: TaskKind;
  /** From 0. */
  readonly no: number;
}

/** A message of the queue: that a task may be there to be done. It says nothing for certain. */
export interface TaskHint {
  readonly v: 1;
  readonly scope: string;
  readonly job: string;
  readonly task: TaskRef;
}

/** Tasks of a job that are out at a time, so that jobs share the consumers. */
export const OUT_MAX = 20;

/** Claims of a task before it is given up: with the waits between them some ten minutes. */
export const ATTEMPTS_MAX = 8;

/** What failed is tried again this much later. */
export const TASK_BACKOFF: Backoff = { firstMs: 4_000, maxMs: 300_000 };

/** A hint's repeats wait longer each time, up to 2^6 times: a long backlog is not a lost hint. */
export const HINT_DOUBLINGS_MAX = 6;

const HOUR_MS = 3_600_000;

/** Domains that are not looked up by then are asked about with their addresses. */
export const RESOLVE_MAX_MS = 6 * HOUR_MS;

/** A job is over after this long, pauses aside: a million addresses take a small part of it. */
export const JOB_MAX_MS = 24 * HOUR_MS;

/** A backend that probes answers some thousands of addresses an hour. */
export const PROBE_JOB_MAX_MS = 72 * HOUR_MS;

/** A job that is paused for longer is cancelled. */
export const PAUSE_MAX_MS = 7 * 24 * HOUR_MS;

/** Everything of a job is deleted this long after its end: addresses are not kept for ever. */
export const RETENTION_MS = 30 * 24 * HOUR_MS;

/** Lines of a job. */
export const JOB_LINES_MAX = 1_000_000;

/** What is to be verified, and how. */
export interface NewJob {
  /** The account's scope. */
  readonly scope: string;
  readonly id: string;
  readonly name: string;
  readonly format: "csv" | "ndjson";
  /** The column of the address by name or number from 0; null: to be detected. */
  readonly column: string | null;
  /** Whether the first row names the columns; null: to be detected. */
  readonly header: boolean | null;
  readonly policy: boolean;
  readonly probe: boolean;
  /** Of the upload. */
  readonly bytes: number;
  readonly createdAt: number;
}

/** Why a job failed. */
export interface JobError {
  readonly code: string;
  readonly message: string;
}

/** What is in an upload. Lines are addresses, duplicates and invalid ones, and nothing else. */
export interface ReadSummary {
  /** Names of the input's columns; null: it has only addresses. */
  readonly columns: readonly string[] | null;
  readonly lines: number;
  readonly addresses: number;
  readonly duplicates: number;
  readonly invalid: number;
  readonly domains: number;
  /** Lists of domains. */
  readonly lists: number;
  /** Lines and addresses of each portion. */
  readonly portions: readonly (readonly [lines: number, addresses: number])[];
}

export type JobEnd = "done" | "cancelled" | "failed";

/** A job without its tasks. */
export interface JobRecord extends NewJob {
  readonly stage: "reading" | "resolving" | "verifying";
  /** When the stage began, later by each pause since. */
  readonly stageAt: number;
  /** Null: it goes on. */
  readonly end: JobEnd | null;
  readonly endedAt: number;
  readonly error: JobError | null;
  /** 0: it is not paused. */
  readonly pausedAt: number;
  /** Of all earlier pauses. */
  readonly pausedMs: number;
  /** With the token of the reader whose rows count. */
  readonly read: (ReadSummary & { readonly token: string }) | null;
  /** Whoever waits for its end knows. */
  readonly told: boolean;
  readonly erasing: boolean;
}

/** A job as it begins. */
export function newRecord(job: NewJob): JobRecord {
  return {
    ...job,
    stage: "reading",
    stageAt: job.createdAt,
    end: null,
    endedAt: 0,
    error: null,
    pausedAt: 0,
    pausedMs: 0,
    read: null,
    told: false,
    erasing: false,
  };
}

export type Tally = Readonly<Record<string, number>>;

/** How many addresses have which verdict, in three ways. */
export interface Verdicts {
  readonly status: Tally;
  readonly recommendation: Tally;
  /** By the reason that decided. */
  readonly reason: Tally;
}

/** Whether verdicts are of so many addresses. */
export function sumsUp(verdicts: Verdicts, addresses: number): boolean {
  return Object.values(verdicts).every((tally: Tally) => {
    let sum = 0;
    for (const count of Object.values(tally)) sum += count;
    return sum === addresses;
  });
}

/** The verdicts of addresses that were given up; none of none. */
export function notChecked(addresses: number): Verdicts {
  return {
    status: { unknown: addresses },
    recommendation: { review: addresses },
    reason: { not_checked: addresses },
  };
}

/** Both together. */
export function addVerdicts(one: Verdicts, other: Verdicts): Verdicts {
  const sum = (a: Tally, b: Tally): Tally => {
    const all: Record<string, number> = { ...a };
    for (const [name, count] of Object.entries(b)) {
      if (count > 0) all[name] = (all[name] ?? 0) + count;
    }
    return all;
  };
  return {
    status: sum(one.status, other.status),
    recommendation: sum(one.recommendation, other.recommendation),
    reason: sum(one.reason, other.reason),
  };
}

/** A settled task. */
export interface Finished {
  /** Whose outcome was kept; empty: it was given up. */
  readonly token: string;
  /** Null: it was given up, or is none of verifying. */
  readonly verdicts: Verdicts | null;
}

/** A task as it is stored: when it is first claimed, and each time it changes. */
export interface TaskRecord extends TaskRef, Finished {
  readonly attempts: number;
  /** 0: nobody has it. */
  readonly leaseUntil: number;
  readonly done: boolean;
}

/** What is to be stored. */
export interface JobChanges {
  readonly record: JobRecord | null;
  readonly tasks: readonly TaskRecord[];
}

/** Leave to do a task, and what is needed for it. */
export interface Claim {
  readonly token: string;
  /** How long it lasts without being renewed. */
  readonly leaseMs: number;
  readonly job: NewJob;
  /** Under which the rows lie; empty while they are read. */
  readonly readToken: string;
}

/** What became of a task. */
export type Outcome =
  | { readonly kind: "read"; readonly summary: ReadSummary }
  | { readonly kind: "resolve" }
  | { readonly kind: "verify"; readonly verdicts: Verdicts }
  /** It may be tried again. */
  | { readonly kind: "failed" }
  /** The upload cannot be read, however often it is tried. */
  | { readonly kind: "refused"; readonly error: JobError };

/** How long whoever has a task, or its hint, may be silent. */
export interface JobTimes {
  readonly leaseMs: number;
  readonly hintMs: number;
}

/** A job as it stands, without what only its tasks need. */
export interface JobSnapshot extends Omit<JobRecord, "read"> {
  readonly read: Omit<ReadSummary, "portions"> | null;
  /** Tasks of the stage: settled, and all. */
  readonly finished: number;
  readonly tasks: number;
  /** Addresses with a verdict, those that were given up included. */
  readonly done: number;
  readonly verdicts: Verdicts;
}

/** Where the results of a portion are. */
export interface PortionResults extends Finished {
  readonly addresses: number;
}
