/** A bulk verification as the API and its event tell of it. */
import type { JobSnapshot, Tally } from "./verification-task.ts";

/** How much of a job each stage is, as a rule: looking domains up and asking mailboxes is work. */
const SHARES = { reading: 0.05, resolving: 0.45, verifying: 0.5 } as const;

const BEFORE = {
  reading: 0,
  resolving: SHARES.reading,
  verifying: SHARES.reading + SHARES.resolving,
} as const;

/** Every status and every advice, so that each has its count, be it 0. */
const STATUSES = ["deliverable", "undeliverable", "risky", "unknown"] as const;
const RECOMMENDATIONS = ["send", "review", "block"] as const;

/** How far a job is, 0 to 1. */
export function progressOf({ end, stage, finished, tasks }: JobSnapshot): number {
  if (end !== null) return 1;
  return BEFORE[stage] + (tasks === 0 ? 0 : (SHARES[stage] * finished) / tasks);
}

/**
 * When a job will have ended at the pace it has had so far, pauses aside, Unix ms; null: there is
 * no telling.
 */
export function estimatedEnd(job: JobSnapshot, now: number): number | null {
  const progress = progressOf(job);
  if (job.end !== null || job.pausedAt > 0 || progress === 0) return null;
  const spentMs = Math.max(0, now - job.createdAt - job.pausedMs);
  return Math.round(now + (spentMs * (1 - progress)) / progress);
}

const iso = (at: number): string => new Date(at).toISOString();

const counted = <Name extends string>(names: readonly Name[], tally: Tally): Record<Name, number> =>
  Object.fromEntries(names.map((name) => [name, tally[name] ?? 0])) as Record<Name, number>;

/** A job as it stands at `now`, Unix ms; field names as on the wire. */
export function jobView(job: JobSnapshot, now: number) {
  const { read, end, verdicts, error } = job;
  const estimated = estimatedEnd(job, now);
  return {
    object: "verification_job" as const,
    id: job.id,
    name: job.name === "" ? null : job.name,
    state: end ?? (job.pausedAt > 0 ? ("paused" as const) : job.stage),
    created_at: iso(job.createdAt),
    finished_at: end === null ? null : iso(job.endedAt),
    estimated_end: estimated === null ? null : iso(estimated),
    progress: Math.round(progressOf(job) * 1_000) / 1_000,
    options: { policy: job.policy, probe: job.probe },
    counts: {
      lines: read?.lines ?? 0,
      addresses: read?.addresses ?? 0,
      duplicates: read?.duplicates ?? 0,
      invalid_lines: read?.invalid ?? 0,
      domains: read?.domains ?? 0,
      done: job.done,
      status: counted(STATUSES, verdicts.status),
      recommendation: counted(RECOMMENDATIONS, verdicts.recommendation),
      reason: verdicts.reason,
    },
    error,
  };
}

export type JobView = ReturnType<typeof jobView>;
