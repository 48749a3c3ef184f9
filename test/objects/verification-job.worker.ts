import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { Claim, NewJob, TaskRef } from "../../src/core/verification-task.ts";
import { Client, pause, until } from "../support/worker/client.ts";
import { deliver, endsOf, Jobs, type Result } from "../support/worker/jobs.ts";

let jobs: Jobs;
beforeAll(async () => {
  jobs = new Jobs(await Client.make());
  const endpoint = { endpoint: "https://hooks.acme.com/jobs", events: ["verification.finished"] };
  expect((await jobs.client.post("/webhooks", endpoint)).status).toBe(201);
});

const verify = (no: number): TaskRef => ({ kind: "verify", no });
const READ: TaskRef = { kind: "read", no: 0 };

const NEW: Omit<NewJob, "scope" | "id" | "createdAt"> = {
  name: "",
  format: "csv",
  column: null,
  header: null,
  policy: false,
  probe: false,
  bytes: 1,
};

/** A list whose domains nobody is asked about. */
const list = (lines: number): string =>
  Array.from({ length: lines }, (_, n) => `u${n}@d${n % 700}.test`).join("\n");

/** Counts the rows that an object writes from now on. */
async function countRows(stub: ReturnType<Jobs["stub"]>): Promise<{ rows: number }> {
  const counter = { rows: 0 };
  await runInDurableObject(stub, (_, { storage }) => {
    const exec = storage.sql.exec.bind(storage.sql);
    const setAlarm = storage.setAlarm.bind(storage);
    const counted = (...args: Parameters<typeof exec>) => {
      const cursor = exec(...args);
      counter.rows += cursor.rowsWritten;
      return cursor;
    };
    Object.defineProperty(storage.sql, "exec", { value: counted });
    Object.defineProperty(storage, "setAlarm", {
      value: (...args: Parameters<typeof setAlarm>) => {
        counter.rows += 1;
        return setAlarm(...args);
      },
    });
  });
  return counter;
}

describe("a job of 100,000", () => {
  const LINES = 100_000;
  /** Of a machine that does much else. */
  const PATIENCE_MS = 60_000;

  test(
    "survives evictions, redelivered messages and dead consumers, each line once",
    async () => {
      const extra = '\nU5@D5.TEST\nu7@d7.test\n"x"y\ndelivered@sandbox.test\nnobody';
      const { id } = await jobs.start(list(LINES) + extra);
      const stub = jobs.stub(id);
      // The upload is read by two at a time, and the object forgets the one that it knows of.
      await Promise.all([deliver(jobs.hint(id, READ)), deliver(jobs.hint(id, READ))]);
      await evictDurableObject(stub);
      const reading = await until(
        () => jobs.read(id),
        ({ state }) => state === "verifying",
        PATIENCE_MS,
      );
      expect(reading.counts).toMatchObject({ lines: LINES + 5, addresses: LINES + 2, domains: 1 });
      // A consumer that has claimed a portion, and dies.
      let dead: Claim | null = null;
      let its = 100;
      while (dead === null) dead = await stub.claim(verify(--its));
      for (let round = 0; round < 8; round++) {
        await evictDurableObject(stub);
        // What was delivered, or is still on the queue, comes again, and twice at a time.
        const hints = [0, 1, 2].map((n) => jobs.hint(id, verify(round * 12 + n)));
        expect(await deliver(...hints, ...hints)).toBe(6);
        await Promise.all(hints.map((hint) => deliver(hint, hint)));
      }
      const job = await jobs.ended(id, PATIENCE_MS);
      expect(job).toMatchObject({ state: "done", progress: 1, error: null });
      expect(job.counts).toMatchObject({
        ...{ lines: LINES + 5, addresses: LINES + 2, duplicates: 2, invalid_lines: 1 },
        done: LINES + 2,
        status: { deliverable: 0, undeliverable: LINES + 1, risky: 0, unknown: 1 },
        reason: { special_use_domain: LINES, domain_takes_mail: 1, syntax_no_at: 1 },
      });

      const text = await (await jobs.results(id, "?format=ndjson")).text();
      const rows = text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Result);
      expect(rows).toHaveLength(LINES + 5);
      expect(rows.findIndex(({ line }, at) => line !== at + 1)).toBe(-1);
      const wrong = rows.slice(0, LINES).filter(({ address, verification }, n) => {
        const expected = `u${n}@d${n % 700}.test`;
        return address !== expected || verification?.input !== expected;
      });
      expect(wrong).toEqual([]);
      const last = rows.slice(LINES).map((row) => row.error ?? row.duplicate_of ?? row.address);
      expect(last).toEqual([
        ...[6, 8, "there is text after a closing quote", "delivered@sandbox.test", "nobody"],
      ]);

      // It was only slow, and is told that another was first.
      const verdicts = { status: { risky: 1_000 }, recommendation: { send: 1_000 }, reason: {} };
      const outcome = { kind: "verify", verdicts } as const;
      expect(await stub.settle(verify(its), dead.token, outcome)).toBe(false);
      expect((await jobs.read(id)).counts).toEqual(job.counts);

      // Of every portion one result is left, and of two readings one counts.
      const files = await jobs.files(id);
      expect(files.filter((name) => name.startsWith("results/"))).toHaveLength(101);
      await until(
        () => endsOf(id),
        (all) => all.length > 0,
      );
      await stub.touch();
      expect(await endsOf(id)).toHaveLength(1);
    },
    2 * PATIENCE_MS,
  );

  test("writes some two rows for a thousand addresses", async () => {
    const { id } = await jobs.start(list(20_000));
    const counter = await countRows(jobs.stub(id));
    const { counts } = await jobs.ended(id);
    expect(counts.done).toBe(20_000);
    expect(counter.rows).toBeLessThan(60);
  });
});

