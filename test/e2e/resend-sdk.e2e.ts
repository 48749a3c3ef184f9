import { Resend } from "resend";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Runtime, start } from "../../src/cli/runtime.ts";
import { makeKey, throwawaySecrets } from "../../src/cli/secrets.ts";
import { until } from "../support/instance.ts";

let runtime: Runtime;
let resend: Resend;

beforeAll(async () => {
  const secrets = throwawaySecrets();
  runtime = await start({ port: 0, persistTo: null, secrets, quiet: true });
  const key = await makeKey(runtime.url, secrets.POSTERN_ADMIN_KEY, "resend-sdk");
  resend = new Resend(key, { baseUrl: runtime.url });
});

afterAll(() => runtime.stop());

const mail = (label: string) => ({
  from: "Ada <ada@example.com>",
  to: `delivered+${label}@sandbox.test`,
  subject: `Hello ${label}`,
  html: "<p>Hello</p>",
});

test("one message is sent and read back, from accepted to delivered", async () => {
  const sent = await resend.emails.send({
    ...mail("one"),
    cc: ["delivered+cc@sandbox.test"],
    replyTo: "desk@example.com",
    tags: [{ name: "kind", value: "test" }],
    headers: { "X-Ours": "1" },
  });
  expect(sent.error).toBeNull();
  const id = sent.data?.id ?? "";
  const early = await resend.emails.get(id);
  expect(early.error).toBeNull();
  expect(early.data).toMatchObject({
    object: "email",
    id,
    from: "Ada <ada@example.com>",
    to: ["delivered+one@sandbox.test"],
    cc: ["delivered+cc@sandbox.test"],
    reply_to: ["desk@example.com"],
    subject: "Hello one",
  });
  await until("delivered", async () => {
    return (await resend.emails.get(id)).data?.last_event === "delivered";
  });
});

test("a batch of 100 gets 100 ids in order, each of which can be read", async () => {
  const mails = Array.from({ length: 100 }, (_, index) => mail(`batch-${index}`));
  const { data, error } = await resend.batch.send(mails);
  expect(error).toBeNull();
  const ids = data?.data.map(({ id }) => id) ?? [];
  expect(new Set(ids).size).toBe(100);
  for (const index of [0, 57, 99]) {
    const { data: read } = await resend.emails.get(ids[index] ?? "");
    expect(read?.subject).toBe(`Hello batch-${index}`);
  }
});

test("an idempotency key gives its id again, and another body under it a conflict", async () => {
  const options = { idempotencyKey: "welcome/1" };
  const first = await resend.emails.send(mail("key"), options);
  const second = await resend.emails.send(mail("key"), options);
  expect(first.error).toBeNull();
  expect(second.data?.id).toBe(first.data?.id);
  const other = await resend.emails.send(mail("other"), options);
  expect(other.data).toBeNull();
  expect(other.error).toMatchObject({ name: "invalid_idempotent_request", statusCode: 409 });
});

test("a mistake surfaces as the error the SDK knows", async () => {
  const { data, error } = await resend.emails.send({ ...mail("none"), to: [] });
  expect(data).toBeNull();
  expect(error?.statusCode).toBe(422);
  expect(error?.name).toMatch(/^(missing_required_field|validation_error|invalid_parameter)$/);
  expect(error?.message).toMatch(/to/);

  const unknown = await resend.emails.get("01900000-0000-7000-8000-000000000000");
  expect(unknown.error).toMatchObject({ name: "not_found", statusCode: 404 });

  const stranger = new Resend("post_test_nothing", { baseUrl: runtime.url });
  const refused = await stranger.emails.send(mail("stranger"));
  expect(refused.error?.statusCode).toBe(403);
  expect(refused.error?.name).toBe("invalid_api_key");
});

test("what was sent is listed, newest first, a page at a time", async () => {
  const sent = await resend.emails.send(mail("newest"));
  const id = sent.data?.id;
  await until("listed", async () => {
    return (await resend.emails.list({ limit: 1 })).data?.data[0]?.id === id;
  });
  const page = await resend.emails.list({ limit: 3 });
  expect(page.data).toMatchObject({ object: "list", has_more: true });
  expect(page.data?.data).toHaveLength(3);
  const after = page.data?.data[2]?.id ?? "";
  const next = await resend.emails.list({ limit: 3, after });
  const ids = [...(page.data?.data ?? []), ...(next.data?.data ?? [])].map((one) => one.id);
  expect(new Set(ids).size).toBe(6);
});
