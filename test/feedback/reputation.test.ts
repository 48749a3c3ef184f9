import { describe, expect, test } from "vitest";
import type { Bounce } from "../../src/core/bounce.ts";
import { reportsComplaints } from "../../src/core/complaint-sites.ts";
import type { Envelope } from "../../src/core/custody.ts";
import type { Happening } from "../../src/core/events.ts";
import type { GuardAction, GuardWrite, Standing } from "../../src/core/guard.ts";
import { MARK } from "../../src/core/marks.ts";
import { type GuardPolicy, UNGUARDED } from "../../src/core/reputation.ts";
import {
  assess,
  type GuardDeps,
  harmedScopes,
  liftPauses,
  patrol,
  talliesOf,
} from "../../src/feedback/reputation.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const CREATED = NOW - HOUR;

const isTest = (account: string): boolean => account.endsWith("~test");
const HARD: Bounce = { kind: "hard", category: "recipient" };

const happening = (type: Happening["type"], given: Partial<Happening> = {}): Happening => ({
  ...{ account: "acme", messageId: "m", no: 0, address: "ann@yahoo.com", hash: "h" },
  envelope: { stream: "news", fromDomain: "acme.example", createdAt: CREATED } as Envelope,
  ...{ source: "s1", type, at: NOW, code: "", text: "", bounce: null, url: "", ours: false },
  ...given,
});

const STREAM = "stream/acme/news/acme.example";

describe("tallies", () => {
  test("are one per recipient, with all that the batch says of it", () => {
    const sent = happening("sent", { ours: true, at: NOW - 5 });
    const tallies = talliesOf(
      [
        happening("bounced", { bounce: HARD, at: NOW + 9 }),
        sent,
        happening("delivered", { no: 1 }),
      ],
      isTest,
    );
    const scopes = [STREAM, "source/s1"];
    expect(tallies).toEqual([
      {
        ...{ account: "acme", messageId: "m", no: 0, scopes, reports: true },
        ...{ marks: MARK.sent | MARK.hard, at: NOW - 5 },
      },
      {
        ...{ account: "acme", messageId: "m", no: 1, scopes, reports: true },
        ...{ marks: MARK.sent | MARK.delivered, at: CREATED },
      },
    ]);
  });

  test("of a shared source hold live mail only, and none before there was a source", () => {
    const scopesOf = (given: Partial<Happening>) =>
      talliesOf([happening("delivered", given)], isTest)[0]?.scopes;
    expect(scopesOf({ account: "acme~test" })).toEqual(["stream/acme~test/news/acme.example"]);
    expect(scopesOf({ source: "" })).toEqual([STREAM]);
  });

  test("do not count whom we suppressed, nor a provider's own list as dead addresses", () => {
    expect(talliesOf([happening("suppressed", { ours: true })], isTest)).toEqual([]);
    expect(talliesOf([happening("accepted", { ours: true })], isTest)).toEqual([]);
    expect(talliesOf([happening("suppressed")], isTest)[0]?.marks).toBe(MARK.withheld);
    const listed: Bounce = { kind: "hard", category: "provider_list" };
    const [tally] = talliesOf([happening("bounced", { bounce: listed })], isTest);
    expect((tally?.marks ?? 0) & MARK.hard).toBe(0);
  });

  test("know by the domain who reports complaints", () => {
    const reports = (address: string) =>
      talliesOf([happening("complained", { address })], isTest)[0]?.reports;
    expect(reports("Ann@Yahoo.com")).toBe(true);
    expect(reports("ann@gmail.com")).toBe(false);
    for (const site of ["hotmail.com", "comcast.net", "mail.ru", "sandbox.test", "laposte.net"]) {
      expect(reportsComplaints(site), site).toBe(true);
    }
    for (const site of ["gmail.com", "icloud.com", "acme.example", "", "constructor"]) {
      expect(reportsComplaints(site), site).toBe(false);
    }
  });

  test("with harm name the scopes to look at, each once; good news names none", () => {
    const good = talliesOf([happening("delivered"), happening("sent", { no: 1 })], isTest);
    expect(harmedScopes(good)).toEqual([]);
    const harm = [happening("complained"), happening("bounced", { no: 1, bounce: HARD })];
    expect(harmedScopes(talliesOf(harm, isTest))).toEqual([STREAM, "source/s1"]);
  });
});

const policy: GuardPolicy = {
  ...{ windowMs: 24 * HOUR, minimumSent: 200, minimumReached: 1_000, mayPause: true },
  ...{ bounces: { warn: 2, slow: 3, pause: 4 }, complaints: { warn: 0.08, slow: 0.1, pause: 0.3 } },
  ...{ pauseMs: 2 * HOUR, pauseMaxMs: 48 * HOUR, probationSamples: 500 },
};
const NONE = {
  ...{ sent: 0, delivered: 0, hard: 0, soft: 0, block: 0, withheld: 0 },
  ...{ reporting: 0, returned: 0, complained: 0, complainedOther: 0 },
};
const standing = (hard: number, given: Partial<Standing> = {}): Standing => ({
  ...{ scope: STREAM, rev: 0, state: null, counts: { ...NONE, sent: 1_000, hard } },
  ...given,
});

