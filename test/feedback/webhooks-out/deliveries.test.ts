import { expect, test } from "vitest";
import { announce } from "../../../src/feedback/webhooks-out/announce.ts";
import { deliveriesOf, PACK_MAX, packsOf } from "../../../src/feedback/webhooks-out/deliveries.ts";
import { eventsOf } from "../../../src/feedback/webhooks-out/events.ts";
import { sweepWebhooks } from "../../../src/feedback/webhooks-out/sweep.ts";
import { endpoint, happening, NOW, World } from "./world.ts";

const delivered = await eventsOf([happening()]);

test("an event goes to those of its account that asked for it and are switched on", () => {
  const endpoints = [
    endpoint({ id: "all" }),
    endpoint({ id: "asked", events: ["email.delivered", "email.bounced"] }),
    endpoint({ id: "not asked", events: ["email.bounced"] }),
    endpoint({ id: "off", status: "disabled" }),
    endpoint({ id: "test state", account: "acme~test" }),
  ];
  const made = deliveriesOf(delivered, endpoints, NOW);
  expect(made.map((one) => one.endpoint)).toEqual(["all", "asked"]);
  expect(made[0]).toMatchObject({ event: delivered[0]?.id, type: "email.delivered", nextAt: NOW });
});

test("an event that is in a batch twice is one delivery", async () => {
  const twice = await eventsOf([happening(), happening({ text: "again" })]);
  expect(deliveriesOf(twice, [endpoint()], NOW)).toHaveLength(1);
});

test("an endpoint that rests gets it when it has rested", () => {
  const [made] = deliveriesOf(delivered, [endpoint({ slowUntil: NOW + 9_000 })], NOW);
  expect(made?.nextAt).toBe(NOW + 9_000);
});

test("hints travel by endpoint and time, ten to a message, a day ahead at most", () => {
  const hint = (event: number, nextAt: number, of = "e1") => ({
    endpoint: of,
    event: `${event}`,
    tries: 1,
    nextAt,
  });
  const now = Array.from({ length: 25 }, (_, n) => hint(n, NOW));
  const packs = packsOf(
    [...now, hint(30, NOW + 4_200), hint(31, NOW + 1e9), hint(1, 0, "e2")],
    NOW,
  );
  expect(
    packs.map(({ body, delaySeconds }) => [body.endpoint, body.due.length, delaySeconds]),
  ).toEqual([
    ["e1", PACK_MAX, 0],
    ["e1", PACK_MAX, 0],
    ["e1", 5, 0],
    ["e1", 1, 5],
    ["e1", 1, 86_400],
    ["e2", 1, 0],
  ]);
});

test("what is announced is written before it is hinted at, once however often", async () => {
  const world = new World(endpoint());
  expect(await announce(delivered, world.deps)).toBe(1);
  expect(world.queued).toHaveLength(1);
  expect(await announce(delivered, world.deps)).toBe(0);
  expect(world.queued).toHaveLength(1);
  expect(world.rows.size).toBe(1);
});

test("a queue that refuses does not make an announcement fail", async () => {
  const world = new World(endpoint());
  world.queueFails = true;
  expect(await announce(delivered, world.deps)).toBe(1);
  expect(world.logged).toEqual(["webhook_hint_failed"]);
});

test("the cron hints at what is overdue, and one part's failure is not the others'", async () => {
  const world = new World(endpoint());
  const asked: string[] = [];
  await sweepWebhooks({
    ...world.deps,
    claimOverdue: async (before, again) => {
      asked.push(`${NOW - before}/${again - NOW}`);
      return [{ endpoint: "e1", event: "a", tries: 3, nextAt: again }];
    },
    settleDisabled: () => Promise.reject(new Error("D1 is down")),
    prune: async (before, after) => {
      asked.push(`${(NOW - before) / 86_400_000}/${(after - NOW) / 86_400_000}`);
      return 0;
    },
  });
  expect(asked).toEqual(["90000/300000", "30/7"]);
  expect(world.queued).toEqual([
    { body: { v: 1, endpoint: "e1", due: [{ event: "a", tries: 3 }] }, delaySeconds: 0 },
  ]);
  expect(world.logged).toEqual(["webhook_sweep_failed"]);
});
