import { expect, test } from "vitest";
import {
  ATTEMPTS_KEPT,
  BUDGET_MS,
  consumeWebhooks,
  IN_FLIGHT,
  PER_ENDPOINT,
} from "../../../src/feedback/webhooks-out/consume.ts";
import { endpoint, message, NOW, pack, type Receiver, World } from "./world.ts";

const answer =
  (status: number, headers: Record<string, string> = {}): Receiver =>
  () =>
    new Response(null, { status, headers });

test("a delivery that is due is posted once, recorded, and the message let go", async () => {
  const world = new World(endpoint());
  const one = pack(world.add("a"));
  await consumeWebhooks([one], world.deps);
  expect(world.received.map(({ url }) => url)).toEqual(["https://hooks.acme.com/in"]);
  expect(world.row("a")).toMatchObject({ status: "success", tries: 1, step: 1, nextAt: null });
  expect(world.row("a").attempts).toMatchObject([{ at: NOW, status: 204, reason: "" }]);
  expect(one.seen).toEqual({ acked: 1, retried: [] });
});

test("a hint that comes twice, late, or of nothing does nothing", async () => {
  const world = new World(endpoint());
  const hint = world.add("a");
  await consumeWebhooks([pack(hint), pack(hint, hint)], world.deps);
  await consumeWebhooks([pack(hint)], world.deps);
  await consumeWebhooks([pack({ ...hint, event: "unknown" })], world.deps);
  await consumeWebhooks([pack({ ...hint, endpoint: "unknown" })], world.deps);
  expect(world.received).toHaveLength(1);
  const later = world.add("b", { tries: 2 });
  await consumeWebhooks([pack({ ...later, tries: 1 })], world.deps);
  expect(world.received).toHaveLength(1);
});

test("what is over is not posted, though a hint of it fits", async () => {
  const world = new World(endpoint());
  await consumeWebhooks([pack(world.add("a", { status: "failed" }))], world.deps);
  expect(world.received).toEqual([]);
});

test("what fails is hinted at again at the next time of the schedule", async () => {
  for (const [step, seconds] of [
    [0, 5],
    [1, 285],
    [8, 82_080],
  ] as const) {
    const world = new World(endpoint());
    world.receiver = answer(500);
    await consumeWebhooks([pack(world.add("a", { step, tries: step }))], world.deps);
    const { status, tries, nextAt } = world.row("a");
    expect({ status, tries }).toEqual({ status: "pending", tries: step + 1 });
    expect(world.queued).toEqual([
      {
        body: { v: 1, endpoint: "e1", due: [{ event: "a", tries: step + 1 }] },
        delaySeconds: seconds,
      },
    ]);
    expect(Math.ceil(((nextAt ?? 0) - NOW) / 1_000)).toBe(seconds);
  }
});

test("after the tenth attempt it is over, and the endpoint has lost one", async () => {
  const world = new World(endpoint());
  world.receiver = answer(500);
  await consumeWebhooks([pack(world.add("a", { step: 9, tries: 9 }))], world.deps);
  expect(world.row("a")).toMatchObject({ status: "failed", nextAt: null, tries: 10 });
  expect(world.queued).toEqual([]);
  expect(world.endpoints.get("e1")).toMatchObject({ exhausted: 1, fails: 1, status: "enabled" });
});

test("Retry-After holds this delivery back, and a busy endpoint everything", async () => {
  const world = new World(endpoint());
  world.receiver = answer(429, { "retry-after": "30" });
  const hints = ["a", "b", "c", "d", "e"].map((event) => world.add(event));
  const one = pack(...hints);
  await consumeWebhooks([one], world.deps);
  // Two at a time: the second one may have been on its way.
  expect(world.received.length).toBeLessThanOrEqual(PER_ENDPOINT);
  expect(world.endpoints.get("e1")?.slowUntil).toBe(NOW + 30_000);
  expect(one.seen).toEqual({ acked: 0, retried: [30] });
  for (const { delaySeconds } of world.queued) expect(delaySeconds).toBeGreaterThanOrEqual(30);

  world.receiver = answer(204);
  await consumeWebhooks([pack(...hints)], world.deps);
  expect(world.received.length).toBeLessThanOrEqual(PER_ENDPOINT);
  world.now += 30_000;
  await consumeWebhooks([pack(...hints)], world.deps);
  expect(world.row("e").status).toBe("success");
});

test("a rest beyond a minute is left to the cron, so is a message that came often", async () => {
  const world = new World(endpoint({ slowUntil: NOW + 61_000 }));
  const long = pack(world.add("a"));
  await consumeWebhooks([long], world.deps);
  expect(long.seen).toEqual({ acked: 1, retried: [] });
  world.now += 60_000;
  const often = message(long.body, 5);
  await consumeWebhooks([often], world.deps);
  expect(often.seen).toEqual({ acked: 1, retried: [] });
  expect(world.row("a")).toMatchObject({ status: "pending", tries: 0 });
});

