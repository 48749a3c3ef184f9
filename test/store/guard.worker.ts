import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { GuardAction, GuardWrite } from "../../src/core/guard.ts";
import { UNGUARDED } from "../../src/core/reputation.ts";
import {
  listStandings,
  markTold,
  readDue,
  readGuardLog,
  readRestricted,
  readStandings,
  readUntold,
  writeGuard,
} from "../../src/store/guard.ts";

const NOW = 1_800_000_000_000;

beforeEach(async () => {
  await env.DB.batch([
    env.DB.prepare("DELETE FROM guard"),
    env.DB.prepare("DELETE FROM guard_log"),
    env.DB.prepare("DELETE FROM reputation"),
  ]);
});

const action = (scope: string, rev: number, given: Partial<GuardAction> = {}): GuardAction => ({
  ...{ scope, rev, kind: "paused", at: rev, from: "normal", to: "paused", cause: "bounces" },
  ...{ bounceRate: 5, complaintRate: null, sent: 300, hard: 15, complained: 0, until: NOW + 9 },
  by: "guard",
  ...given,
});

const pausing = (scope: string, prev: number, rev: number, by = "guard"): GuardWrite => ({
  ...{ scope, prev, rev, due: NOW + 9 },
  state: { ...UNGUARDED, level: "paused", at: rev, until: NOW + 9, strikes: 1 },
  action: action(scope, rev, { by: by as "guard" }),
});

describe("of two that see the same", () => {
  test("one acts, and one line is in the log, also at the same millisecond", async () => {
    for (const [scope, second] of [
      ["source/a", NOW + 1],
      ["source/b", NOW],
    ] as const) {
      const won = await Promise.all([
        writeGuard(env.DB, [pausing(scope, 0, NOW)]),
        writeGuard(env.DB, [pausing(scope, 0, second, "operator")]),
      ]);
      expect(won.flat()).toEqual([scope]);
      const log = await readGuardLog(env.DB, scope, { after: null, limit: 10 });
      expect(log).toHaveLength(1);
      const [row] = await readStandings(env.DB, [scope], 0);
      expect(row?.rev).toBe(log[0]?.rev);
    }
  });

  test("the second may go on from where the first has left it", async () => {
    await writeGuard(env.DB, [pausing("source/a", 0, NOW)]);
    expect(await writeGuard(env.DB, [pausing("source/a", NOW - 1, NOW + 5)])).toEqual([]);
    expect(await writeGuard(env.DB, [pausing("source/a", NOW, NOW + 5)])).toEqual(["source/a"]);
  });

  test("a move is forgotten only as it was read", async () => {
    await writeGuard(env.DB, [pausing("source/a", 0, NOW)]);
    const gone = { scope: "source/a", rev: NOW + 9, state: null, due: 0, action: null };
    await writeGuard(env.DB, [{ ...gone, prev: NOW - 1 }]);
    expect(await readRestricted(env.DB)).toHaveLength(1);
    await writeGuard(env.DB, [{ ...gone, prev: NOW }]);
    expect(await readRestricted(env.DB)).toEqual([]);
    expect(await readGuardLog(env.DB, "source/a", { after: null, limit: 9 })).toHaveLength(1);
  });
});

test("lanes read who is not free, paused ones first", async () => {
  const level = (scope: string, name: "warned" | "slowed"): GuardWrite => {
    const write = pausing(scope, 0, NOW);
    return { ...write, state: { ...UNGUARDED, level: name }, action: null };
  };
  const all = [
    level("source/a", "slowed"),
    pausing("source/b", 0, NOW),
    level("source/c", "warned"),
  ];
  await writeGuard(env.DB, all);
  expect(await readRestricted(env.DB)).toEqual([
    { scope: "source/b", level: "paused", until: NOW + 9 },
    { scope: "source/a", level: "slowed", until: 0 },
  ]);
});

test("what is due is read when its time has come", async () => {
  await writeGuard(env.DB, [pausing("source/a", 0, NOW)]);
  expect(await readDue(env.DB, NOW + 8, 0, 10)).toEqual([]);
  expect((await readDue(env.DB, NOW + 9, 0, 10)).map((one) => one.scope)).toEqual(["source/a"]);
});

test("counts are of the window, and after a pause of what was sent since", async () => {
  const row = (bucket: number) =>
    env.DB.prepare(
      "INSERT INTO reputation VALUES ('stream/a/s/d.example', ?, 10, 9, 1, 0, 0, 0, 5, 1, 0, 0)",
    ).bind(bucket);
  await env.DB.batch([row(100), row(200), row(300)]);
  const sent = async (): Promise<number | undefined> =>
    (await readStandings(env.DB, ["stream/a/s/d.example"], 200))[0]?.counts.sent;
  expect(await sent()).toBe(20);
  const write = pausing("stream/a/s/d.example", 0, NOW);
  await writeGuard(env.DB, [{ ...write, state: { ...UNGUARDED, since: 300 } }]);
  expect(await sent()).toBe(10);
});

test("a list has what stands under its prefix, and nothing of a longer name", async () => {
  await writeGuard(env.DB, [
    pausing("stream/acme/news/a.example", 0, NOW),
    pausing("stream/acme/news-2/a.example", 0, NOW),
    pausing("stream/acme~test/news/a.example", 0, NOW),
  ]);
  const scopes = (await listStandings(env.DB, "stream/acme/news/", 0, 10)).map((one) => one.scope);
  expect(scopes).toEqual(["stream/acme/news/a.example"]);
});

test("the log is read newest first, page by page, each line once", async () => {
  const scopes = ["stream/a/s/x.example", "stream/a/s/y.example"];
  for (let n = 0; n < 3; n += 1) {
    const prev = n === 0 ? 0 : NOW + n - 1;
    await writeGuard(
      env.DB,
      scopes.map((scope) => pausing(scope, prev, NOW + n)),
    );
  }
  const seen: string[] = [];
  let after: { rev: number; scope: string } | null = null;
  for (;;) {
    const page: GuardAction[] = await readGuardLog(env.DB, "stream/a/s/", { after, limit: 2 });
    const last = page.at(-1);
    if (last === undefined) break;
    seen.push(...page.map((one) => `${one.rev - NOW} ${one.scope.at(-9)}`));
    after = { rev: last.rev, scope: last.scope };
  }
  expect(seen).toEqual(["2 y", "2 x", "1 y", "1 x", "0 y", "0 x"]);
});

test("an action is untold until somebody notes that it was told", async () => {
  await writeGuard(env.DB, [pausing("source/a", 0, NOW), pausing("source/b", 0, NOW + 1)]);
  expect(await readUntold(env.DB, NOW + 1, 10)).toEqual([action("source/a", NOW)]);
  await markTold(env.DB, [action("source/a", NOW)]);
  expect((await readUntold(env.DB, NOW + 9, 10)).map((one) => one.scope)).toEqual(["source/b"]);
});
