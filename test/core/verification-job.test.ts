import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JOB_ERRORS, Job } from "../../src/core/verification-job.ts";
import {
  ATTEMPTS_MAX,
  JOB_MAX_MS,
  type NewJob,
  newRecord,
  OUT_MAX,
  PAUSE_MAX_MS,
  RESOLVE_MAX_MS,
  type ReadSummary,
  type TaskRef,
} from "../../src/core/verification-task.ts";
import { JobWorld, TIMES, verdictsOf } from "./verification-world.ts";

/** When it all begins: 0 is no time of day. */
const T = 1_000_000;

const NEW: NewJob = {
  scope: "acme",
  id: "j1",
  name: "",
  format: "csv",
  column: null,
  header: null,
  policy: false,
  probe: false,
  bytes: 10,
  createdAt: T,
};

const READ: TaskRef = { kind: "read", no: 0 };

const summaryOf = (portions: number, lists: number): ReadSummary => ({
  columns: null,
  lines: portions * 12,
  addresses: portions * 10,
  duplicates: portions,
  invalid: portions,
  domains: lists,
  lists,
  portions: Array.from({ length: portions }, () => [12, 10] as const),
});

/** A job whose upload has been read. */
function read(portions: number, lists: number): Job {
  const job = new Job(newRecord(NEW), null, TIMES);
  const claim = job.claim(READ, "reader", T);
  expect(claim).not.toBeNull();
  const summary = summaryOf(portions, lists);
  expect(job.settle(READ, "reader", { kind: "read", summary }, T)).toBe(true);
  return job;
}

const verify = (no: number): TaskRef => ({ kind: "verify", no });
const resolve = (no: number): TaskRef => ({ kind: "resolve", no });
const verified = (deliverable: number) =>
  ({ kind: "verify", verdicts: verdictsOf(deliverable, 10) }) as const;

const SELDOM: Readonly<Record<string, number>> = { cancel: 50, pause: 5 };

describe("any interleaving", () => {
  const step = fc.record({
    op: fc.constantFrom(
      ...(["deliver", "deliver", "deliver", "redeliver", "finish", "finish", "finish"] as const),
      ...(["again", "fail", "die", "evict", "wait", "lapse", "pause", "resume", "cancel"] as const),
      ...(["lose", "renew"] as const),
    ),
    pick: fc.nat(),
  });

  test("of claims, deaths, repeats, evictions and pauses counts each line once, and ends", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200, size: "max" }),
        fc.integer({ min: 0, max: 30 }),
        fc.integer({ min: 0, max: 4 }),
        fc.boolean(),
        (steps, portions, lists, isRead) => {
          const world = new JobWorld(NEW, summaryOf(portions, lists));
          if (isRead) for (const op of ["deliver", "finish"] as const) world[op](0);
          for (const { op, pick } of steps) {
            // Most runs would show little, were they cancelled early and paused half of the time.
            if (pick % (SELDOM[op] ?? 1) !== 0) continue;
            world[op](pick);
            world.check();
          }
          world.finishAll();
          world.check();
          const { end, read: summary, verdicts, done } = world.job.snapshot();
          expect(end).not.toBeNull();
          if (summary === null) return;
          expect(world.job.results()).toHaveLength(portions);
          expect(done).toBe(summary.addresses);
          expect(verdicts).toEqual(world.filed());
        },
      ),
      { numRuns: 300 },
    );
  });

  test("of an undisturbed run needs two rows for each task and two for the job's stages", () => {
    const world = new JobWorld(NEW, summaryOf(100, 10));
    world.finishAll();
    expect(world.job.snapshot()).toMatchObject({ end: "done", done: 1_000 });
    expect(world.rowsWritten).toBeLessThanOrEqual(2 * (100 + 10 + 1) + 4);
  });
});

