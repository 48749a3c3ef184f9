import { createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";
import type { JournalBody } from "../../src/core/custody.ts";
import type { FeedObservation } from "../../src/core/feed.ts";
import { classify } from "../../src/feedback/classify.ts";
import { fillGaps } from "../../src/feedback/fill.ts";
import worker from "../../src/index.ts";
import { type FeedAction, watchFeeds } from "../../src/observe/watchdog.ts";
import type { FeedEvent } from "../../src/providers/provider.ts";
import { fillServices, watchServices } from "../../src/services.ts";
import { feedStatements, readFeeds } from "../../src/store/feeds.ts";
import { admin, Client, refused, request } from "../support/worker/client.ts";

const MINUTE = 60_000;

const seen = (source: string, given: Partial<FeedObservation>): FeedObservation => ({
  source,
  firstSentAt: given.sentAt ?? 0,
  sentAt: 0,
  arrivedAt: 0,
  reportedAt: given.arrivedAt ?? 0,
  events: 0,
  foreign: 0,
  unknown: [],
  ...given,
});

async function record(at: number, one: FeedObservation): Promise<void> {
  await env.DB.batch(feedStatements(env.DB, [one], at));
}

/** An event two hours ago, and sends from an hour ago on. Answers when the event came. */
async function silence(source: string): Promise<number> {
  const arrivedAt = Date.now() - 120 * MINUTE;
  await record(arrivedAt, seen(source, { arrivedAt, events: 1 }));
  for (const ago of [60, 50, 1]) {
    const sentAt = Date.now() - ago * MINUTE;
    await record(sentAt + 500, seen(source, { sentAt }));
  }
  return arrivedAt;
}

async function minute(): Promise<FeedAction[]> {
  const told: FeedAction[] = [];
  const tell = async (actions: readonly FeedAction[]) => {
    told.push(...actions);
  };
  await watchFeeds(watchServices(env, tell));
  return told;
}

const health = async (): Promise<unknown> => (await request("/health")).json();
const figures = async (): Promise<string> => (await admin("/metrics")).text();
const feedOf = async (source: string) =>
  (await readFeeds(env.DB)).find((one) => one.source === source);

afterEach(async () => {
  await env.DB.exec("DELETE FROM source_feed");
});

test("a feed that stops is told once, in health and figures, until an event comes", async () => {
  const since = await silence("plain");
  expect(await minute()).toEqual([
    {
      id: `feed_stopped:plain:${since}`,
      source: "plain",
      kind: "feed_stopped",
      since,
      usualGapMs: 0,
    },
  ]);
  expect(await minute()).toEqual([]);
  expect(await health()).toEqual({
    status: "degraded",
    checks: { database: "ok", event_feeds: "stopped" },
  });
  expect(await figures()).toContain('postern_source_feed_stopped{source="plain"} 1\n');

  const arrivedAt = Date.now();
  await record(arrivedAt, seen("plain", { arrivedAt, events: 1 }));
  expect(await minute()).toMatchObject([{ kind: "feed_resumed", since }]);
  expect(await health()).toMatchObject({ status: "ok", checks: { event_feeds: "ok" } });
  expect(await figures()).toContain('postern_source_feed_stopped{source="plain"} 0\n');
});

test("a source that is not configured any more alarms nobody", async () => {
  await silence("removed");
  expect(await minute()).toEqual([]);
  expect(await health()).toMatchObject({ checks: { event_feeds: "ok" } });
  expect(await figures()).not.toContain("removed");
});

test("the cron looks at feeds", async () => {
  await silence("plain");
  await worker.scheduled(createScheduledController(), env as never);
  expect(await health()).toMatchObject({ checks: { event_feeds: "stopped" } });
  // The sandbox has no records to ask, so there is no gap that could be filled.
  expect(await feedOf("plain")).toMatchObject({ fillFrom: 0 });
});

test("the gap of a stopped feed is filled with what is ours, whoever's account it is", async () => {
  const since = await silence("plain");
  await minute();
  const id = await (await Client.make()).send();
  const event = (given: Partial<FeedEvent>): FeedEvent => ({
    messageId: id,
    address: "delivered@sandbox.test",
    type: "bounced",
    at: since + MINUTE,
    code: "5.1.1",
    text: "550 5.1.1 <ann@a.example> no such user",
    ...given,
  });
  const asked: number[] = [];
  const records = [
    event({}),
    event({ account: "other" }),
    event({ messageId: "0192f0a0-0000-7000-8000-000000000000" }),
  ];
  const provider = () => ({
    eventsSince: async (from: number) => {
      asked.push(from);
      const value = records.filter(({ at }) => at >= from);
      return { ok: true as const, value };
    },
  });
  const bodies: JournalBody[] = [];
  const journal = async (body: JournalBody) => {
    bodies.push(body);
  };
  await fillGaps({ ...fillServices(env, provider), journal, classify });
  expect(asked[0]).toBeLessThan(since);
  expect(bodies[0]).toMatchObject({
    kind: "events",
    asked: true,
    events: [
      {
        account: "default~test",
        messageId: id,
        source: "plain",
        type: "bounced",
        text: "550 5.1.1 [address] no such user",
        bounce: { kind: "hard", category: "recipient" },
      },
    ],
  });
  expect(await feedOf("plain")).toMatchObject({ foreign: 2 });
  // While the feed is silent, the minutes after are asked for too.
  const { fillFrom = 0 } = (await feedOf("plain")) ?? {};
  expect(fillFrom).toBeGreaterThan(since);
});

test("figures are the operator's, in the text format, and hold without the database", async () => {
  await silence("plain");
  const response = await admin("/metrics");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const text = await response.text();
  expect(text).toContain('postern_metrics_up{part="feeds"} 1\n');
  expect(text).toMatch(/^postern_source_last_event_age_seconds\{source="plain"\} 7\d{3}(\.\d+)?$/m);
  const client = await Client.make();
  await refused(await client.get("/metrics"), 403, "invalid_api_key", /operator's key/);
  await refused(await request("/metrics"), 401, "missing_api_key", /Authorization/);
  const DB = { prepare: () => ({ first: async () => null }) } as unknown as D1Database;
  const asked = new Request("http://postern.test/metrics", {
    headers: { authorization: `Bearer ${env.POSTERN_ADMIN_KEY}` },
  });
  const down = await worker.fetch(asked as never, { ...env, DB } as never, {} as never);
  expect(down.status).toBe(200);
  expect(await down.text()).toContain('postern_metrics_up{part="feeds"} 0\n');
});
