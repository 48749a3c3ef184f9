import { expect, test } from "vitest";
import { consumeWebhooks } from "../../../src/feedback/webhooks-out/consume.ts";
import { DISABLE_AFTER_MS } from "../../../src/feedback/webhooks-out/schedule.ts";
import { endpoint, NOW, pack, type Receiver, World } from "./world.ts";

const answer =
  (status: number): Receiver =>
  () =>
    new Response(null, { status });

test("410 switches the endpoint off at once, tells the others, and ends the delivery", async () => {
  const other = endpoint({ id: "e2", events: ["webhook.disabled"] });
  const deaf = endpoint({ id: "e3", events: ["email.sent"] });
  const stranger = endpoint({ id: "e4", account: "other" });
  const world = new World(endpoint(), other, deaf, stranger);
  world.receiver = answer(410);
  await consumeWebhooks([pack(world.add("a"))], world.deps);
  expect(world.row("a")).toMatchObject({ status: "failed", nextAt: null });
  expect(world.endpoints.get("e1")).toMatchObject({
    status: "disabled",
    disabledReason: "gone",
    disabledAt: NOW,
  });
  const notices = [...world.rows.values()].filter(({ type }) => type === "webhook.disabled");
  expect(notices.map((row) => row.endpoint)).toEqual(["e2"]);
  expect(JSON.parse(notices[0]?.payload ?? "")).toMatchObject({
    type: "webhook.disabled",
    data: { id: "e1", endpoint: "https://hooks.acme.com/in", reason: "gone" },
  });
  expect(world.queued).toHaveLength(1);
  const again = pack(world.add("b"));
  await consumeWebhooks([again], world.deps);
  expect(world.received).toHaveLength(1);
  expect(again.seen.acked).toBe(1);
});

test("whoever fails for five days and loses events is switched off, others are not", async () => {
  const since = NOW - DISABLE_AFTER_MS;
  const failing = { fails: 40, exhausted: 2, failingSince: since };
  const last = { step: 9, tries: 9 };
  const off = new World(endpoint(failing), endpoint({ id: "e2" }));
  off.receiver = answer(500);
  await consumeWebhooks([pack(off.add("a", last))], off.deps);
  expect(off.endpoints.get("e1")).toMatchObject({ status: "disabled", disabledReason: "failing" });
  const notice = [...off.rows.values()].find(({ type }) => type === "webhook.disabled");
  expect(JSON.parse(notice?.payload ?? "").data).toMatchObject({
    reason: "failing",
    failing_since: new Date(since).toISOString(),
  });

  const fresh = new World(endpoint({ ...failing, failingSince: since + 1_000 }));
  fresh.receiver = answer(500);
  await consumeWebhooks([pack(fresh.add("a", last))], fresh.deps);
  expect(fresh.endpoints.get("e1")?.status).toBe("enabled");

  const mending = new World(endpoint(failing));
  await consumeWebhooks([pack(mending.add("a", last))], mending.deps);
  expect(mending.endpoints.get("e1")).toMatchObject({
    status: "enabled",
    fails: 0,
    exhausted: 0,
    failingSince: null,
  });
});

test("one that does not answer twice rests; what then waits is not counted", async () => {
  const world = new World(endpoint());
  world.receiver = () => {
    throw new TypeError("reset");
  };
  const events = "abcdef".split("");
  const one = pack(...events.map((event) => world.add(event)));
  await consumeWebhooks([one], world.deps);
  expect(world.received.length).toBeLessThanOrEqual(3);
  expect(world.row("f")).toMatchObject({ status: "pending", tries: 0, attempts: [] });
  expect(one.seen.retried[0]).toBeGreaterThan(0);
});

test("a success in between ends a row of failures", async () => {
  const world = new World(endpoint());
  const answers = [false, true, false, true, false];
  world.receiver = () => {
    if (answers.shift()) return new Response(null, { status: 204 });
    throw new TypeError("reset");
  };
  await consumeWebhooks([pack(...[..."abcde"].map((event) => world.add(event)))], world.deps);
  expect(world.received).toHaveLength(5);
  expect(world.endpoints.get("e1")?.slowUntil).toBe(0);
});
