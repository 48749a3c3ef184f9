/** What the tasks of a job need from outside. */
import type { Claim, Outcome, TaskRef } from "../../core/verification-task.ts";
import type { VerifyDeps } from "../ports.ts";

/** Names one job. */
export interface JobRef {
  /** The account's scope. */
  readonly scope: string;
  readonly id: string;
}

/** The object that keeps a job, as whoever does its tasks sees it; see core/verification-job. */
export interface JobPort {
  claim(task: TaskRef): Promise<Claim | null>;
  renew(task: TaskRef, token: string): Promise<boolean>;
  settle(task: TaskRef, token: string, outcome: Outcome): Promise<boolean>;
}

/** The files of jobs; see rows.ts for their names. Each call may reject. */
export interface JobFiles {
  /** Null: there is no such file. */
  open(ref: JobRef, name: string): Promise<AsyncIterable<Uint8Array> | null>;
  read(ref: JobRef, name: string): Promise<string | null>;
  write(ref: JobRef, name: string, text: string): Promise<void>;
  remove(ref: JobRef, name: string): Promise<void>;
}

export interface TaskDeps {
  readonly sleep: (ms: number) => Promise<void>;
  readonly job: (ref: JobRef) => JobPort;
  readonly files: JobFiles;
  /** So many bytes from a cryptographic source. */
  readonly random: (bytes: number) => Uint8Array;
  /** What verification may use for an account's scope. */
  readonly verify: (scope: string) => VerifyDeps;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/** One message of the queue. */
export interface TaskMessage {
  readonly body: unknown;
  readonly attempts: number;
  ack(): void;
  retry(options: { delaySeconds: number }): void;
}