describe("a task", () => {
  test("is one consumer's until its lease runs out, and then another's", () => {
    const job = read(1, 0);
    expect(job.claim(verify(0), "a", T)?.token).toBe("a");
    expect(job.claim(verify(0), "b", T + TIMES.leaseMs - 1)).toBeNull();
    expect(job.claim(verify(0), "b", T + TIMES.leaseMs)?.token).toBe("b");
  });

  test("is kept by whoever renews its lease", () => {
    const job = read(1, 0);
    job.claim(verify(0), "a", T);
    expect(job.renew(verify(0), "a", T + TIMES.leaseMs - 1)).toBe(true);
    expect(job.renew(verify(0), "b", T + TIMES.leaseMs - 1)).toBe(false);
    expect(job.claim(verify(0), "b", T + TIMES.leaseMs)).toBeNull();
  });

  test("stays with whoever has it when the object is evicted", () => {
    const world = new JobWorld(NEW, summaryOf(2, 0));
    for (const step of ["deliver", "finish", "deliver", "evict"] as const) world[step](0);
    expect(world.job.claim(verify(0), "other", T)).toBeNull();
    expect(world.job.claim(verify(1), "other", T)).not.toBeNull();
  });

  test("counts by its first outcome, whoever brings it, and a repeat is told the same", () => {
    const job = read(2, 0);
    job.claim(verify(0), "late", T);
    job.claim(verify(0), "second", T + TIMES.leaseMs);
    expect(job.settle(verify(0), "late", verified(3), T + TIMES.leaseMs)).toBe(true);
    expect(job.settle(verify(0), "second", verified(9), T + TIMES.leaseMs)).toBe(false);
    expect(job.settle(verify(0), "late", verified(3), T + TIMES.leaseMs)).toBe(true);
    expect(job.snapshot()).toMatchObject({ done: 10, verdicts: verdictsOf(3, 10) });
    expect(job.results()).toMatchObject([{ token: "late" }]);
  });

  test("whose verdicts are not as many as its addresses does not count", () => {
    const job = read(1, 0);
    job.claim(verify(0), "a", T);
    const verdicts = verdictsOf(3, 9);
    expect(job.settle(verify(0), "a", { kind: "verify", verdicts }, T)).toBe(false);
    expect(job.snapshot().done).toBe(0);
    expect(job.claim(verify(0), "b", T)?.token).toBe("b");
  });

  test("that nobody can do ends its addresses as unknown", () => {
    const job = read(2, 0);
    job.claim(verify(1), "other", T);
    job.settle(verify(1), "other", verified(10), T);
    for (let time = 0; time < ATTEMPTS_MAX; time++) {
      expect(job.claim(verify(0), `t${time}`, T)).not.toBeNull();
      expect(job.settle(verify(0), `t${time}`, { kind: "failed" }, T)).toBe(false);
    }
    const { end, verdicts } = job.snapshot();
    expect(end).toBe("done");
    expect(verdicts.status).toEqual({ deliverable: 10, unknown: 10 });
    expect(verdicts.reason).toMatchObject({ not_checked: 10 });
    expect(job.results().map(({ token }) => token)).toEqual(["", "other"]);
  });

  test("of another stage, of a number beyond the last, or of nobody is none", () => {
    const job = read(1, 1);
    for (const ref of [verify(0), READ, resolve(1), resolve(-1), resolve(0.5)]) {
      expect(job.claim(ref, "a", T)).toBeNull();
    }
    expect(job.settle(resolve(0), "nobody", { kind: "failed" }, T)).toBe(false);
    expect(job.settle(resolve(0), "nobody", verified(1), T)).toBe(false);
  });

  test("is hinted at again when nobody comes for it, later each time", () => {
    const job = new Job(newRecord(NEW), null, TIMES);
    expect(job.takeHints(T)).toEqual([READ]);
    expect(job.takeHints(T + 1)).toEqual([]);
    expect(job.next()).toBe(T + TIMES.hintMs);
    job.lapse(T + TIMES.hintMs);
    expect(job.takeHints(T + TIMES.hintMs)).toEqual([READ]);
    expect(job.next()).toBe(T + 3 * TIMES.hintMs);
  });
});

