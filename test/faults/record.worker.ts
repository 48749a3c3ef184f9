/** What follows a send: the database is down, confirmations are lost, storage does not answer. */
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { database, type Fault } from "../support/worker/faults.ts";
import {
  COMBINATIONS,
  pause,
  type Scenario,
  scenario,
  timesOf,
  until,
} from "../support/worker/faults-kit.ts";

/** A minute: long enough for every queue, lease and backoff to meet it. */
const OUTAGE_MS = 60_000;

/** After an outage the journal comes back within its last backoff, which has doubled meanwhile. */
const RECOVERY_MS = 130_000;

/** Characters of a text that does not stay in the Outbox's row. */
const LARGE = 200_000;

/** Whatever is read from the database. */
const UNREADABLE = [
  ...["/emails", "/ledger", "/streams", "/streams/bulk", "/streams/bulk/log"],
  ...["/suppressions", "/webhooks"],
];

const poisoned = async (): Promise<number> =>
  (await env.CONTENT.list({ prefix: "poison/" })).objects.length;

describe("a database that is down", () => {
  const minutes = { timeout: OUTAGE_MS + 2 * RECOVERY_MS };
  test("delays lists, and neither acceptance nor sending; nothing is lost", minutes, async () => {
    const all = await Promise.all(
      COMBINATIONS.map(async (fields) => ({ fields, one: await scenario() })),
    );
    const bulk = await scenario();
    // The keys are known before: a key that was never seen cannot be checked.
    for (const { one } of [...all, { one: bulk }]) await one.settled(0);
    database.down = true;
    try {
      await Promise.all(all.map(({ fields, one }) => inOutage(one, fields)));
      const waiting = await bulk.post({ stream: "bulk" });
      await pause(OUTAGE_MS);
      expect(await bulk.acceptances(), "broadcasts wait for suppressions").toEqual({});
      expect(await bulk.read(waiting)).toMatchObject({ last_event: "queued" });
    } finally {
      database.down = false;
    }
    for (const { one } of all) {
      await one.counts({ delivered: 11 }, RECOVERY_MS);
      expect(one.script.logged.get("resolve_failed")).toBeGreaterThan(0);
      const sends = Object.values(await one.acceptances());
      expect(sends).toEqual(Array.from({ length: 11 }, () => 1));
    }
    await bulk.counts({ delivered: 1 }, RECOVERY_MS);
    expect(await poisoned()).toBe(0);
  });

  async function inOutage(one: Scenario, fields: { stream: string }): Promise<void> {
    const [first = ""] = [await one.post(fields), ...(await one.postBatch(10, fields))];
    const sent = await until(
      () => one.read(first),
      (email) => email.last_event === "sent",
    );
    expect(timesOf(sent, "unknown")).toBe(0);
  }

  test.each(UNREADABLE)("makes GET %s say that it is unavailable", async (path) => {
    const one = await scenario();
    await one.settled(0);
    database.down = true;
    try {
      const response = await one.request(path);
      expect(await response.json()).toMatchObject({ statusCode: 503, name: "service_unavailable" });
      expect(response.status).toBe(503);
    } finally {
      database.down = false;
    }
  });
});

describe.concurrent("a confirmation that is lost", () => {
  const kinds = ["throw_before", "throw_after", "lose", "die_before", "die_after"] as const;

  test.each(kinds)("is made up for, and nothing is doubled: %s", async (kind) => {
    const all = await Promise.all(
      COMBINATIONS.map(async (fields) => {
        const one = await scenario([{ point: "confirm", kind, times: 2 }]);
        return { one, id: await one.post(fields) };
      }),
    );
    for (const { one, id } of all) {
      await one.counts({ delivered: 1 });
      await until(
        () => one.outbox().read(id),
        (held) => held === null,
      );
      expect(await one.outbox().ledger()).toMatchObject({ accepted: 1, open: 0, confirmed: 1 });
      const email = await one.read(id);
      expect(email.timeline.map((entry) => entry.type).sort()).toEqual([
        "accepted",
        "delivered",
        "sent",
      ]);
      expect(await one.sends(id)).toBe(1);
      const rows = await env.DB.prepare("SELECT count(*) AS n FROM recipient WHERE account_id = ?")
        .bind(one.scope)
        .first<{ n: number }>();
      expect(rows?.n).toBe(1);
    }
  });

  test("of a proof is made up for: an unknown does not stay one", async () => {
    const one = await scenario([
      { point: "send", kind: "die_after" },
      { point: "confirm", kind: "throw_before", times: 3 },
    ]);
    const id = await one.post({ stream: "plain-late", on_unknown: "hold" });
    await one.counts({ delivered: 1 });
    expect(timesOf(await one.read(id), "unknown")).toBe(1);
    expect(await one.sends(id)).toBe(1);
  });
});

describe.concurrent("a write to the database that fails once or twice while it answers", () => {
  test("is tried again: no outcome and no event is set aside", async () => {
    const one = await scenario([{ point: "record", kind: "throw_before", times: 2 }]);
    const late = await scenario([{ point: "record", kind: "throw_before", after: 1, times: 1 }]);
    await one.post({ stream: "plain", on_unknown: "hold" });
    await late.post({ stream: "plain-late", on_unknown: "hold" });
    await one.counts({ delivered: 1 });
    await late.counts({ delivered: 1 }, 12_000);
    expect(await poisoned()).toBe(0);
  });

  test("after it took effect is recorded once", async () => {
    const one = await scenario([{ point: "record", kind: "throw_after", times: 2 }]);
    const id = await one.post({ stream: "plain", on_unknown: "hold" });
    await one.counts({ delivered: 1 });
    expect((await one.read(id)).timeline).toHaveLength(3);
  });
});

describe.concurrent("storage that does not answer", () => {
  const text = "x".repeat(LARGE);

  test.each(COMBINATIONS)(
    "for content delays the send, and nothing is unknown: $stream, $on_unknown",
    async (fields) => {
      const one = await scenario([{ point: "content", kind: "throw_before", times: 2 }]);
      const id = await one.post({ ...fields, text });
      await one.counts({ delivered: 1 });
      expect(timesOf(await one.read(id), "unknown")).toBe(0);
      expect(await one.sends(id)).toBe(1);
    },
  );

  test("when content is to be deleted is asked again, and not in a circle", async () => {
    const one = await scenario([{ point: "delete_content", kind: "throw_before", times: 2 }]);
    const id = await one.post({ stream: "plain", text });
    await until(
      () => one.outbox().ledger(),
      (shard) => shard.confirmed === 1,
    );
    await one.counts({ delivered: 1 });
    expect(one.script.passed.get("delete_content")).toBe(3);
    expect(one.script.passed.get("send_journal")).toBeLessThan(10);
    expect(await env.CONTENT.head(`content/${one.scope}/${id}`)).toBeNull();
  });
});

describe.concurrent("a Source that cannot be told", () => {
  const fault: Fault = { point: "source_settle", kind: "throw_before", times: 9 };

  test.each(COMBINATIONS)(
    "leaves a throttled send throttled: $stream, $on_unknown",
    async (fields) => {
      const one = await scenario([fault]);
      one.script.answers.push({ kind: "throttled", retryAfterMs: 300, text: "slow down" });
      const id = await one.post(fields);
      await one.counts({ delivered: 1 });
      const email = await one.read(id);
      expect(timesOf(email, "unknown")).toBe(0);
      expect(timesOf(email, "waiting")).toBe(1);
      expect(one.script.calls.get(id)).toBe(2);
      expect(await one.sends(id)).toBe(1);
    },
  );
});