test("an endpoint that hangs keeps no more than its places from the others", async () => {
  const world = new World(endpoint(), endpoint({ id: "e2", url: "https://fast.acme.com/" }));
  let release = (): void => {};
  const hanging = new Promise<void>((resolve) => {
    release = resolve;
  });
  const order: string[] = [];
  world.receiver = async ({ url }) => {
    if (url.includes("hooks")) await hanging;
    order.push(url.includes("hooks") ? "slow" : "fast");
    if (order.filter((one) => one === "fast").length === 10) release();
    return new Response(null, { status: 204 });
  };
  const events = "abcdefghij".split("");
  const slow = pack(...events.map((event) => world.add(event)));
  const fast = pack(...events.map((event) => world.add(event, {}, "e2")));
  await consumeWebhooks([slow, fast], world.deps);
  expect(order.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => "fast"));
  expect(order).toHaveLength(20);
});

test("never more posts at a time than connections, nor than an endpoint's share", async () => {
  const many = ["e1", "e2", "e3", "e4"].map((id) =>
    endpoint({ id, url: `https://${id}.acme.com/` }),
  );
  const world = new World(...many);
  const open = new Map<string, number>();
  let most = 0;
  let mostOfOne = 0;
  world.receiver = async ({ url }) => {
    open.set(url, (open.get(url) ?? 0) + 1);
    most = Math.max(
      most,
      [...open.values()].reduce((sum, one) => sum + one, 0),
    );
    mostOfOne = Math.max(mostOfOne, open.get(url) ?? 0);
    await new Promise((resolve) => setTimeout(resolve, 1));
    open.set(url, (open.get(url) ?? 0) - 1);
    return new Response(null, { status: 204 });
  };
  const packs = many.map(({ id }) => pack(...[..."abcdef"].map((one) => world.add(one, {}, id))));
  await consumeWebhooks(packs, world.deps);
  expect(world.received).toHaveLength(24);
  expect(most).toBe(IN_FLIGHT);
  expect(mostOfOne).toBe(PER_ENDPOINT);
});

test("an invocation begins no attempt after its minute, and the message comes again", async () => {
  const world = new World(endpoint());
  world.receiver = () => {
    world.now += BUDGET_MS / 4;
    return new Response(null, { status: 204 });
  };
  const events = "abcdefgh".split("");
  const one = pack(...events.map((event) => world.add(event)));
  await consumeWebhooks([one], world.deps);
  expect(world.received.length).toBeLessThan(events.length);
  expect(one.seen).toEqual({ acked: 0, retried: [1] });
});

test("a database that does not answer sends messages back, and nothing is thrown", async () => {
  const world = new World(endpoint());
  const one = pack(world.add("a"));
  const down = { ...world.deps, readDue: () => Promise.reject(new Error("D1 is down")) };
  await consumeWebhooks([one], down);
  expect(one.seen.retried[0]).toBeGreaterThan(0);
  expect(world.received).toEqual([]);

  const forgetful = { ...world.deps, record: () => Promise.reject(new Error("D1 is down")) };
  await consumeWebhooks([one], forgetful);
  expect(world.logged).toContain("webhook_endpoint_failed");
});

test("a hint that cannot be sent is the cron's to make up for", async () => {
  const world = new World(endpoint());
  world.receiver = answer(500);
  world.queueFails = true;
  const one = pack(world.add("a"));
  await consumeWebhooks([one], world.deps);
  expect(one.seen.acked).toBe(1);
  expect(world.row("a")).toMatchObject({ status: "pending", tries: 1 });
  expect(world.logged).toEqual(["webhook_hint_failed"]);
});

test("a message that is none is let go without a read", async () => {
  const world = new World(endpoint());
  const bodies = [
    null,
    "x",
    {},
    { v: 2 },
    { v: 1, endpoint: 1, due: [] },
    { v: 1, endpoint: "e1" },
  ];
  const broken = [...bodies, { v: 1, endpoint: "e1", due: [null, { event: 1 }] }].map((body) =>
    message(body),
  );
  await consumeWebhooks(broken, world.deps);
  expect(broken.map(({ seen }) => seen.acked)).toEqual(broken.map(() => 1));
  expect(world.reads).toBe(0);
});

test("the log of a delivery keeps its newest attempts", async () => {
  const world = new World(endpoint());
  world.receiver = answer(500);
  const attempts = Array.from({ length: ATTEMPTS_KEPT }, (_, n) => ({
    id: `old-${n}`,
    at: n,
    ms: 1,
    status: 500,
    reason: "status",
    response: "",
  }));
  await consumeWebhooks([pack(world.add("a", { attempts }))], world.deps);
  const kept = world.row("a").attempts;
  expect(kept).toHaveLength(ATTEMPTS_KEPT);
  expect(kept[0]?.id).toBe("old-1");
  expect(kept.at(-1)?.at).toBe(NOW);
});
