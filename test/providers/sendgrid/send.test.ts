import { describe, expect, test } from "vitest";
import { sendgrid } from "../../../src/providers/sendgrid/send.ts";
import { wireOf } from "../../contract/adapter.ts";
import { FULL, mailbox, outgoing } from "../../contract/messages.ts";
import { providerContract } from "../../contract/provider.ts";
import type { Plan } from "../../emulator/emulator.ts";
import { sendgridEmulator } from "../../emulator/sendgrid.ts";

const under = { definition: sendgrid, emulator: sendgridEmulator };
const API_KEY = String(sendgridEmulator.source("").secrets.SENDGRID_API_KEY);
const rejected = (fault: string, code: string) => ({ kind: "rejected", fault, code });
const failed = (retryable: boolean, code: string) => ({
  kind: "failed",
  fault: "provider",
  retryable,
  code,
});
const plan = (status: number, name?: string, message = ""): Plan => ({
  status,
  message,
  ...(name === undefined ? {} : { name }),
});
const LEAK = `for jane.roe@customer.example, "Jane Roe"@x.example and ${API_KEY}\r\nX: y`;
const UNVERIFIED =
  "The from address does not match a verified Sender Identity. Mail cannot be sent";
const at = (field: string) => `personalizations.0.${field}`;
const field = (name: string, fault: string, code: string) => ({
  plan: plan(400, name, `Broken ${LEAK}`),
  outcome: rejected(fault, code),
});

providerContract("sendgrid", {
  ...under,
  deduplicates: false,
  batches: true,
  // Success has no body: whatever comes in its place, the id is in a header.
  unreadable: ["no_id", "cut"],
  errors: [
    field("personalizations", "recipient", "personalizations"),
    field("personalizations.0", "recipient", "personalizations"),
    field(at("to"), "recipient", "personalizations_to"),
    field(at("to.0.email"), "recipient", "personalizations_to_email"),
    field(at("cc.1.email"), "recipient", "personalizations_cc_email"),
    field(at("bcc"), "recipient", "personalizations_bcc"),
    field(at("headers"), "content", "personalizations_headers"),
    field(at("custom_args"), "content", "personalizations_custom_args"),
    field("from", "sender", "from"),
    field("from.email", "sender", "from_email"),
    field("reply_to.email", "content", "reply_to_email"),
    field("subject", "content", "subject"),
    field("content.0.value", "content", "content_value"),
    field("attachments.2.filename", "content", "attachments_filename"),
    field("categories", "content", "categories"),
    field("Not A Field!", "content", "http_400"),
    { plan: plan(400, "asm.group_id"), outcome: failed(false, "asm_group_id") },
    { plan: plan(400, undefined, "Bad Request"), outcome: rejected("content", "http_400") },
    { plan: plan(400, ""), outcome: rejected("content", "http_400") },
    { plan: plan(401, undefined, LEAK), outcome: rejected("account", "http_401") },
    {
      plan: plan(401, undefined, "Maximum credits exceeded"),
      outcome: { kind: "throttled", retryAfterMs: 3_600_000 },
    },
    { plan: plan(403, "from", UNVERIFIED), outcome: rejected("sender", "from") },
    { plan: plan(403, undefined, UNVERIFIED), outcome: rejected("sender", "http_403") },
    {
      plan: plan(403, undefined, "You are not authorized to send from that email address"),
      outcome: rejected("sender", "http_403"),
    },
    { plan: plan(403, undefined, "access forbidden"), outcome: rejected("account", "http_403") },
    { plan: plan(403, ""), outcome: failed(true, "http_403") },
    { plan: plan(404), outcome: failed(false, "http_404") },
    { plan: plan(405), outcome: failed(false, "http_405") },
    { plan: plan(413), outcome: rejected("content", "http_413") },
    { plan: plan(415), outcome: failed(false, "http_415") },
    { plan: plan(429), outcome: { kind: "throttled", retryAfterMs: 1000 } },
    { plan: plan(500, undefined, LEAK), outcome: failed(true, "http_500") },
    { plan: plan(502), outcome: failed(true, "http_502") },
    { plan: plan(502, ""), outcome: { kind: "ambiguous" } },
    { plan: plan(503), outcome: failed(true, "http_503") },
    { plan: plan(503, ""), outcome: failed(true, "http_503") },
    { plan: plan(504, ""), outcome: { kind: "ambiguous" } },
  ],
});

