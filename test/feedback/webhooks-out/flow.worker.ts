import { createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { consumeJournal } from "../../../src/feedback/ingest.ts";
import { announce } from "../../../src/feedback/webhooks-out/announce.ts";
import worker from "../../../src/index.ts";
import { announceServices, journalServices } from "../../../src/services.ts";
import { Client, until } from "../../support/worker/client.ts";
import {
  delivered,
  makeWebhook,
  receiver,
  sdk,
  value,
  verify,
} from "../../support/worker/webhooks.ts";

let client: Client;
let resend: ReturnType<typeof sdk>;
let world: ReturnType<typeof receiver>;

beforeAll(async () => {
  world = receiver();
  client = await Client.make();
  resend = sdk(client.token);
});

const make = (events?: Parameters<typeof makeWebhook>[2]) => makeWebhook(world, resend, events);

/** Has the journal record one open, as a batch and all over again. */
async function openTwice(messageId: string): Promise<void> {
  const at = Date.now();
  const open = { account: client.scope, messageId, recipientNo: 0, source: "sandbox", at };
  const event = { ...open, type: "opened", code: "", text: "" };
  const body = { v: 1, kind: "events", events: [event, event] };
  const timestamp = new Date(at);
  const handled = { id: messageId, timestamp, body, attempts: 1, ack() {}, retry() {} };
  for (const _ of [1, 2]) await consumeJournal([handled, handled], journalServices(env));
}

test("what becomes of a message is told, each thing once, to whoever asked for it", async () => {
  const { id, secret, posted } = await make(["email.sent", "email.delivered", "email.bounced"]);
  const opened = await make(["email.opened"]);
  const email = await client.send({ tags: [{ name: "kind", value: "welcome" }] });
  const gone = await client.send({ to: "bounced@sandbox.test" });
  await until(
    async () => posted().length,
    (count) => count >= 4,
  );
  const told = posted().map((one) => verify(secret, one));
  const of = (message: string): string[] =>
    told
      .filter(({ data }) => data.email_id === message)
      .map(({ type }) => type)
      .sort();
  expect(of(email)).toEqual(["email.delivered", "email.sent"]);
  expect(of(gone)).toEqual(["email.bounced", "email.sent"]);
  expect(told.find(({ data }) => data.email_id === email)?.data).toMatchObject({
    to: ["delivered@sandbox.test"],
    subject: "Hello",
    tags: { kind: "welcome" },
    stream: "transactional",
  });
  expect(opened.posted()).toEqual([]);
  await openTwice(email);
  await openTwice(gone);
  await until(
    async () => opened.posted().length,
    (count) => count >= 2,
  );
  const opens = opened.posted().map((one) => verify(opened.secret, one).data.email_id);
  expect(opens.sort()).toEqual([email, gone].sort());
  for (const one of [id, opened.id]) await resend.webhooks.remove(one);
});

test("an endpoint that answers 410 is off at once, says so, and another one is told", async () => {
  const { id, url, posted } = await make();
  const other = await make();
  world.answer = (one) => new Response("no more", { status: one.url === url ? 410 : 200 });
  await client.post(`/webhooks/${id}/test`, {});
  const told = await until(
    async () => other.posted(),
    ({ length }) => length === 1,
  );
  expect(told.map((one) => verify(other.secret, one))).toMatchObject([
    { type: "webhook.disabled", data: { id, endpoint: url, reason: "gone" } },
  ]);
  expect(posted()).toHaveLength(1);
  expect(value(await resend.webhooks.get(id))).toMatchObject({
    status: "disabled",
    disabled_reason: "gone",
    disabled_at: expect.any(String),
  });
  const [event] = value(await resend.webhooks.events.list({ webhookId: id })).data;
  expect(event?.status).toBe("failed");
  world.answer = () => new Response("ok");
  for (const one of [id, other.id]) await resend.webhooks.remove(one);
});

test("hints that the queue refuses are made up for by the cron", async () => {
  const { id, posted } = await make();
  const logged: string[] = [];
  const announcing = {
    ...announceServices(env),
    // A while ago, so that it is overdue by now.
    now: () => Date.now() - 120_000,
    enqueue: () => Promise.reject(new Error("the queue does not answer")),
    log: (event: string) => logged.push(event),
  };
  const event = await delivered(client.scope, Date.now(), 7);
  expect(await announce([event], announcing)).toBe(1);
  expect(await announce([event], announcing)).toBe(0);
  expect(logged).toEqual(["webhook_hint_failed"]);
  expect(posted()).toEqual([]);
  await worker.scheduled(createScheduledController(), env);
  await until(
    async () => posted().length,
    (count) => count === 1,
  );
  expect(posted()[0]?.headers["webhook-id"]).toBe(event.id);
  await resend.webhooks.remove(id);
});
