/** The end of a bulk verification as an event for webhooks. */
import type { JobSnapshot } from "../core/verification-task.ts";
import { jobView } from "../core/verification-view.ts";
import { announce } from "./webhooks-out/announce.ts";
import { systemEvent } from "./webhooks-out/events.ts";
import type { AnnounceDeps } from "./webhooks-out/ports.ts";

/**
 * Tells an account's endpoints that a job has ended: once, however often it is called. Rejects when
 * it could not be written.
 */
export async function announceEnd(job: JobSnapshot, deps: AnnounceDeps): Promise<void> {
  const key = { account: job.scope, at: job.endedAt, key: job.id };
  const view = jobView(job, job.endedAt);
  await announce([await systemEvent("verification.finished", key, view)], deps);
}
