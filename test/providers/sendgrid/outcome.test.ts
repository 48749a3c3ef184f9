import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sendgrid } from "../../../src/providers/sendgrid/send.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { FULL, mailbox, member, outgoing } from "../../contract/messages.ts";
import type { Emulator, Plan } from "../../emulator/emulator.ts";
import { sendgridEmulator } from "../../emulator/sendgrid.ts";

const under = { definition: sendgrid, emulator: sendgridEmulator };
const three = [member(0), member(1), member(2)];
const alone = { kind: "failed", fault: "provider", retryable: true, code: "batch_refused" };

let emulator: Emulator;
beforeAll(async () => {
  emulator = await sendgridEmulator.start();
});
beforeEach(() => emulator.reset());
afterAll(() => emulator.close());

const adapter = () => makeProvider(under, emulator);

/** What comes of one message where SendGrid answers this. */
const answered = (response: Response, now = 0) =>
  adapter().send(FULL, {
    fetch: () => Promise.resolve(response),
    now: () => now,
    signal: AbortSignal.timeout(1000),
  });

/** What comes of three messages in one call. */
async function together(plan: Plan, messages = three) {
  emulator.control(plan);
  return adapter().sendBatch?.(messages, "key", depsFor());
}

const errors = (status: number, ...fields: string[]) =>
  Response.json({ errors: fields.map((field) => ({ field, message: "no" })) }, { status });

describe("SendGrid's answers to one message", () => {
  test("only 202 says that a message is queued", async () => {
    const headers = { "X-Message-Id": "abc" };
    expect(await answered(new Response(null, { status: 202, headers }))).toEqual({
      kind: "accepted",
      providerMessageId: "abc",
      refused: [],
    });
    expect(await answered(new Response("", { headers }))).toMatchObject({ kind: "ambiguous" });
  });

  test("without Retry-After a throttle waits until the rate is counted anew", async () => {
    const now = 1_800_000_000_000;
    const reset = (value: string, retryAfter = {}) =>
      answered(
        new Response("{}", { status: 429, headers: { "X-RateLimit-Reset": value, ...retryAfter } }),
        now,
      );
    expect(await reset("1800000030")).toMatchObject({ retryAfterMs: 30_000 });
    expect(await reset("1799999999")).toMatchObject({ retryAfterMs: 100 });
    expect(await reset("soon")).toMatchObject({ retryAfterMs: 1000 });
    const retryAfter = { "Retry-After": "5" };
    expect(await reset("1800000030", retryAfter)).toMatchObject({ retryAfterMs: 5000 });
  });

  test("of several errors one that is not about a recipient tells whose fault it is", async () => {
    const outcome = await answered(errors(400, "personalizations.0.to.0.email", "from.email"));
    expect(outcome).toMatchObject({ fault: "sender", code: "from_email" });
  });

  test("errors of any other shape are the content's", async () => {
    for (const body of ['{"errors":[null]}', '{"errors":{}}', "[]", "null", "{"]) {
      const outcome = await answered(new Response(body, { status: 400 }));
      expect(outcome, body).toMatchObject({ fault: "content", code: "http_400" });
    }
  });
});

