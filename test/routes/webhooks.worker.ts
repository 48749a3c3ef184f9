import { env } from "cloudflare:workers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Client, until } from "../support/worker/client.ts";
import {
  delivered,
  makeWebhook,
  receiver,
  sdk,
  value,
  verify,
  write,
} from "../support/worker/webhooks.ts";

let client: Client;
let resend: ReturnType<typeof sdk>;
let world: ReturnType<typeof receiver>;

beforeAll(async () => {
  world = receiver();
  client = await Client.make();
  resend = sdk(client.token);
});

afterAll(async () => {
  for (const { id } of value(await resend.webhooks.list()).data) await resend.webhooks.remove(id);
});

const make = (events?: Parameters<typeof makeWebhook>[2]) => makeWebhook(world, resend, events);

const missing = "019aabcd-1111-8222-8333-444444444444";

test("the official client makes, reads, lists, changes and deletes a webhook", async () => {
  const { id, url, secret } = await make(["email.bounced", "email.delivered"]);
  const got = value(await resend.webhooks.get(id));
  expect(got).toMatchObject({
    object: "webhook",
    id,
    endpoint: url,
    status: "enabled",
    events: ["email.bounced", "email.delivered"],
    signing_secret: secret,
  });
  expect(Date.parse(got.created_at)).toBeGreaterThan(Date.now() - 60_000);
  const listed = value(await resend.webhooks.list());
  expect(listed).toMatchObject({ object: "list", has_more: false });
  expect(listed.data.find((one) => one.id === id)).not.toHaveProperty("signing_secret");

  const change = { endpoint: `${url}/new`, events: [], status: "disabled" as const };
  expect(value(await resend.webhooks.update(id, change))).toEqual({ object: "webhook", id });
  expect(value(await resend.webhooks.get(id))).toMatchObject({
    endpoint: `${url}/new`,
    events: null,
    status: "disabled",
    disabled_reason: "owner",
  });
  await resend.webhooks.update(id, { status: "enabled" });
  expect(value(await resend.webhooks.get(id))).toMatchObject({
    status: "enabled",
    disabled_reason: null,
    disabled_at: null,
  });

  const removed = { object: "webhook", id, deleted: true };
  expect(value(await resend.webhooks.remove(id))).toEqual(removed);
  expect((await resend.webhooks.get(id)).error).toMatchObject({ name: "not_found" });
  expect((await resend.webhooks.remove(id)).error).toMatchObject({ name: "not_found" });
});

test("a list is paged, newest first", async () => {
  const made = [await make(), await make(), await make()].map(({ id }) => id).reverse();
  const first = value(await resend.webhooks.list({ limit: 2 }));
  expect(first.data.map(({ id }) => id)).toEqual(made.slice(0, 2));
  expect(first.has_more).toBe(true);
  const next = value(await resend.webhooks.list({ limit: 1, after: made[1] ?? "" }));
  expect(next.data.map(({ id }) => id)).toEqual([made[2]]);
  const back = value(await resend.webhooks.list({ limit: 1, before: made[2] ?? "" }));
  expect(back.data.map(({ id }) => id)).toEqual([made[1]]);
  expect(value(await resend.webhooks.list({ after: missing })).data).toEqual([]);
  for (const id of made) await resend.webhooks.remove(id);
});

test("a test event is posted, signed, and stands in the log with its attempt", async () => {
  const { id, secret, posted } = await make(["email.bounced"]);
  const response = await client.post(`/webhooks/${id}/test`, {});
  const made: { id: string } = await response.json();
  expect(response.status).toBe(200);
  await until(
    async () => posted().length,
    (count) => count === 1,
  );
  const [got] = posted();
  if (got === undefined) throw new Error("nothing was posted");
  expect(got.headers["svix-id"]).toBe(made.id);
  expect(verify(secret, got)).toMatchObject({ type: "webhook.test", data: { id } });
  // The client's own check takes the same names.
  const headers = {
    id: got.headers["svix-id"] ?? "",
    timestamp: got.headers["svix-timestamp"] ?? "",
    signature: got.headers["svix-signature"] ?? "",
  };
  const check = { payload: got.body, headers, webhookSecret: secret };
  expect(resend.webhooks.verify(check)).toMatchObject({ data: { id } });

  const ids = { webhookId: id, eventId: made.id };
  const event = await until(
    async () => value(await resend.webhooks.events.get(ids)),
    ({ status }) => status === "success",
  );
  expect(event).toMatchObject({
    object: "webhook_event",
    id: made.id,
    type: "webhook.test",
    next_attempt_at: null,
    payload: JSON.parse(got.body),
  });
  const attempts = value(await resend.webhooks.events.attempts.list(ids));
  expect(attempts).toMatchObject({
    object: "list",
    has_more: false,
    data: [{ http_status_code: 200, response: "ok" }],
  });
  const events = value(await resend.webhooks.events.list({ webhookId: id }));
  expect(events.data).toMatchObject([{ id: made.id, type: "webhook.test", status: "success" }]);
});