function world(standings: readonly Standing[], given: Partial<GuardDeps> = {}) {
  const seen = {
    written: [] as GuardWrite[],
    told: [] as GuardAction[],
    marked: [] as GuardAction[],
    logged: [] as string[],
  };
  const deps: GuardDeps = {
    now: () => NOW,
    policyOf: () => policy,
    standings: async () => [...standings],
    due: async () => [...standings],
    write: async (moves) => {
      seen.written.push(...moves);
      return moves.map((one) => one.scope);
    },
    untold: async () => [],
    tell: async (actions) => void seen.told.push(...actions),
    markTold: async (actions) => void seen.marked.push(...actions),
    log: (event) => void seen.logged.push(event),
    ...given,
  };
  return { deps, seen };
}

describe("an assessment", () => {
  test("writes nothing when nothing changes, and asks nothing about no scopes", async () => {
    const { deps, seen } = world([standing(3)]);
    expect(await assess([STREAM], deps)).toEqual([]);
    expect(seen.written).toEqual([]);
    const silent = world([], { standings: () => Promise.reject(new Error("asked")) });
    expect(await assess([], silent.deps)).toEqual([]);
  });

  test("pauses, tells of it with its figures, and notes that it was told", async () => {
    const { deps, seen } = world([standing(50)]);
    const [action] = await assess([STREAM], deps);
    expect(action).toMatchObject({
      ...{ scope: STREAM, kind: "paused", from: "normal", to: "paused", cause: "bounces" },
      ...{ bounceRate: 5, complaintRate: null, sent: 1_000, hard: 50, by: "guard" },
      until: NOW + 2 * HOUR,
    });
    expect(seen.written[0]).toMatchObject({ prev: 0, rev: NOW, due: NOW + 2 * HOUR });
    expect([seen.told, seen.marked]).toEqual([[action], [action]]);
    expect(seen.logged).toEqual(["guard_moved"]);
  });

  test("that came second says nothing", async () => {
    const { deps, seen } = world([standing(50)], { write: async () => [] });
    expect(await assess([STREAM], deps)).toEqual([]);
    expect([seen.told, seen.logged]).toEqual([[], []]);
  });

  test("whose webhook fails leaves it to the patrol, which tells again", async () => {
    const failing = world([standing(50)], { tell: () => Promise.reject(new Error("D1")) });
    const [action] = await assess([STREAM], failing.deps);
    if (action === undefined) throw new Error("it acts");
    expect([failing.seen.marked, failing.seen.logged]).toEqual([
      [],
      ["guard_moved", "guard_not_told"],
    ]);
    const later = world([], { untold: async () => [action] });
    await patrol(later.deps);
    expect([later.seen.told, later.seen.marked]).toEqual([[action], [action]]);
  });
});

describe("the patrol", () => {
  const paused = {
    ...UNGUARDED,
    level: "paused" as const,
    at: NOW - 2 * HOUR,
    until: NOW,
    strikes: 1,
  };

  test("ends a pause when its time has come, with a revision above the last", async () => {
    const { deps, seen } = world([standing(50, { rev: NOW + 5, state: paused })]);
    const [action] = await patrol(deps);
    expect(action).toMatchObject({ kind: "resumed", to: "probation", rev: NOW + 6 });
    expect(seen.written[0]?.prev).toBe(NOW + 5);
  });

  test("looks again later at what it leaves as it is", async () => {
    const state = { ...UNGUARDED, level: "slowed" as const, at: NOW };
    const { deps, seen } = world([standing(30, { rev: 7, state })]);
    expect(await patrol(deps)).toEqual([]);
    expect(seen.written[0]).toMatchObject({ state, action: null });
    expect(seen.written[0]?.due).toBeGreaterThan(NOW);
  });

  test("forgets what has been normal for long", async () => {
    const state = { ...UNGUARDED, at: NOW - 30 * 24 * HOUR };
    const { deps, seen } = world([standing(0, { rev: 7, state })]);
    await patrol(deps);
    expect(seen.written[0]).toMatchObject({ prev: 7, state: null });
  });

  test("never rejects", async () => {
    const { deps, seen } = world([], { due: () => Promise.reject(new Error("D1")) });
    expect(await patrol(deps)).toEqual([]);
    expect(seen.logged).toEqual(["guard_patrol_failed"]);
  });

  test("by hand a pause ends in a probation and the log says by whom; others stay", async () => {
    const { deps, seen } = world([]);
    const state = { ...paused, until: NOW + HOUR };
    const all = [standing(50, { rev: 7, state }), standing(30, { scope: "source/s1" })];
    const actions = await liftPauses(all, "key", deps);
    expect(actions).toMatchObject([{ scope: STREAM, kind: "resumed", to: "probation", by: "key" }]);
    expect(seen.written).toHaveLength(1);
  });
});