describe("what goes over the wire to SendGrid", () => {
  async function wire(message = FULL, fields = {}) {
    const { headers, body, url, outcome } = await wireOf(under, message, fields);
    expect(outcome.kind).toBe("accepted");
    return { headers, url, body: JSON.parse(body) };
  }

  test("a minimal message carries its fields, our arguments, no tracking, no more", async () => {
    const { headers, url, body } = await wire(outgoing());
    expect(url).toBe("/v3/mail/send");
    expect(body).toEqual({
      personalizations: [
        {
          to: [{ email: "jane.roe@customer.example" }],
          headers: { "Message-ID": `<${outgoing().messageId}>` },
          custom_args: { postern_id: outgoing().id, postern_account: "acme" },
        },
      ],
      from: { email: "news@acme.example", name: "Acme" },
      subject: "Hello",
      content: [{ type: "text/plain", value: "Hello Jane" }],
      mail_settings: { footer: { enable: false } },
      tracking_settings: {
        click_tracking: { enable: false, enable_text: false },
        open_tracking: { enable: false },
        subscription_tracking: { enable: false },
        ganalytics: { enable: false },
      },
    });
    expect(headers).toMatchObject({
      authorization: `Bearer ${API_KEY}`,
      "content-type": "application/json",
    });
  });

  test("every field has SendGrid's name", async () => {
    const { body } = await wire();
    expect(body).toMatchObject({
      from: { email: "news@acme.example", name: "Acme, Inc." },
      reply_to: { email: "support@acme.example", name: "Hilfe für alle" },
      subject: FULL.subject,
      content: [
        { type: "text/plain", value: FULL.text },
        { type: "text/html", value: FULL.html },
      ],
      categories: ["campaign:spring_2026"],
    });
    expect(body.personalizations).toEqual([
      {
        to: [
          { email: "jane.roe@customer.example" },
          { email: "jurgen@customer.example", name: "Jürgen" },
        ],
        cc: [{ email: "cc.person@xn--bcher-kva.example", name: 'cc "person" 日本' }],
        bcc: [{ email: "bcc.person@customer.example" }],
        headers: { ...FULL.headers, "Message-ID": `<${FULL.messageId}>` },
        custom_args: { order: "Nº 7/42", postern_id: FULL.id, postern_account: "acme" },
      },
    ]);
    const file = { disposition: "attachment" };
    expect(body.attachments).toEqual([
      { ...file, filename: "a.txt", content: "aGVsbG8=", type: "text/plain" },
      { ...file, filename: "Grüße 2026.pdf", content: "JVBERi0xLjQK" },
      {
        filename: "l.png",
        content: "iVBORw0K",
        type: "image/png",
        disposition: "inline",
        content_id: "logo",
      },
    ]);
  });

  test("several reply addresses go in their list, and one in its own field", async () => {
    const replyTo = [mailbox("a@acme.example"), mailbox("B <b@acme.example>")];
    const { body } = await wire(outgoing({ replyTo }));
    expect(body.reply_to).toBeUndefined();
    expect(body.reply_to_list).toEqual([
      { email: "a@acme.example" },
      { email: "b@acme.example", name: "B" },
    ]);
  });

  test("a recipient's name with a comma is quoted, a sender's is not", async () => {
    const named = mailbox('"Roe, \\"Jane\\" \\\\" <jane@x.example>');
    const { body } = await wire(outgoing({ to: [named], from: named }));
    expect(body.personalizations[0].to[0].name).toBe('"Roe, \\"Jane\\" \\\\"');
    expect(body.from.name).toBe('Roe, "Jane" \\');
  });

  test("tracking and unsubscribing are SendGrid's only where the stream asks for it", async () => {
    const extras = { opens: true, clicks: true, unsubscribe: true };
    const { body } = await wire(outgoing({ extras }), { unsubscribe_group: 42 });
    expect(body.tracking_settings).toMatchObject({
      click_tracking: { enable: true, enable_text: true },
      open_tracking: { enable: true },
      subscription_tracking: { enable: false },
    });
    expect(body.asm).toEqual({ group_id: 42 });
    expect((await wire(outgoing({ extras }))).body.asm).toBeUndefined();
    expect((await wire(outgoing(), { unsubscribe_group: 42 })).body.asm).toBeUndefined();
  });

  test("an empty subject or body is one space, an empty part is left out", async () => {
    const { body: empty } = await wire(outgoing({ subject: "", text: "" }));
    expect(empty).toMatchObject({ subject: " ", content: [{ type: "text/plain", value: " " }] });
    const { body: html } = await wire(outgoing({ text: "", html: "<p>" }));
    expect(html.content).toEqual([{ type: "text/html", value: "<p>" }]);
    const { text: _none, ...rest } = outgoing({ html: "" });
    expect((await wire(rest)).body.content).toEqual([{ type: "text/html", value: " " }]);
  });

  test("filenames and types keep to the characters that SendGrid takes", async () => {
    const attachments = [
      { filename: "a;b,c.ics", content: "aGk=", contentType: "text/calendar; method=REQUEST" },
    ];
    const { body } = await wire(outgoing({ attachments }));
    expect(body.attachments).toMatchObject([{ filename: "a_b_c.ics", type: "text/calendar" }]);
  });

  test("at most ten categories, each once and up to 255 characters", async () => {
    const tags = Array.from({ length: 12 }, (_, index) => ({ name: "n", value: `v${index}` }));
    const long = { name: "n".repeat(200), value: "v".repeat(200) };
    const { body } = await wire(outgoing({ tags: [long, long, ...tags] }));
    expect(body.categories).toHaveLength(10);
    expect(body.categories[0]).toBe(`${long.name}:${long.value}`.slice(0, 255));
    expect(body.categories[1]).toBe("n:v0");
  });

  test("metadata passes neither for ours nor for a field of an event", async () => {
    const metadata = { postern_id: "forged", event: "bounce", Status: "5.1.1", order: "1" };
    const { body } = await wire(outgoing({ metadata }));
    expect(body.personalizations[0].custom_args).toEqual({
      postern_id: outgoing().id,
      postern_account: "acme",
      metadata_event: "bounce",
      metadata_Status: "5.1.1",
      order: "1",
    });
  });
});
