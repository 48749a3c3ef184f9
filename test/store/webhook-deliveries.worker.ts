import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { idsFrom, type NewDelivery, timedId } from "../../src/core/webhook.ts";
import * as deliveries from "../../src/store/webhook-deliveries.ts";
import * as endpoints from "../../src/store/webhook-endpoints.ts";
import { listDeliveries, replayRange } from "../../src/store/webhook-log.ts";

const NOW = Date.UTC(2026, 10, 22);
const DAY = 24 * 3_600_000;
let serial = 0;

async function endpoint(account = "acme"): Promise<string> {
  const id = crypto.randomUUID();
  const made = { id, account, url: "https://a.acme.com/", events: null, createdAt: NOW };
  expect(await endpoints.insertEndpoint(env.DB, made, 1_000)).toBe(true);
  return id;
}

const event = (at = NOW): string => {
  serial += 1;
  return timedId(at, serial.toString(16).padStart(10, "0").padEnd(64, "0"));
};

const delivery = (to: string, given: Partial<NewDelivery> = {}): NewDelivery => ({
  endpoint: to,
  event: event(),
  type: "email.sent",
  payload: "{}",
  nextAt: NOW,
  ...given,
});

const row = async (to: string, id: string) =>
  (await deliveries.readDue(env.DB, [{ endpoint: to, event: id }])).deliveries[0];

const health = { at: NOW, succeeded: 0, failed: 1, exhausted: 0, slowUntil: 0 };
const failure = (id: string, seen = 0) => ({
  event: id,
  seen,
  status: "pending" as const,
  step: seen + 1,
  nextAt: NOW + 5_000,
  attempts: [{ n: seen }],
});

test("a batch that is written twice makes one delivery, and hints at it once", async () => {
  const to = await endpoint();
  const one = delivery(to);
  expect(await deliveries.insertDeliveries(env.DB, [one, one])).toEqual([
    { endpoint: to, event: one.event, tries: 0, nextAt: NOW },
  ]);
  const changed = { ...one, payload: '{"other":1}' };
  expect(await deliveries.insertDeliveries(env.DB, [changed])).toEqual([]);
  expect((await row(to, one.event))?.payload).toBe("{}");
});

test("what fails with the rest of its transaction is not written", async () => {
  const to = await endpoint();
  const one = delivery(to);
  const broken = env.DB.prepare("INSERT INTO webhook_endpoint (id) VALUES (NULL)");
  const all = [...deliveries.deliveryStatements(env.DB, [one]), broken];
  await expect(env.DB.batch(all)).rejects.toThrow();
  expect(await row(to, one.event)).toBeUndefined();
});

test("thousands are few statements, and none is written for an endpoint that is gone", async () => {
  const to = await endpoint();
  const gone = await endpoint();
  await endpoints.deleteEndpoint(env.DB, "acme", gone, NOW);
  const payload = JSON.stringify({ text: "x".repeat(1_000) });
  const many = Array.from({ length: 1_200 }, () => delivery(to, { payload }));
  expect(deliveries.deliveryStatements(env.DB, many).length).toBeLessThan(5);
  expect(deliveries.deliveryStatements(env.DB, [])).toEqual([]);
  const lost = [delivery(gone), delivery(crypto.randomUUID())];
  expect(await deliveries.insertDeliveries(env.DB, [...many, ...lost])).toHaveLength(1_200);
});

test("an outcome counts only while nobody else has written one", async () => {
  const to = await endpoint();
  const [one] = await deliveries.insertDeliveries(env.DB, [delivery(to)]);
  const id = one?.event ?? "";
  await deliveries.settleDeliveries(env.DB, to, [failure(id)], health);
  await deliveries.settleDeliveries(env.DB, to, [{ ...failure(id), nextAt: 1 }], health);
  expect(await row(to, id)).toMatchObject({ tries: 1, step: 1, nextAt: NOW + 5_000 });
  const done = { ...failure(id, 1), status: "success" as const, nextAt: null };
  await deliveries.settleDeliveries(env.DB, to, [done], { ...health, succeeded: 1, failed: 0 });
  expect(await row(to, id)).toMatchObject({ status: "success", tries: 2, nextAt: null });
  expect((await row(to, id))?.attempts).toEqual([{ n: 1 }]);
});

test("failures add up until one success, which is noted once an hour", async () => {
  const to = await endpoint();
  const note = (given: Partial<typeof health>) =>
    deliveries.settleDeliveries(env.DB, to, [], { ...health, failed: 0, ...given });
  expect(await note({ failed: 2, exhausted: 1 })).toEqual({
    fails: 2,
    exhausted: 1,
    failingSince: NOW,
  });
  expect(await note({ at: NOW + 9, failed: 1, slowUntil: NOW + 99 })).toEqual({
    fails: 3,
    exhausted: 1,
    failingSince: NOW,
  });
  const good = { fails: 0, exhausted: 0, failingSince: null };
  expect(await note({ at: NOW + 10, succeeded: 1 })).toEqual(good);
  expect(await note({ at: NOW + 11, succeeded: 1 })).toBeNull();
  expect(await endpoints.readEndpoint(env.DB, "acme", to)).toMatchObject({
    lastSuccessAt: NOW + 10,
    slowUntil: NOW + 99,
  });
});