describe("a job", () => {
  test("has no more tasks out than its share of the consumers", () => {
    const job = read(100, 0);
    expect(job.takeHints(T)).toHaveLength(OUT_MAX);
    for (let no = 0; no < OUT_MAX / 2 - 1; no++) {
      job.settle(verify(no), "t", verified(1), T);
      expect(job.takeHints(T)).toEqual([]);
    }
    job.settle(verify(OUT_MAX - 1), "t", verified(1), T);
    expect(job.takeHints(T)).toHaveLength(OUT_MAX / 2);
  });

  test("looks every list of domains up before it verifies", () => {
    const job = read(1, 2);
    expect(job.takeHints(T)).toEqual([resolve(0), resolve(1)]);
    job.settle(resolve(1), "a", { kind: "resolve" }, T);
    expect(job.record.stage).toBe("resolving");
    job.settle(resolve(0), "b", { kind: "resolve" }, T);
    expect(job.takeHints(T)).toEqual([verify(0)]);
  });

  test("goes on without the domains that could not be looked up in time", () => {
    const job = read(1, 1);
    job.lapse(T + RESOLVE_MAX_MS - 1);
    expect(job.record.stage).toBe("resolving");
    job.lapse(T + RESOLVE_MAX_MS);
    expect(job.record.stage).toBe("verifying");
  });

  test("is over when its time is, with the rest unknown", () => {
    const job = read(2, 0);
    job.settle(verify(1), "a", verified(10), T);
    job.claim(verify(0), "slow", T + JOB_MAX_MS - 1);
    job.lapse(T + JOB_MAX_MS);
    const { end, done, verdicts } = job.snapshot();
    expect({ end, done, status: verdicts.status }).toEqual({
      ...{ end: "done", done: 20, status: { deliverable: 10, unknown: 10 } },
    });
    expect(job.settle(verify(0), "slow", verified(10), T + JOB_MAX_MS)).toBe(false);
    expect(job.next()).toBeNull();
  });

  test("whose upload cannot be read in time, or in any try, has failed", () => {
    const late = new Job(newRecord(NEW), null, TIMES);
    late.lapse(T + JOB_MAX_MS);
    expect(late.snapshot()).toMatchObject({ end: "failed", error: JOB_ERRORS.late });
    const broken = new Job(newRecord(NEW), null, TIMES);
    let now = T;
    for (let time = 0; time < ATTEMPTS_MAX; time++) {
      expect(broken.claim(READ, `t${time}`, now)).not.toBeNull();
      now += TIMES.leaseMs;
      broken.lapse(now);
    }
    expect(broken.snapshot()).toMatchObject({ end: "failed", error: JOB_ERRORS.broken });
    expect(broken.results()).toEqual([]);
  });

  test("that is paused gives nothing out, takes what is done, and does not age", () => {
    const job = read(3, 0);
    job.takeHints(T);
    job.claim(verify(0), "a", T);
    job.pause(T + 100);
    job.pause(T + 200);
    expect(job.takeHints(T + 100)).toEqual([]);
    expect(job.claim(verify(1), "b", T + 100)).toBeNull();
    expect(job.settle(verify(0), "a", verified(1), T + 100)).toBe(true);
    job.lapse(T + JOB_MAX_MS + 50);
    expect(job.record.end).toBeNull();
    job.resume(T + JOB_MAX_MS + 50);
    expect(job.takeHints(T + JOB_MAX_MS + 50)).toEqual([verify(1), verify(2)]);
    job.lapse(T + JOB_MAX_MS + 50);
    expect(job.record.end).toBeNull();
    job.lapse(T + 2 * JOB_MAX_MS - 50);
    expect(job.record.end).toBe("done");
  });

  test("that stays paused is cancelled after a week", () => {
    const job = read(1, 0);
    job.pause(T);
    expect(job.next()).toBe(T + PAUSE_MAX_MS);
    job.lapse(T + PAUSE_MAX_MS);
    expect(job.snapshot()).toMatchObject({ end: "cancelled", error: JOB_ERRORS.paused });
  });

  test("stays as it ended, whatever is asked of it then", () => {
    const job = read(1, 0);
    job.cancel(T + 5);
    const before = job.snapshot();
    job.pause(T + 6);
    job.resume(T + 7);
    job.cancel(T + 8);
    job.lapse(T + JOB_MAX_MS);
    expect(job.snapshot()).toEqual(before);
    expect(before).toMatchObject({ end: "cancelled", endedAt: T + 5, done: 10 });
  });

  test("of nothing is done at once", () => {
    expect(read(0, 0).snapshot()).toMatchObject({ end: "done", done: 0 });
  });
});