describe("SendGrid's answers to a batch", () => {
  test("each message has its own recipients, headers and arguments in one call", async () => {
    const metadata = { order: "7" };
    await together({}, [member(0), member(1, { metadata }), member(2)]);
    const [request] = emulator.received();
    const body = JSON.parse(request?.body ?? "");
    expect(body.personalizations).toHaveLength(3);
    expect(body.personalizations[1]).toEqual({
      to: [{ email: "jane.roe1@customer.example", name: "Jane" }],
      headers: { "Message-ID": `<${member(1).messageId}>` },
      custom_args: { order: "7", postern_id: member(1).id, postern_account: "acme" },
    });
    expect(body).toMatchObject({ subject: member(0).subject, from: { name: "Acme" } });
  });

  test("all messages of an accepted call have its id", async () => {
    const outcomes = await together({});
    const ids = outcomes?.map((one) => (one.kind === "accepted" ? one.providerMessageId : null));
    expect(new Set(ids).size).toBe(1);
    expect(ids?.[0]).toBe(emulator.counts().accepted[2]?.providerIds[0]);
  });

  test("a bad recipient refuses its own message; the others are tried alone", async () => {
    const outcomes = await together({ refuse: [0, 2] });
    const bad = { kind: "rejected", fault: "recipient", code: "personalizations_to_email" };
    expect(outcomes).toMatchObject([bad, alone, bad]);
    expect(emulator.counts().acceptances).toBe(0);
  });

  test("what all of them share refuses them all", async () => {
    const subject = { kind: "rejected", fault: "content", code: "subject" };
    expect(await together({ mode: "error", status: 400, name: "subject" })).toMatchObject([
      subject,
      subject,
      subject,
    ]);
    const sender = { kind: "rejected", fault: "sender", code: "from" };
    emulator.reset();
    expect(await together({ mode: "error", status: 403, name: "from" })).toMatchObject([
      sender,
      sender,
      sender,
    ]);
  });

  test("a call that is too large or has too many recipients is tried one by one", async () => {
    expect(await together({ mode: "error", status: 413 })).toMatchObject([alone, alone, alone]);
    emulator.reset();
    const to = Array.from({ length: 50 }, (_, index) => mailbox(`to${index}@x.example`));
    const many = Array.from({ length: 21 }, (_, index) => member(index, { to }));
    expect(await together({}, many)).toMatchObject(many.map(() => alone));
    emulator.reset();
    const content = "A".repeat(30_000_000);
    const large = member(0, { attachments: [{ filename: "a.bin", content }] });
    expect(await together({}, [large, large])).toMatchObject([alone, alone]);
    expect(emulator.counts().requests).toBe(0);
    expect(await adapter().send(large, depsFor())).toMatchObject({ code: "message_too_large" });
  });
});

test("SendGrid can add an unsubscribe link where it has a group for it", () => {
  expect(adapter().capabilities.unsubscribes).toBe(false);
  const grouped = makeProvider(under, emulator, { unsubscribe_group: 42 });
  expect(grouped.capabilities.unsubscribes).toBe(true);
});

describe("SendGrid's own records", () => {
  const activity = { email_activity: true };

  test("a message is found by our id under the id of its call, or not at all", async () => {
    const provider = makeProvider(under, emulator, activity);
    const none = { ok: true, value: { kind: "none" } };
    expect(await provider.lookup?.(outgoing(), depsFor())).toEqual(none);
    const sent = await provider.send(outgoing(), depsFor());
    const providerMessageId = sent.kind === "accepted" ? sent.providerMessageId : "";
    expect(providerMessageId).not.toBe("");
    const value = { kind: "accepted", providerMessageId };
    expect(await provider.lookup?.(outgoing(), depsFor())).toEqual({ ok: true, value });
  });

  test("without Email Activity there is no lookup", () => {
    expect(adapter().lookup).toBeUndefined();
  });

  test("an answer that cannot be read is none", async () => {
    const provider = makeProvider(under, emulator, activity);
    for (const body of [{}, { messages: [null] }, { messages: [{ msg_id: "" }] }, []]) {
      const deps = depsFor(1000, { fetch: () => Promise.resolve(Response.json(body)) });
      const found = await provider.lookup?.(outgoing(), deps);
      expect(found, JSON.stringify(body)).toMatchObject({ ok: false });
    }
    const deps = depsFor(1000, { fetch: () => Promise.resolve(Response.json({})) });
    expect(await provider.identities?.(deps)).toMatchObject({ ok: false });
  });

  test("the valid domains are those that may send, over all pages", async () => {
    const domains = await adapter().identities?.(depsFor());
    expect(domains?.ok && domains.value).toHaveLength(61);
    expect(domains?.ok && domains.value.slice(0, 2)).toEqual(["acme.example", "d0.example"]);
  });
});
