import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { TaskRef } from "../../src/core/verification-task.ts";
import { Client, until } from "../support/worker/client.ts";
import { endsOf, Jobs } from "../support/worker/jobs.ts";

let jobs: Jobs;
beforeAll(async () => {
  jobs = new Jobs(await Client.make());
  const endpoint = { endpoint: "https://hooks.acme.com/jobs", events: ["verification.finished"] };
  expect((await jobs.client.post("/webhooks", endpoint)).status).toBe(201);
});

const READ: TaskRef = { kind: "read", no: 0 };

/** An object's own tables. */
const tables = ({ sql }: DurableObjectStorage): unknown[] =>
  sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray();

describe("the end of a job", () => {
  test("is told again by the alarm when it could not be told", async () => {
    const { id } = await jobs.start("ann@a.test");
    const stub = jobs.stub(id);
    await jobs.ended(id);
    const row = () =>
      env.DB.prepare("SELECT ended_at AS at FROM verification_job WHERE id = ?")
        .bind(id)
        .first<{ at: number }>();
    await until(row, (one) => (one?.at ?? 0) > 0);
    await env.DB.prepare("UPDATE verification_job SET ended_at = 0 WHERE id = ?").bind(id).run();
    await runInDurableObject(stub, (_, { storage: { sql } }) => {
      sql.exec("UPDATE job SET record = json_set(record, '$.told', json('false'))");
    });
    await env.DB.exec("ALTER TABLE verification_job RENAME TO hidden");
    await evictDurableObject(stub);
    await runDurableObjectAlarm(stub);
    expect(await stub.view()).toMatchObject({ told: false });
    await env.DB.exec("ALTER TABLE hidden RENAME TO verification_job");
    expect(await row()).toMatchObject({ at: 0 });
    await runDurableObjectAlarm(stub);
    expect((await row())?.at).toBeGreaterThan(0);
    expect(await stub.view()).toMatchObject({ told: true });
    // Told twice, it is one event.
    expect(await endsOf(id)).toHaveLength(1);
  });

  test("is followed by that of its data, a month later", async () => {
    const { id } = await jobs.start("email\nann@a.test");
    await jobs.ended(id);
    const stub = jobs.stub(id);
    const row = () =>
      env.DB.prepare("SELECT ended_at FROM verification_job WHERE id = ?").bind(id).first();
    await until(row, (one) => (one?.ended_at ?? 0) !== 0);
    await runDurableObjectAlarm(stub);
    expect(await jobs.files(id)).not.toEqual([]);
    await runInDurableObject(stub, (_, { storage: { sql } }) => {
      sql.exec("UPDATE job SET record = json_set(record, '$.endedAt', 1)");
    });
    await evictDurableObject(stub);
    await runDurableObjectAlarm(stub);
    expect(await stub.view()).toBeNull();
    expect(await jobs.files(id)).toEqual([]);
    expect(await row()).toBeNull();
    await runInDurableObject(stub, async (_, { storage }) => {
      expect(tables(storage)).toEqual([]);
      expect(await storage.getAlarm()).toBeNull();
    });
  });
});

test("what is written after a job was deleted is deleted too", async () => {
  const { id } = await jobs.start("a@a.test");
  const stub = jobs.stub(id);
  await jobs.ended(id);
  expect((await jobs.remove(id)).status).toBe(200);
  expect(await stub.view()).toBeNull();
  // A consumer that the deletion has overtaken.
  const { scope } = jobs.client;
  await env.CONTENT.put(`verification/${scope}/${id}/results/0-late`, "a@a.test");
  await runDurableObjectAlarm(stub);
  const alarm = await runInDurableObject(stub, (_, { storage }) => storage.getAlarm());
  expect((alarm ?? 0) - Date.now()).toBeGreaterThan(15 * 60_000);
  await runInDurableObject(stub, (_, { storage: { sql } }) => {
    sql.exec("UPDATE job SET record = json_set(record, '$.endedAt', 1)");
  });
  await evictDurableObject(stub);
  await runDurableObjectAlarm(stub);
  expect(await jobs.files(id)).toEqual([]);
  await runInDurableObject(stub, (_, { storage }) => expect(tables(storage)).toEqual([]));
});

test("an object that has no job has nothing to give, and stores nothing", async () => {
  const stub = env.JOB.getByName("nobody/none");
  expect(await stub.claim(READ)).toBeNull();
  expect(await stub.renew(READ, "t")).toBe(false);
  expect(await stub.settle(READ, "t", { kind: "failed" })).toBe(false);
  expect([await stub.view(), await stub.pause(), await stub.results()]).toEqual([null, null, null]);
  expect([await stub.erase(), await stub.touch()]).toEqual([false, false]);
  await runInDurableObject(stub, (_, { storage }) => {
    expect(tables(storage)).toEqual([]);
  });
});
