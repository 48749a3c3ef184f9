/** What comes after a delivery, under faults: nothing is lost, and nothing counts twice. */
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { Fault } from "../support/worker/faults.ts";
import {
  armed,
  becomes,
  EXPECTED,
  eventOf,
  hard,
  kept,
  makeEndpoint,
  mintedId,
  rowOf,
  sendStory,
  standing,
  tell,
  tenfold,
} from "../support/worker/faults-feedback.ts";
import { pause, until } from "../support/worker/faults-kit.ts";

/** A minute: long enough for every queue, lease and backoff to meet it. */
const OUTAGE_MS = 60_000;

/**
 * When mail is sent and read meanwhile. What waits is tried again after 1, 3, 7, 15, 31 and 63
 * seconds: the next time is soon after the minute for each of these on an idle machine.
 */
const WAVES_MS = [0, 31_000, 55_000];

/** From the end of the outage to the end of the last wait, where the machine is busy. */
const RECOVERY_MS = 45_000;

/** Events in one message: a local queue takes its time with each that is put off. */
const SOME = 20;

describe.concurrent("feedback", () => {
  describe.concurrent("a database that is down for a minute", () => {
    const minutes = { timeout: OUTAGE_MS + RECOVERY_MS + 20_000 };
    test("loses neither what is sent nor what is reported meanwhile", minutes, async () => {
      const { one } = await armed();
      const told = await sendStory(one);
      one.script.databaseDown = true;
      const sent: string[] = [];
      try {
        await tell(tenfold(told.events, SOME));
        const began = Date.now();
        for (const at of [...WAVES_MS, OUTAGE_MS]) {
          await pause(began + at - Date.now());
          if (at === OUTAGE_MS) break;
          const ids = await Promise.all(
            [1, 2].map((n) => one.post({ stream: "plain", to: `new${n}-${at}@faults.test` })),
          );
          sent.push(...ids);
          await tell([ids.map((id) => eventOf(one, id, { type: "opened", at: Date.now() }))]);
        }
        const acceptances = await one.acceptances();
        expect(sent.map((id) => acceptances[id])).toEqual(sent.map(() => 1));
        expect(await kept("poison", one)).toEqual([]);
      } finally {
        one.script.databaseDown = false;
      }
      const { counted, ledger, webhooks, ...rest } = EXPECTED;
      const more = {
        "email.delivered": 13,
        "email.opened": 9,
        "email.sent": 13,
      };
      await becomes(
        one,
        told,
        {
          ...rest,
          counted: { ...counted, sent: 13, delivered: 13 },
          webhooks: { ...webhooks, ...more },
          ledger: { ...ledger, accepted: 13, delivered: 9 },
        },
        RECOVERY_MS,
      );
      expect(await kept("poison", one)).toEqual([]);
      expect(await kept("orphans", one)).toEqual([]);
    });
  });

  describe.concurrent("events, each ten times and shuffled", () => {
    const cases: readonly [string, number, readonly Fault[]][] = [
      ["in one message", 1_000, []],
      ["in a message each", 1, []],
      ["while the consumer dies before it asks", SOME, [{ point: "look", kind: "die_before" }]],
      [
        "while the database does not say",
        SOME,
        [{ point: "look", kind: "throw_before", times: 2 }],
      ],
      ...(["die_before", "die_after", "throw_before", "throw_after"] as const).map(
        (kind): [string, number, readonly Fault[]] => [
          `while commits ${kind}`,
          SOME,
          [{ point: "record", kind, times: 2 }],
        ],
      ),
    ];

    test.each(cases)("count once: %s", async (_, size, faults) => {
      const { one, arm } = await armed();
      const told = await sendStory(one);
      arm(faults);
      await tell(tenfold(told.events, size));
      await becomes(one, told, EXPECTED);
      expect(one.script.struck).toHaveLength(faults.reduce((sum, { times = 1 }) => sum + times, 0));
      expect(await kept("poison", one)).toEqual([]);
    });
  });

  describe.concurrent("a bounce that comes before its message is recorded", () => {
    const cases: readonly (readonly Fault[])[] = [
      [],
      [{ point: "heads", kind: "throw_before", times: 2 }],
      [{ point: "heads", kind: "die_after" }],
      [{ point: "confirm", kind: "throw_before", times: 2 }],
      [{ point: "confirm", kind: "die_after", times: 2 }],
    ];

    test.each(cases)("counts once, and is seen at once: %j", async (...faults) => {
      const { one, arm } = await armed();
      const endpoint = await makeEndpoint(one);
      arm([{ point: "send_journal", kind: "throw_before", times: 1_000 }, ...faults]);
      const id = await one.post({ stream: "plain", to: "gone@faults.test" });
      const held = await until(
        () => one.outbox().read(id),
        (unit) => (unit?.providerMessageId ?? "") !== "",
      );
      const { providerMessageId = "" } = held ?? {};
      expect(providerMessageId).not.toBe("");
      const at = Date.now();
      const bounce = eventOf(one, id, { type: "bounced", at, bounce: hard, providerMessageId });
      await tell(tenfold([bounce], 1));
      await until(
        () => one.read(id),
        (email) => email.last_event === "bounced",
      );
      expect(await rowOf(id)).toMatchObject({ rev: 0, standing: "bounced" });
      const list = (await (await one.request("/emails")).json()) as { data: { id: string }[] };
      expect(list.data.map((email) => email.id)).toEqual([id]);
      const pending = await one.ledger();
      expect(pending).toMatchObject({ accepted: 1, pending: 1, bounced: 0, conserved: true });
      arm(faults.filter(({ point }) => point === "confirm"));
      await becomes(
        one,
        { ids: [id], endpoint },
        {
          emails: [{ state: "bounced" }],
          suppressed: [{ address: "gone@faults.test", stream: "*", reason: "hard_bounce" }],
          counted: {
            sent: 1,
            delivered: 1,
            hard: 1,
            soft: 0,
            block: 0,
            complained: 0,
            elsewhere: 0,
          },
          webhooks: {
            "email.bounced": 1,
            "email.delivered": 1,
            "email.sent": 1,
            "suppression.added": 1,
          },
          raws: 0,
          ledger: { accepted: 1, delivered: 0, bounced: 1, complained: 0, conserved: true },
        },
      );
    });
  });

  describe.concurrent("of two attempts at a source that does not deduplicate", () => {
    test("the first one's late bounce teaches, and the newest one's tells the state", async () => {
      const { one, arm } = await armed();
      arm([{ point: "send", kind: "throw_after" }]);
      const endpoint = await makeEndpoint(one);
      const id = await one.post({
        stream: "plain-late",
        on_unknown: "retry",
        to: "twice@faults.test",
      });
      await until(
        () => one.sends(id),
        (sends) => sends === 2,
      );
      const row = await until(
        () => rowOf(id),
        (found) => typeof found?.provider_message_id === "string",
      );
      const newest = String(row?.provider_message_id);
      const bounced = { type: "bounced", source: "plain-late", bounce: hard } as const;
      const late = eventOf(one, id, { ...bounced, at: Date.now(), providerMessageId: "first" });
      await tell(tenfold([late], 1));
      const told = { ids: [id], endpoint };
      await until(
        () => standing(one, told),
        ({ suppressed }) => suppressed.length === 1,
      );
      expect((await standing(one, told)).emails).not.toEqual([{ state: "bounced" }]);
      await one.counts({ delivered: 1 });
      const now = await standing(one, told);
      expect(now).toMatchObject({
        emails: [{ state: "delivered" }],
        suppressed: [{ address: "twice@faults.test", reason: "hard_bounce" }],
        counted: { sent: 1, delivered: 1, hard: 1 },
        webhooks: { "email.bounced": 1 },
      });
      await tell([[{ ...late, at: Date.now(), providerMessageId: newest }]]);
      await one.counts({ bounced: 1 });
      expect((await standing(one, told)).counted).toEqual(now.counted);
    });
  });

  describe.concurrent("events of a message that nobody knows", () => {
    test("come back and are recorded when it appears, though the queue refused them", async () => {
      const { one, arm } = await armed();
      const id = await one.post({ stream: "plain" });
      await one.counts({ delivered: 1 });
      const row = (await rowOf(id)) ?? {};
      await env.DB.prepare("DELETE FROM recipient WHERE message_id = ?").bind(id).run();
      arm([{ point: "journal_later", kind: "throw_before", times: 2 }]);
      await tell([[eventOf(one, id, { type: "bounced", at: Date.now(), bounce: hard })]]);
      await until(
        () => one.script.passed.get("journal_later"),
        (passed) => passed === 3,
      );
      const { standing: _, ...columns } = row;
      await env.DB.prepare(
        `INSERT INTO recipient (${Object.keys(columns).join(", ")})
       VALUES (${Object.keys(columns)
         .map(() => "?")
         .join(", ")})`,
      )
        .bind(...Object.values(columns))
        .run();
      await one.counts({ bounced: 1 });
      expect(one.script.passed.get("journal_later")).toBe(3);
      expect(await kept("orphans", one)).toEqual([]);
    });

    test("are kept in the end, like what is of no known type or no body of ours", async () => {
      const { one, arm } = await armed();
      arm([{ point: "keep_aside", kind: "throw_before", times: 3 }]);
      const at = Date.now();
      const orphan = eventOf(one, await mintedId(one.scope), { type: "delivered", at });
      const foreign = eventOf(one, "0199b2a4-1c00-7000-8000-000000000001", {
        type: "delivered",
        at,
      });
      const unknown = { source: "plain", events: [{ type: "new", raw: one.scope }] };
      const bodies = [
        { v: 1, kind: "events", events: [orphan], tries: 5 },
        { v: 1, kind: "events", events: [foreign], unknown },
        { v: 1, kind: "nonsense", account: one.scope },
      ];
      for (const body of bodies) await env.JOURNAL.send(body, { contentType: "json" });
      const all = await until(
        async () => ({
          orphans: await kept("orphans", one),
          unknown: await kept("unknown", one),
          poison: await kept("poison", one),
        }),
        (aside) => Object.values(aside).every((bodies) => bodies.length > 0),
      );
      expect(all.orphans.map((body) => JSON.parse(body))).toEqual([[orphan]]);
      expect(all.unknown.map((body) => JSON.parse(body))).toEqual([unknown]);
      expect(all.poison.map((body) => JSON.parse(body))).toEqual([bodies[2]]);
      const rows = await env.DB.prepare("SELECT 1 FROM recipient WHERE account_id = ?")
        .bind(one.scope)
        .all();
      expect(rows.results).toEqual([]);
    });

    test("say nothing about another account's message of that name", async () => {
      const [{ one }, { one: other }] = [await armed(), await armed()];
      const id = await other.post({ stream: "plain" });
      await other.counts({ delivered: 1 });
      const before = await rowOf(id);
      const own = await one.post({ stream: "plain" });
      await one.counts({ delivered: 1 });
      const at = Date.now();
      const bounce = { type: "bounced", at, bounce: hard } as const;
      await tell([[eventOf(one, id, bounce), eventOf(one, own, bounce)]]);
      await one.counts({ bounced: 1 });
      expect(await rowOf(id)).toEqual(before);
      const { results } = await env.DB.prepare("SELECT account_id FROM suppression").all<{
        account_id: string;
      }>();
      expect(results.map((row) => row.account_id)).not.toContain(other.scope);
    });
  });
});
