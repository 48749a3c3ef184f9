import { describe, expect, test } from "vitest";
import { mailjet } from "../../../src/providers/mailjet/send.ts";
import { depsFor, makeProvider, wireOf } from "../../contract/adapter.ts";
import { FULL, mailbox, member, outgoing } from "../../contract/messages.ts";
import { providerContract } from "../../contract/provider.ts";
import type { Plan } from "../../emulator/emulator.ts";
import { mailjetEmulator } from "../../emulator/mailjet.ts";

const under = { definition: mailjet, emulator: mailjetEmulator };
const { MAILJET_API_KEY: KEY, MAILJET_SECRET_KEY: SECRET } = mailjetEmulator.source("").secrets;
const AUTHORIZATION = `Basic ${btoa(`${KEY}:${SECRET}`)}`;
const rejected = (fault: string, code: string) => ({ kind: "rejected", fault, code });
const failed = (retryable: boolean) => ({ kind: "failed", fault: "provider", retryable });
const plan = (status: number, name?: string, message = ""): Plan => ({
  status,
  ...(name === undefined ? {} : { name }),
  message,
});
const LEAK = `for jane.roe@customer.example, "Jane Roe"@x.example and ${SECRET}\r\nX: ${KEY}`;

providerContract("mailjet", {
  ...under,
  deduplicates: false,
  batches: true,
  // A 200 that says "error" of a message is clear: see outcome.test.ts.
  unreadable: ["malformed", "no_id", "cut", "oversized"],
  errors: [
    { plan: plan(400, "mj-0002", `Malformed ${LEAK}`), outcome: rejected("content", "mj-0002") },
    { plan: plan(400, "mj-0011"), outcome: rejected("content", "mj-0011") },
    { plan: plan(401, "mj-0001", "suspended"), outcome: rejected("account", "mj-0001") },
    { plan: plan(401, "mj-0015", `Key ${LEAK}`), outcome: rejected("account", "mj-0015") },
    { plan: plan(403, "mj-0403"), outcome: rejected("account", "mj-0403") },
    { plan: plan(404, "mj-0404"), outcome: failed(false) },
    { plan: plan(405, "mj-0405"), outcome: failed(false) },
    { plan: plan(408), outcome: failed(true) },
    { plan: plan(413), outcome: rejected("content", "http_413") },
    { plan: plan(429), outcome: { kind: "throttled", retryAfterMs: 1000 } },
    { plan: plan(500, "mj-0500", LEAK), outcome: failed(true) },
    { plan: plan(500, "Not A Code!"), outcome: { ...failed(true), code: "http_500" } },
    { plan: plan(502), outcome: { kind: "ambiguous" } },
    { plan: plan(502, "Not A Code!"), outcome: failed(true) },
    { plan: plan(503), outcome: { ...failed(true), code: "http_503" } },
    { plan: plan(504), outcome: { kind: "ambiguous" } },
    { plan: plan(524), outcome: { kind: "ambiguous" } },
    { plan: plan(418), outcome: failed(false) },
  ],
});

