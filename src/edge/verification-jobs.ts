/** What the routes of bulk verification may use. Each call may reject, unless it says otherwise. */
import type { JobSnapshot, NewJob, PortionResults } from "../core/verification-task.ts";
import type { JobFiles, JobRef } from "../verify/jobs/ports.ts";
import type { UploadPort } from "../verify/jobs/upload.ts";
import type { VerifyDeps } from "../verify/ports.ts";
import type { Page } from "./context.ts";

export interface VerificationJobServices {
  /** Puts a job on the list before its upload is stored. False: `most` are open already. */
  readonly announceUpload: (
    job: JobRef & { readonly name: string; readonly at: number },
    most: number,
  ) => Promise<boolean>;
  readonly upload: (ref: JobRef) => UploadPort;
  /** Deletes an upload that did not become a job. Never rejects: the cron does it otherwise. */
  readonly dropUpload: (ref: JobRef) => Promise<void>;
  readonly create: (job: NewJob) => Promise<JobSnapshot>;
  /** Null, here and below: there is no such job, or not any more. */
  readonly view: (ref: JobRef) => Promise<JobSnapshot | null>;
  readonly act: (ref: JobRef, action: "pause" | "resume" | "cancel") => Promise<JobSnapshot | null>;
  /** False: there is none. */
  readonly erase: (ref: JobRef) => Promise<boolean>;
  /** Newest first; `snapshot` is null while a job goes on. */
  readonly list: (
    scope: string,
    page: Page,
  ) => Promise<
    {
      readonly id: string;
      readonly name: string;
      readonly createdAt: number;
      readonly snapshot: JobSnapshot | null;
    }[]
  >;
  readonly results: (ref: JobRef) => Promise<{
    readonly job: JobSnapshot;
    readonly readToken: string;
    readonly portions: readonly PortionResults[];
  } | null>;
  readonly files: Pick<JobFiles, "read">;
  readonly verify: (scope: string) => VerifyDeps;
}