test("overdue is what was due, at endpoints that take it, and it is hinted at once", async () => {
  const [on, off, resting] = [await endpoint(), await endpoint(), await endpoint()];
  const late = { nextAt: NOW - 1 };
  const due = delivery(on, late);
  const others = [delivery(off, late), delivery(resting, late), delivery(on, { nextAt: NOW + 1 })];
  await deliveries.insertDeliveries(env.DB, [due, ...others]);
  await endpoints.updateEndpoint(env.DB, "acme", off, { status: "disabled" }, NOW);
  const slow = { ...health, slowUntil: NOW + DAY };
  await deliveries.settleDeliveries(env.DB, resting, [], slow);
  const claim = async (now: number) =>
    (await deliveries.claimOverdue(env.DB, NOW, NOW + 60, now)).filter((hint) =>
      [on, off, resting].includes(hint.endpoint),
    );
  expect(await claim(NOW)).toMatchObject([{ endpoint: on, event: due.event, tries: 0 }]);
  expect(await claim(NOW)).toEqual([]);
  expect(await claim(NOW + DAY)).toMatchObject([{ endpoint: resting }]);
});

test("backlogs leave room for the others in a round of the cron", async () => {
  const busy = await Promise.all(Array.from({ length: 5 }, () => endpoint()));
  const quiet = await endpoint();
  const old = { nextAt: NOW - DAY };
  const backlog = busy.flatMap((to) => Array.from({ length: 600 }, () => delivery(to, old)));
  await deliveries.insertDeliveries(env.DB, [...backlog, delivery(quiet, { nextAt: NOW - 2 })]);
  const round = async (): Promise<number[]> => {
    const hints = await deliveries.claimOverdue(env.DB, NOW, NOW + DAY, NOW);
    expect(hints.length).toBeLessThanOrEqual(2_000);
    return [...busy, quiet].map((to) => hints.filter((hint) => hint.endpoint === to).length);
  };
  const share = Math.floor(2_000 / 6);
  expect(await round()).toEqual([...busy.map(() => share), 1]);
  expect(await round()).toEqual([...busy.map(() => 600 - share), 0]);
});

test("an endpoint that is switched on again, or is elsewhere, begins anew", async () => {
  for (const patch of [{ status: "enabled" as const }, { url: "https://b.acme.com/" }]) {
    const to = await endpoint();
    const bad = { ...health, exhausted: 1, slowUntil: NOW + DAY };
    await deliveries.settleDeliveries(env.DB, to, [], bad);
    expect(await endpoints.updateEndpoint(env.DB, "acme", to, { events: [] }, NOW)).toBe(true);
    expect((await endpoints.readEndpoint(env.DB, "acme", to))?.fails).toBe(1);
    await endpoints.updateEndpoint(env.DB, "acme", to, patch, NOW);
    expect(await endpoints.readEndpoint(env.DB, "acme", to)).toMatchObject({
      fails: 0,
      exhausted: 0,
      failingSince: null,
      slowUntil: 0,
      status: "enabled",
    });
  }
  expect(await endpoints.updateEndpoint(env.DB, "other", await endpoint(), {}, NOW)).toBe(false);
});

test("what is open at an endpoint that was switched off ends as failed", async () => {
  const to = await endpoint();
  const one = delivery(to);
  await deliveries.insertDeliveries(env.DB, [one]);
  const notice = delivery(await endpoint());
  const told = await deliveries.disableEndpoint(env.DB, to, "gone", NOW, [notice]);
  expect(told).toMatchObject([{ event: notice.event }]);
  expect(await endpoints.readEndpoint(env.DB, "acme", to)).toMatchObject({
    status: "disabled",
    disabledReason: "gone",
    disabledAt: NOW,
  });
  await deliveries.settleDisabled(env.DB);
  expect(await row(to, one.event)).toMatchObject({ status: "failed", nextAt: null });
  expect(await row(notice.endpoint, notice.event)).toMatchObject({ status: "pending" });
});