describe("what goes over the wire to Mailjet", () => {
  async function wire(message = FULL) {
    const { headers, body, url, outcome } = await wireOf(under, message);
    return { headers, url, outcome, body: JSON.parse(body) };
  }
  const { id } = outgoing();
  const MINIMAL = {
    From: { Email: "news@acme.example", Name: "Acme" },
    To: [{ Email: "jane.roe@customer.example" }],
    Subject: "Hello",
    TextPart: "Hello Jane",
    CustomID: id,
    EventPayload: '{"postern_account":"acme"}',
    TemplateLanguage: false,
  };

  test("a minimal message carries its fields and our ids, and nothing else", async () => {
    const { headers, body, url } = await wire(outgoing());
    expect(url).toBe("/v3.1/send");
    expect(body).toEqual({ Messages: [MINIMAL] });
    expect(headers).toMatchObject({
      authorization: AUTHORIZATION,
      "content-type": "application/json",
    });
  });

  test("everything at once has Mailjet's names, inline images theirs, no Message-ID", async () => {
    const { body } = await wire();
    const [{ EventPayload, ...message }] = body.Messages;
    expect(message).toEqual({
      From: { Email: "news@acme.example", Name: "Acme, Inc." },
      To: [
        { Email: "jane.roe@customer.example" },
        { Email: "jurgen@customer.example", Name: "Jürgen" },
      ],
      Cc: [{ Email: "cc.person@xn--bcher-kva.example", Name: 'cc "person" 日本' }],
      Bcc: [{ Email: "bcc.person@customer.example" }],
      ReplyTo: { Email: "support@acme.example", Name: "Hilfe für alle" },
      Subject: FULL.subject,
      TextPart: FULL.text,
      HTMLPart: FULL.html,
      Headers: FULL.headers,
      Attachments: [
        { ContentType: "text/plain", Filename: "a.txt", Base64Content: "aGVsbG8=" },
        {
          ContentType: "application/octet-stream",
          Filename: "Grüße 2026.pdf",
          Base64Content: "JVBERi0xLjQK",
        },
      ],
      InlinedAttachments: [
        {
          ContentType: "image/png",
          Filename: "l.png",
          ContentID: "logo",
          Base64Content: "iVBORw0K",
        },
      ],
      CustomID: id,
      TrackOpens: "disabled",
      TrackClicks: "disabled",
      TemplateLanguage: false,
    });
    expect(EventPayload).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(EventPayload)).toEqual({
      postern_account: "acme",
      tags: { campaign: "spring_2026" },
      metadata: { order: "Nº 7/42" },
    });
  });

  test("tracking is on where the stream asks for it, and left out without HTML", async () => {
    const html = "<p>Hi</p>";
    const extras = { opens: true, clicks: false, unsubscribe: false };
    const { body } = await wire(outgoing({ html, extras }));
    expect(body.Messages[0]).toMatchObject({ TrackOpens: "enabled", TrackClicks: "disabled" });
    const clicks = await wire(
      outgoing({ html, extras: { ...extras, opens: false, clicks: true } }),
    );
    expect(clicks.body.Messages[0]).toMatchObject({
      TrackOpens: "disabled",
      TrackClicks: "enabled",
    });
    const text = await wire(outgoing({ extras }));
    expect(text.body.Messages[0]).toEqual(MINIMAL);
  });

  test("a second reply-to is refused before anything is written", async () => {
    const replyTo = [mailbox("a@acme.example"), mailbox("b@acme.example")];
    await expect(wire(outgoing({ replyTo }))).rejects.toThrow("reply_to_unsupported");
  });

  test("the wire's own refusals say whose fault it is", async () => {
    const longSubject = await wire(outgoing({ subject: "x".repeat(256) }));
    expect(longSubject.outcome).toMatchObject(rejected("content", "mj-0006"));
    const forbidden = await wire(outgoing({ headers: { "List-Id": "<a.example>" } }));
    expect(forbidden.outcome).toMatchObject(rejected("content", "send-0011"));
  });
});

describe("a batch to Mailjet", () => {
  async function sent(messages: Parameters<typeof outgoing>[0][]) {
    const emulator = await mailjetEmulator.start();
    const provider = makeProvider(under, emulator);
    const whole = messages.map((fields, index) => member(index, fields));
    const outcomes = await provider.sendBatch?.(whole, "key", depsFor());
    const bodies = emulator.received().map(({ body }) => JSON.parse(body));
    await emulator.close();
    return { outcomes, bodies };
  }

  test("each message is an element of its own, with content and ids of its own", async () => {
    const { bodies } = await sent([{}, { subject: "Other", html: "<p>2</p>" }]);
    expect(bodies).toEqual([
      {
        Messages: [
          {
            From: { Email: "news@acme.example", Name: "Acme" },
            To: [{ Email: "jane.roe0@customer.example", Name: "Jane" }],
            Subject: "Hello",
            TextPart: "Hello Jane",
            CustomID: member(0).id,
            EventPayload: '{"postern_account":"acme"}',
            TemplateLanguage: false,
          },
          {
            From: { Email: "news@acme.example", Name: "Acme" },
            To: [{ Email: "jane.roe1@customer.example", Name: "Jane" }],
            Subject: "Other",
            TextPart: "Hello Jane",
            HTMLPart: "<p>2</p>",
            CustomID: member(1).id,
            EventPayload: '{"postern_account":"acme"}',
            TrackOpens: "disabled",
            TrackClicks: "disabled",
            TemplateLanguage: false,
          },
        ],
      },
    ]);
  });

  test("what does not fit 50 recipients, or Mailjet, stays out of the call", async () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, at) => mailbox(`a${at}@b.example`));
    const { outcomes, bodies } = await sent([
      { to: many(30) },
      { cc: many(20) },
      { replyTo: many(2) },
      { bcc: many(19) },
      {},
    ]);
    expect(outcomes).toMatchObject([
      { kind: "accepted" },
      { ...failed(true), code: "batch_refused" },
      rejected("content", "reply_to_unsupported"),
      { kind: "accepted" },
      { ...failed(true), code: "batch_refused" },
    ]);
    expect(bodies[0].Messages).toHaveLength(2);
  });

  test("a batch of which nothing can be sent makes no call", async () => {
    const replyTo = [mailbox("a@b.example"), mailbox("c@b.example")];
    const { outcomes, bodies } = await sent([{ replyTo }, { replyTo }]);
    expect(outcomes).toMatchObject([{ kind: "rejected" }, { kind: "rejected" }]);
    expect(bodies).toEqual([]);
  });

  test("a batch that is too large as a whole is tried one by one", async () => {
    const text = "x".repeat(10_000_000);
    const { outcomes, bodies } = await sent([{ text }, { text }]);
    const alone = { ...failed(true), code: "batch_refused" };
    expect(outcomes).toMatchObject([alone, alone]);
    expect(bodies).toEqual([]);
  });
});
