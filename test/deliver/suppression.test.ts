import { describe, expect, test } from "vitest";
import type { SuppressedRecipient } from "../../src/core/custody.ts";
import type { LaneDeps } from "../../src/deliver/ports.ts";
import {
  type Asked,
  DATABASE_REST_MS,
  refusals,
  suppression,
} from "../../src/deliver/suppression.ts";
import { addressee, headOf } from "./messages.ts";

const NEVER = new Promise<never>(() => {});

/** A world whose time stands still but for the waits; what was asked and logged is kept. */
function world(given: Partial<LaneDeps> = {}) {
  const clock = { now: 1_000 };
  const seen = { asked: [] as string[], snapshots: [] as string[], logged: [] as string[] };
  const deps = {
    now: () => clock.now,
    // A wait is over at once; whatever is ready comes first.
    sleep: () => new Promise<void>((resolve) => setTimeout(resolve, 5)),
    suppressionMs: 250,
    databaseRest: { until: 0 },
    log: (event: string) => void seen.logged.push(event),
    ...given,
  } as LaneDeps;
  const { suppressed = async () => [], snapshot = async () => null } = given;
  const counted: LaneDeps = {
    ...deps,
    suppressed: (account, hashes) => {
      seen.asked.push(account);
      return suppressed(account, hashes);
    },
    snapshot: (account) => {
      seen.snapshots.push(account);
      return snapshot(account);
    },
  };
  return { deps: counted, clock, seen };
}

const asked = (given: Partial<Asked> = {}): Asked => ({
  account: "acme",
  lane: "transactional",
  hashes: ["ann", "bob"],
  ...given,
});
const snapshotOf = (...hashes: string[]) => ({ has: (hash: string) => hashes.includes(hash) });

describe("a database that answers", () => {
  test("is asked once per account, whatever the number of messages", async () => {
    const row: SuppressedRecipient = { hash: "ann", stream: "*", lane: "*", reason: "complaint" };
    const { deps, seen } = world({ suppressed: async () => [row] });
    const known = await suppression(
      [asked(), asked({ lane: "broadcast" }), asked({ account: "other", hashes: ["carl"] })],
      deps,
    );
    expect(seen.asked).toEqual(["acme", "other"]);
    expect(known.get("acme")).toEqual({ rows: [row], sure: true });
    expect(seen.snapshots).toEqual([]);
  });
});

describe("a database that hangs or fails", () => {
  const ways: [string, LaneDeps["suppressed"]][] = [
    ["hangs", () => NEVER],
    ["fails", () => Promise.reject(new Error("overloaded"))],
  ];

  test.each(ways)("transactional mail goes by the snapshot: it %s", async (_way, suppressed) => {
    const { deps, seen } = world({ suppressed, snapshot: async () => snapshotOf("bob") });
    const known = await suppression([asked()], deps);
    expect(known.get("acme")).toEqual({
      rows: [{ hash: "bob", stream: "*", lane: "*", reason: "suppressed" }],
      sure: false,
    });
    expect(seen.logged).toEqual(["suppression_unavailable"]);
  });

  test.each(ways)(
    "it is left alone for ten seconds, then asked again: it %s",
    async (_way, down) => {
      let answer = down;
      const { deps, clock, seen } = world({ suppressed: (...args) => answer(...args) });
      await suppression([asked()], deps);
      answer = async () => [];
      clock.now += DATABASE_REST_MS - 1;
      expect((await suppression([asked()], deps)).get("acme")?.sure).toBe(false);
      expect(seen.asked).toHaveLength(1);
      clock.now += 1;
      expect((await suppression([asked()], deps)).get("acme")?.sure).toBe(true);
      expect(seen.asked).toHaveLength(2);
    },
  );

  test("a snapshot that hangs, fails or is not there holds up no transactional mail", async () => {
    const bad: LaneDeps["snapshot"][] = [
      () => NEVER,
      () => Promise.reject(new Error("no storage")),
      async () => null,
    ];
    for (const snapshot of bad) {
      const { deps } = world({ suppressed: () => NEVER, snapshot });
      const known = await suppression([asked()], deps);
      expect(known.get("acme")).toEqual({ rows: [], sure: false });
    }
  });

  test("broadcasts, which wait, need no snapshot", async () => {
    const { deps, seen } = world({ suppressed: () => NEVER });
    const known = await suppression([asked({ lane: "broadcast" })], deps);
    expect(known.get("acme")?.sure).toBe(false);
    expect(seen.snapshots).toEqual([]);
  });
});

describe("who of a message is refused", () => {
  const message = headOf([addressee("to", "ann"), addressee("to", "bob"), addressee("cc", "carl")]);
  const row = (given: Partial<SuppressedRecipient>): SuppressedRecipient => ({
    hash: "hash-of-bob",
    stream: "*",
    lane: "*",
    reason: "complaint",
    ...given,
  });
  const refused = (rows: SuppressedRecipient[], numbers = [0, 1, 2], head = message) =>
    refusals({ numbers }, head, rows);

  test("the suppressed one is, with the reason; the others are not", () => {
    expect(refused([row({})])).toEqual([{ no: 1, code: "complaint" }]);
    expect(refused([row({})], [0, 2])).toEqual([]);
    expect(refused([])).toEqual([]);
  });

  test("only those whose entry is about the stream and the lane", () => {
    expect(refused([row({ lane: "broadcast" })])).toEqual([]);
    expect(refused([row({ stream: "news" })])).toEqual([]);
    expect(refused([row({ lane: "transactional", stream: "transactional" })])).toHaveLength(1);
    const news = headOf(message.addressees, { stream: "news", lane: "broadcast" });
    expect(refused([row({ lane: "broadcast" })], [1], news)).toHaveLength(1);
    expect(refused([row({ stream: "news" })], [1], news)).toHaveLength(1);
  });

  test("an entry that does not apply hides none that does", () => {
    const rows = [row({ stream: "news", reason: "unsubscribe" }), row({ reason: "hard_bounce" })];
    expect(refused(rows)).toEqual([{ no: 1, code: "hard_bounce" }]);
  });
});
