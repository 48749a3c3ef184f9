import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { overrideSuppression, removeSuppressions } from "../../src/store/suppression-list.ts";
import {
  PURGE_AFTER_MS,
  purgeSuppressions,
  readSnapshot,
  SNAPSHOT_EVERY_MS,
  writeSnapshots,
} from "../../src/store/suppression-snapshot.ts";
import { changeOf, POLICY, write } from "../support/worker/suppression.ts";

const NOW = 1_800_000_000_000;
const stores = { db: env.DB, bucket: env.CONTENT };
const snapshots = (now = NOW) => writeSnapshots(stores, POLICY, now);
const rowsOf = (account: string) =>
  env.DB.prepare("SELECT recipient_hash FROM suppression WHERE account_id = ?")
    .bind(account)
    .all()
    .then(({ results }) => results.length);

test("a snapshot holds what blocks transactional mail of all streams, nothing else", async () => {
  const account = "n1";
  const make = (name: string, given: object) => changeOf(account, `${name}@a.example`, given);
  const [hard, complained, manual] = await Promise.all([
    make("hard", { hardAt: NOW }),
    make("complained", { complainedAt: NOW }),
    make("manual", { manualAt: NOW }),
  ]);
  const others = await Promise.all([
    make("old", { hardAt: NOW - POLICY.hardMs }),
    make("soft", { soft: { m1: NOW, m2: NOW, m3: NOW } }),
    make("listed", { listedAt: NOW }),
    make("left", { unsubscribedAt: NOW, stream: "news" }),
    make("overridden", { complainedAt: NOW - 5 }),
    make("removed", { hardAt: NOW - 5 }),
  ]);
  await write([hard, complained, manual, ...others], NOW);
  const place = (index: number) => ({ hash: others[index]?.hash ?? "", stream: "*" });
  const override = { at: NOW, by: "key", note: "asked" };
  await overrideSuppression(env.DB, account, place(4), override);
  await removeSuppressions(env.DB, account, [place(5)], NOW);

  expect(await readSnapshot(env.CONTENT, account)).toBeNull();
  expect(await snapshots()).toEqual({ written: 1, capped: 0 });
  const snapshot = await readSnapshot(env.CONTENT, account);
  for (const one of [hard, complained, manual]) expect(snapshot?.has(one.hash)).toBe(true);
  for (const one of others) expect(snapshot?.has(one.hash)).toBe(false);
});

test("it is written when the list has changed, and not more often than it should", async () => {
  const once = await changeOf("n2", "ann@a.example", { hardAt: NOW });
  await write([once], NOW);
  expect((await snapshots()).written).toBe(1);
  expect((await snapshots(NOW + SNAPSHOT_EVERY_MS)).written).toBe(0);
  const soft = await changeOf("n2", "bob@a.example", { soft: { m1: NOW } });
  await write([soft], NOW);
  expect((await snapshots(NOW + SNAPSHOT_EVERY_MS)).written).toBe(0);
  const twice = await changeOf("n2", "bob@a.example", { hardAt: NOW });
  await write([twice], NOW);
  expect((await snapshots(NOW + SNAPSHOT_EVERY_MS - 1)).written).toBe(0);
  expect((await snapshots(NOW + SNAPSHOT_EVERY_MS)).written).toBe(1);
  expect((await readSnapshot(env.CONTENT, "n2"))?.has(twice.hash)).toBe(true);
});

test("lists longer than one query are written whole", async () => {
  await env.DB.prepare(
    `INSERT INTO suppression (account_id, recipient_hash, stream, address, first_seen_at,
       last_seen_at, hard_at)
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20001)
     SELECT 'n3', printf('%016x%016x', i * 7919, i), '*', '', ?1, ?1, ?1 FROM n`,
  )
    .bind(NOW)
    .run();
  await env.DB.prepare(
    "INSERT INTO suppression_list (account_id, revision) VALUES ('n3', 1)",
  ).run();
  expect((await snapshots()).written).toBe(1);
  const object = await env.CONTENT.head("suppressed/n3");
  expect(object?.size).toBe(20_001 * 8);
  const snapshot = await readSnapshot(env.CONTENT, "n3");
  for (const i of [1, 9_999, 10_000, 10_001, 20_001]) {
    expect(snapshot?.has((i * 7_919).toString(16).padStart(16, "0"))).toBe(true);
  }
});

test("rows that say nothing any more are deleted in their turn, others are kept", async () => {
  const past = NOW - PURGE_AFTER_MS;
  const make = (name: string, given: object) => changeOf("n4", `${name}@a.example`, given);
  const changes = await Promise.all([
    make("expired", { hardAt: NOW - POLICY.hardMs }),
    make("single", { soft: { m1: past } }),
    make("kept-hard", { hardAt: NOW - POLICY.hardMs + 1 }),
    make("kept-complaint", { complainedAt: 1 }),
    make("kept-soft", { soft: { m1: past + 86_400_000 * 2 } }),
    make("kept-manual", { manualAt: 1 }),
  ]);
  await write(changes, NOW);
  await write([await changeOf("n5", "expired@a.example", { hardAt: NOW - POLICY.hardMs })], NOW);
  // A minute's turn is that of one in 1,024 parts; for the policy time stands still meanwhile.
  const minuteNow = Math.floor(NOW / 60_000) % 1_024;
  const turnOf = (hash: string): number =>
    ((Number.parseInt(hash.slice(0, 3), 16) >> 2) - minuteNow + 1_024) % 1_024;
  const purge = (minutes: number): Promise<number> => {
    const moved = { ...POLICY, hardMs: POLICY.hardMs + minutes * 60_000 };
    return purgeSuppressions(env.DB, ["n4"], moved, NOW + minutes * 60_000);
  };
  const turns = changes.map((one) => turnOf(one.hash));
  const others = [0, 1, 512, 1_023].filter((turn) => !turns.includes(turn));
  for (const turn of others) expect(await purge(turn)).toBe(0);
  const deleted = [];
  for (const turn of turns) deleted.push(await purge(turn));
  expect(deleted).toEqual([1, 1, 0, 0, 0, 0]);
  expect(await rowsOf("n4")).toBe(4);
  expect(await rowsOf("n5")).toBe(1);
});
