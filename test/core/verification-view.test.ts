import { describe, expect, test } from "vitest";
import { Job } from "../../src/core/verification-job.ts";
import { newRecord, type ReadSummary } from "../../src/core/verification-task.ts";
import { estimatedEnd, jobView, progressOf } from "../../src/core/verification-view.ts";
import { REASONS, type Recommendation, type Status } from "../../src/verify/verdict.ts";
import { TIMES, verdictsOf } from "./verification-world.ts";

const T = Date.UTC(2026, 10, 1);
const READ = { kind: "read", no: 0 } as const;

const summary: ReadSummary = {
  ...{ columns: null, lines: 45, addresses: 40, duplicates: 3, invalid: 2, domains: 7, lists: 2 },
  portions: Array.from({ length: 4 }, () => [10, 10] as const),
};

/** A job that has done so many lists and portions, read within a second. */
function after(lists: number, portions: number): Job {
  const job = new Job(
    newRecord({
      ...{ scope: "acme", id: "j1", name: "spring", format: "csv", column: null, header: null },
      ...{ policy: true, probe: false, bytes: 1, createdAt: T },
    }),
    null,
    TIMES,
  );
  job.settle(READ, "t", { kind: "read", summary }, T + 1_000);
  for (let no = 0; no < lists; no++) {
    job.settle({ kind: "resolve", no }, "t", { kind: "resolve" }, T + 1_000);
  }
  for (let no = 0; no < portions; no++) {
    job.settle(
      { kind: "verify", no },
      "t",
      { kind: "verify", verdicts: verdictsOf(4, 10) },
      T + 2_000,
    );
  }
  return job;
}

describe("the progress", () => {
  test("grows with every task, from 0 to 1", () => {
    const steps = [after(0, 0), after(1, 0), after(2, 0), after(2, 1), after(2, 3), after(2, 4)];
    const shares = steps.map((job) => progressOf(job.snapshot()));
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(new Set(shares).size).toBe(steps.length);
    expect(shares[0]).toBeGreaterThan(0);
    expect(shares.at(-1)).toBe(1);
  });

  test("tells the end at the pace so far, without pauses", () => {
    const job = after(2, 2);
    const half = progressOf(job.snapshot());
    const left = (10_000 * (1 - half)) / half;
    expect(estimatedEnd(job.snapshot(), T + 10_000)).toBe(Math.round(T + 10_000 + left));
    job.pause(T + 10_000);
    expect(estimatedEnd(job.snapshot(), T + 90_000)).toBeNull();
    job.resume(T + 90_000);
    expect(estimatedEnd(job.snapshot(), T + 90_000)).toBe(Math.round(T + 90_000 + left));
  });

  test("of a job that has not begun, or has ended, tells no end", () => {
    expect(estimatedEnd(after(2, 4).snapshot(), T + 5_000)).toBeNull();
    const fresh = new Job({ ...after(0, 0).record, stage: "reading", read: null }, [], TIMES);
    expect(estimatedEnd(fresh.snapshot(), T + 5_000)).toBeNull();
  });
});

describe("the view", () => {
  test("counts every line, and names every status and advice", () => {
    const view = jobView(after(2, 3).snapshot(), T + 5_000);
    expect(view).toMatchObject({
      ...{ id: "j1", name: "spring", state: "verifying", finished_at: null, error: null },
      created_at: "2026-11-01T00:00:00.000Z",
      options: { policy: true, probe: false },
      counts: {
        ...{ lines: 45, addresses: 40, duplicates: 3, invalid_lines: 2, domains: 7, done: 30 },
        status: { deliverable: 12, undeliverable: 0, risky: 0, unknown: 18 },
        recommendation: { send: 12, review: 18, block: 0 },
      },
    });
    // The words are those of a verdict.
    const status: Record<Status, number> = view.counts.status;
    const advice: Record<Recommendation, number> = view.counts.recommendation;
    expect(Object.keys(status)).toHaveLength(4);
    expect(Object.keys(advice)).toHaveLength(3);
    const reasons: readonly string[] = REASONS;
    expect(reasons).toContain("not_checked");
  });

  test("shows no token, no place in storage and no other inner thing", () => {
    const job = after(2, 1);
    job.cancel(T + 3_000);
    const view = jobView(job.snapshot(), T + 5_000);
    expect(view).toMatchObject({ state: "cancelled", finished_at: "2026-11-01T00:00:03.000Z" });
    expect(JSON.stringify(view)).not.toMatch(/token|scope|acme|portions|erasing|told/);
  });
});