test("what is old, of the future, or of a deleted endpoint is forgotten", async () => {
  const [kept, deleted] = [await endpoint(), await endpoint()];
  const at = (time: number) => delivery(kept, { event: event(time) });
  const [old, future, young] = [at(NOW - 31 * DAY), at(NOW + 8 * DAY), at(NOW - 29 * DAY)];
  await deliveries.insertDeliveries(env.DB, [old, future, young, delivery(deleted)]);
  await endpoints.deleteEndpoint(env.DB, "acme", deleted, NOW);
  const prune = () =>
    deliveries.pruneDeliveries(env.DB, idsFrom(NOW - 30 * DAY), idsFrom(NOW + 7 * DAY));
  expect(await prune()).toBe(3);
  expect(await row(kept, young.event)).toBeDefined();
  expect(await row(kept, old.event)).toBeUndefined();
  const left = await env.DB.prepare("SELECT count(*) AS n FROM webhook_endpoint WHERE id = ?")
    .bind(deleted)
    .first<{ n: number }>();
  expect(left?.n).toBe(0);
  expect(await prune()).toBe(0);
});

test("a range is replayed in pages, oldest first, without what is still under way", async () => {
  const to = await endpoint();
  const all = [0, 1, 2, 3].map((n) => delivery(to, { event: event(NOW + n) }));
  await deliveries.insertDeliveries(env.DB, all);
  const over = all.slice(0, 3).map(({ event: id }) => ({
    ...failure(id),
    status: "failed" as const,
    nextAt: null,
  }));
  await deliveries.settleDeliveries(env.DB, to, over, health);
  const range = { since: NOW, until: NOW + 10, status: null, limit: 2 };
  const page = (after: string | null) => replayRange(env.DB, to, { ...range, after }, NOW + 5);
  const first = await page(null);
  expect(first.map((hint) => hint.event)).toEqual(all.slice(0, 2).map((one) => one.event));
  expect(first[0]).toMatchObject({ tries: 1, nextAt: NOW + 5 });
  const second = await page(first[1]?.event ?? null);
  expect(second.map((hint) => hint.event)).toEqual([all[2]?.event]);
  expect(await row(to, all[0]?.event ?? "")).toMatchObject({ status: "pending", step: 0 });
});

test("a delivery costs two rows to write, none to repeat, and one to settle", async () => {
  const to = await endpoint();
  const one = delivery(to);
  const written = async (statement: D1PreparedStatement | undefined) =>
    (await statement?.run())?.meta.rows_written;
  expect(await written(deliveries.deliveryStatements(env.DB, [one])[0])).toBe(2);
  expect(await written(deliveries.deliveryStatements(env.DB, [one])[0])).toBe(0);
  const { db, asked } = recording();
  const done = { ...failure(one.event), status: "success" as const, nextAt: null };
  await deliveries.settleDeliveries(db, to, [done], { ...health, succeeded: 1, failed: 0 });
  const [settle] = asked;
  await env.DB.prepare(
    "UPDATE webhook_delivery SET status = 'pending', tries = 0, next_at = 5",
  ).run();
  expect(await written(env.DB.prepare(settle?.sql ?? "").bind(...(settle?.values ?? [])))).toBe(1);
});

/** The database, and what it was asked. */
function recording() {
  const asked: { sql: string; values: unknown[] }[] = [];
  const prepare = (sql: string): D1PreparedStatement => {
    const statement = env.DB.prepare(sql);
    const one: (typeof asked)[number] = { sql, values: [] };
    asked.push(one);
    const bind = statement.bind.bind(statement);
    statement.bind = (...values) => {
      one.values = values;
      return bind(...values);
    };
    return statement;
  };
  return { db: { prepare, batch: (all) => env.DB.batch(all) } as D1Database, asked };
}

test("nothing that runs often reads the whole table of deliveries", async () => {
  const to = await endpoint();
  const one = delivery(to);
  const { db, asked } = recording();
  await deliveries.insertDeliveries(db, [one]);
  await deliveries.readDue(db, [{ endpoint: to, event: one.event }]);
  await deliveries.settleDeliveries(db, to, [failure(one.event)], health);
  await deliveries.claimOverdue(db, NOW, NOW, NOW);
  await deliveries.settleDisabled(db);
  await deliveries.pruneDeliveries(db, idsFrom(NOW - DAY), idsFrom(NOW + DAY));
  const range = { since: NOW, until: NOW + 1, status: null, after: null, limit: 9 };
  await replayRange(db, to, range, NOW);
  await listDeliveries(db, to, { after: null, before: null, limit: 9 });
  expect(asked.length).toBeGreaterThan(9);
  for (const { sql, values } of asked) {
    const plan = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...values)
      .all<{ detail: string }>();
    const steps = plan.results.map(({ detail }) => detail);
    expect(
      steps.filter((step) => /SCAN (d|webhook_delivery)\b/.test(step)),
      sql,
    ).toEqual([]);
    // The endpoint alone finds all of its deliveries, which only the forgetting of it wants.
    const whole = steps.filter((step) => /KEY \(endpoint_id=\?\)/.test(step));
    if (!sql.includes("deleted_at IS NOT NULL")) expect(whole, sql).toEqual([]);
  }
});