test("one event is sent again under its old id, when the client asks for it", async () => {
  const { id, posted } = await make();
  const [hint] = await write([await delivered(client.scope)]);
  const ids = { webhookId: id, eventId: hint?.event ?? "" };
  const replayed = value(await resend.webhooks.events.replay(ids));
  expect(replayed).toEqual({ object: "webhook_event", id: ids.eventId });
  await until(
    async () => posted().length,
    (count) => count === 1,
  );
  await until(
    async () => value(await resend.webhooks.events.get(ids)).status,
    (status) => status === "success",
  );
  await resend.webhooks.events.replay(ids);
  await until(
    async () => posted().length,
    (count) => count === 2,
  );
  expect(new Set(posted().map(({ headers }) => headers["webhook-id"]))).toEqual(
    new Set([ids.eventId]),
  );
  await until(
    async () => value(await resend.webhooks.events.attempts.list(ids)).data.length,
    (count) => count === 2,
  );
  const one = value(await resend.webhooks.events.attempts.list({ ...ids, limit: 1 }));
  expect(one.has_more).toBe(true);
  const after = one.data[0]?.id ?? "";
  const rest = value(await resend.webhooks.events.attempts.list({ ...ids, after }));
  expect(rest.data).toHaveLength(1);
  expect(rest.data[0]?.id).not.toBe(after);
  await resend.webhooks.remove(id);
});

test("a range of time is sent again, by its events' time and outcome", async () => {
  const { id, posted } = await make();
  const start = Date.now() - 3_600_000;
  const events = await Promise.all([0, 1, 2].map((n) => delivered(client.scope, start + n, n)));
  const hints = await write(events);
  const settle = (status: string) =>
    env.DB.prepare("UPDATE webhook_delivery SET status = ?, next_at = NULL WHERE endpoint_id = ?")
      .bind(status, id)
      .run();
  await settle("failed");
  const iso = (n: number) => new Date(start + n).toISOString();
  const replay = async (body: object) => (await client.post(`/webhooks/${id}/replay`, body)).json();
  const range = { since: iso(1), until: iso(2) };
  expect(await replay({ ...range, status: "success" })).toMatchObject({ replayed: 0 });
  expect(await replay(range)).toEqual({
    object: "webhook_replay",
    replayed: 1,
    has_more: false,
    after: null,
  });
  await until(
    async () => posted().length,
    (count) => count === 1,
  );
  expect(posted()[0]?.headers["webhook-id"]).toBe(hints[1]?.event);
  expect(await replay({ since: iso(0), after: hints[1]?.event })).toMatchObject({ replayed: 1 });
  await until(
    async () => posted().length,
    (count) => count === 2,
  );
  expect(posted()[1]?.headers["webhook-id"]).toBe(hints[2]?.event);
  await resend.webhooks.remove(id);
});

test("a new secret and the old one sign side by side, then only the new one", async () => {
  const { id, secret, posted } = await make();
  const rotated = value(await resend.webhooks.rotateSigningSecret(id));
  expect(rotated).toMatchObject({ object: "webhook", id });
  expect(rotated.signing_secret).not.toBe(secret);
  expect(value(await resend.webhooks.get(id)).signing_secret).toBe(rotated.signing_secret);
  await client.post(`/webhooks/${id}/test`, {});
  await until(
    async () => posted().length,
    (count) => count === 1,
  );
  const [first] = posted();
  if (first === undefined) throw new Error("nothing was posted");
  for (const one of [secret, rotated.signing_secret]) verify(one, first);

  const path = `/webhooks/${id}/signing-secret/rotate`;
  const answer = await client.post(path, { overlap_hours: 0 });
  const last: { signing_secret: string } = await answer.json();
  await client.post(`/webhooks/${id}/test`, {});
  await until(
    async () => posted().length,
    (count) => count === 2,
  );
  const second = posted()[1];
  if (second === undefined) throw new Error("nothing was posted");
  verify(last.signing_secret, second);
  for (const one of [secret, rotated.signing_secret]) expect(() => verify(one, second)).toThrow();
  await resend.webhooks.remove(id);
});
