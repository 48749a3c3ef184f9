import { describe, expect, test } from "vitest";
import type { TaskRef } from "../../../src/core/verification-task.ts";
import { consumeTasks } from "../../../src/verify/jobs/consume.ts";
import type { TaskDeps } from "../../../src/verify/jobs/ports.ts";
import { parseRows } from "../../../src/verify/jobs/rows.ts";
import { createWorld, message, type World } from "./world.ts";

const READ: TaskRef = { kind: "read", no: 0 };
const RESOLVE: TaskRef = { kind: "resolve", no: 0 };
const VERIFY: TaskRef = { kind: "verify", no: 0 };

/** Gives the consumer messages; answers what became of each. */
async function give(deps: TaskDeps, ...tasks: unknown[]): Promise<string[]> {
  const messages = tasks.map((task) => message(task));
  await consumeTasks(messages, deps);
  return messages.map(({ answer }) => answer);
}

/** Does all tasks of a job, as its hints say. */
async function run(world: World): Promise<void> {
  for (let hints = world.job.takeHints(world.clock.now); hints.length > 0; ) {
    await give(world.deps, ...hints);
    hints = world.job.takeHints(world.clock.now);
  }
}

const results = (world: World) =>
  [...world.files].filter(([name]) => name.startsWith("results/")).map(([name]) => name);

describe("a job", () => {
  test("looks every domain up once, and gives each line its row", async () => {
    const lines = Array.from({ length: 2_500 }, (_, n) => `u${n}@d${n % 400}.de`);
    const world = createWorld([...lines, "x@gone.de", "U1@d1.de", '"a"b', "nobody"].join("\n"));
    await run(world);
    const { end, done, verdicts, read } = world.job.snapshot();
    expect(end).toBe("done");
    expect(read).toMatchObject({ lines: 2_504, addresses: 2_502, duplicates: 1, invalid: 1 });
    expect(done).toBe(2_502);
    expect(verdicts.status).toEqual({ unknown: 2_500, undeliverable: 2 });
    expect(world.lookups).toHaveLength(401);
    expect(new Set(world.lookups).size).toBe(401);
    const rows = world.job
      .results()
      .flatMap(({ token }, no) => parseRows(world.files.get(`results/${no}-${token}`) ?? ""));
    expect(rows.map(({ line }) => line)).toEqual(Array.from({ length: 2_504 }, (_, n) => n + 1));
    expect(rows[2_500]?.verification?.reason).toBe("domain_not_found");
  });

  test("whose upload is gone, or cannot be read, has failed with a reason", async () => {
    const gone = createWorld("");
    gone.files.clear();
    await run(gone);
    expect(gone.job.snapshot()).toMatchObject({ end: "failed", error: { code: "upload_missing" } });
    const unreadable = createWorld("a,b\nc,d");
    await run(unreadable);
    expect(unreadable.job.snapshot().error).toMatchObject({ code: "no_address_column" });
  });
});

describe("a message", () => {
  test("that comes again, or for nothing, is acked and changes nothing", async () => {
    const world = createWorld("a@a.de");
    expect(await give(world.deps, READ, READ, VERIFY)).toEqual(["acked", "acked", "acked"]);
    expect(await give(world.deps, RESOLVE, VERIFY, VERIFY)).toEqual(["acked", "acked", "acked"]);
    const before = world.job.snapshot();
    expect(before).toMatchObject({ end: "done", done: 1 });
    expect(await give(world.deps, READ, RESOLVE, VERIFY)).toEqual(["acked", "acked", "acked"]);
    expect(world.job.snapshot()).toEqual(before);
    expect(results(world)).toHaveLength(1);
  });

  test("that says nothing is acked", async () => {
    const { deps } = createWorld("");
    const odd = [null, undefined, 5, { kind: "read" }, { kind: "other", no: 0 }, { no: 1.5 }];
    expect(new Set(await give(deps, ...odd))).toEqual(new Set(["acked"]));
    const bare = { ...message(READ), body: "?" };
    await consumeTasks([bare], deps);
  });

  test("is retried, later each time, while the object does not answer", async () => {
    const { deps, port } = createWorld("");
    const down = { ...port, claim: () => Promise.reject(new Error("overloaded")) };
    const first = message(READ);
    const tenth = message(READ, 10);
    await consumeTasks([first, tenth], { ...deps, job: () => down });
    expect([first.answer, tenth.answer]).toEqual(["again in 2 s", "again in 300 s"]);
  });
});

describe("a task", () => {
  test("that fails is tried again, and counts once", async () => {
    const world = createWorld("a@a.de\nb@b.de");
    await give(world.deps, READ, RESOLVE);
    const broken = {
      ...world.deps,
      files: { ...world.deps.files, write: () => Promise.reject(new Error("storage")) },
    };
    expect(await give(broken, VERIFY)).toEqual(["acked"]);
    expect(world.job.snapshot()).toMatchObject({ end: null, done: 0 });
    world.clock.now = world.job.next() ?? 0;
    await run(world);
    expect(world.job.snapshot()).toMatchObject({ end: "done", done: 2 });
  });

  test("that two have done leaves the file of the one that counts", async () => {
    const world = createWorld("a@a.de\nb@b.de");
    await give(world.deps, READ, RESOLVE);
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    // The first one stops before it has said what it found, beyond its lease.
    const slow = {
      ...world.port,
      settle: async (...args: Parameters<typeof world.port.settle>) => {
        await held;
        return world.port.settle(...args);
      },
    };
    const first = give({ ...world.deps, job: () => slow }, VERIFY);
    await new Promise((resolve) => setTimeout(resolve, 20));
    world.clock.now += 30_000;
    await give(world.deps, VERIFY);
    expect(results(world)).toHaveLength(2);
    release();
    expect(await first).toEqual(["acked"]);
    const [winner] = world.job.results();
    expect(results(world)).toEqual([`results/0-${winner?.token}`]);
    expect(world.job.snapshot().done).toBe(2);
  });

  test("whose outcome was heard but not answered keeps its file", async () => {
    const world = createWorld("a@a.de");
    await give(world.deps, READ, RESOLVE);
    let calls = 0;
    const deaf = {
      ...world.port,
      settle: async (...args: Parameters<typeof world.port.settle>) => {
        calls += 1;
        await world.port.settle(...args);
        throw new Error("the answer is lost");
      },
    };
    const awake = {
      ...world.deps,
      job: () => deaf,
      sleep: async (ms: number) => void (await (ms > 5_000 ? new Promise(() => {}) : null)),
    };
    expect(await give(awake, VERIFY)).toEqual(["acked"]);
    expect(calls).toBe(3);
    expect(world.job.snapshot()).toMatchObject({ end: "done", done: 1 });
    expect(results(world)).toHaveLength(1);
  });

  test("that takes long keeps its lease", async () => {
    const world = createWorld("a@a.de");
    await give(world.deps, READ, RESOLVE);
    const waits: (() => void)[] = [];
    const slow: TaskDeps = {
      ...world.deps,
      sleep: () => new Promise((resolve) => waits.push(resolve)),
      files: {
        ...world.deps.files,
        write: async (ref, name, text) => {
          for (let quarter = 0; quarter < 8; quarter++) {
            world.clock.now += 7_500;
            waits.shift()?.();
            await new Promise((resolve) => setTimeout(resolve, 0));
            expect(await world.port.claim(VERIFY)).toBeNull();
          }
          await world.deps.files.write(ref, name, text);
        },
      },
    };
    expect(await give(slow, VERIFY)).toEqual(["acked"]);
    expect(world.job.snapshot()).toMatchObject({ end: "done", done: 1 });
  });
});