describe("a task whose consumer died", () => {
  test("is done by another when the lease has run out", async () => {
    const id = "dead";
    const { scope } = jobs.client;
    await env.CONTENT.put(`verification/${scope}/${id}/input`, "a@a.test\nb@b.test");
    const stub = jobs.stub(id);
    // In one turn, before any consumer of the queue can ask.
    const claim = await runInDurableObject(stub, (object) => {
      object.create({ ...NEW, scope, id, createdAt: Date.now() });
      return object.claim(READ);
    });
    expect(await deliver(jobs.hint(id, READ), jobs.hint(id, READ))).toBe(2);
    expect(await stub.view()).toMatchObject({ stage: "reading" });
    const ended = await until(
      () => stub.view(),
      (job) => job?.end === "done",
    );
    expect(ended).toMatchObject({ done: 2, read: { lines: 2 } });
    // It was only slow: what it brings now is too late.
    const late = { columns: null, lines: 9, addresses: 9, duplicates: 0, invalid: 0 };
    const summary = { ...late, domains: 0, lists: 0, portions: [[9, 9]] } as const;
    const outcome = { kind: "read", summary } as const;
    expect(await stub.settle(READ, claim?.token ?? "", outcome)).toBe(false);
    expect(await stub.view()).toEqual(ended);
  });
});

describe("a job that is paused", () => {
  test("rests until it is resumed, also through an eviction, and loses nothing", async () => {
    const { id } = await jobs.start(list(5_000));
    for (let time = 0; time < 2; time++) {
      const response = await jobs.act(id, "pause");
      expect(await response.json()).toMatchObject({ state: "paused", estimated_end: null });
    }
    await evictDurableObject(jobs.stub(id));
    await pause(300);
    const { counts } = await jobs.read(id);
    await pause(700);
    expect(await jobs.read(id)).toMatchObject({ state: "paused", counts });
    await jobs.act(id, "resume");
    expect((await jobs.ended(id)).counts).toMatchObject({ lines: 5_000, done: 5_000 });
  });

  test("and cancelled ends with what is left unknown, for each line a result", async () => {
    const { id } = await jobs.start(list(5_000));
    await until(
      () => jobs.read(id),
      ({ state }) => state !== "reading",
    );
    await jobs.act(id, "pause");
    await jobs.act(id, "cancel");
    const job = await jobs.read(id);
    const { status, reason, done } = job.counts;
    expect(job).toMatchObject({ state: "cancelled", counts: { lines: 5_000, done: 5_000 } });
    expect(status.unknown).toBe(reason.not_checked ?? 0);
    expect(status.unknown).toBeGreaterThan(0);
    const text = await (await jobs.results(id, "?format=ndjson")).text();
    const rows = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Result);
    expect(rows).toHaveLength(done);
    const unknown = rows.filter(({ verification }) => verification?.reason === "not_checked");
    expect(unknown).toHaveLength(status.unknown);
    // It stays as it ended.
    expect(await (await jobs.act(id, "resume")).json()).toMatchObject({ state: "cancelled" });
  });
});
