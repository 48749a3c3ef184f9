import { describe, expect, test } from "vitest";
import { brevo } from "../../../src/providers/brevo/send.ts";
import type { OutgoingMessage } from "../../../src/providers/provider.ts";
import { depsFor, makeProvider, wireOf } from "../../contract/adapter.ts";
import { FULL, mailbox, outgoing } from "../../contract/messages.ts";
import { providerContract } from "../../contract/provider.ts";
import { brevoEmulator } from "../../emulator/brevo.ts";
import type { Plan } from "../../emulator/emulator.ts";

const API_KEY = String(brevoEmulator.source("").secrets.BREVO_API_KEY);
const rejected = (fault: string, code: string) => ({ kind: "rejected", fault, code });
const failed = (retryable: boolean) => ({ kind: "failed", fault: "provider", retryable });
const plan = (status: number, name?: string, message = ""): Plan => ({
  status,
  ...(name === undefined ? {} : { name }),
  message,
});
const LEAK = `for jane.roe@customer.example, "Jane Roe"@x.example and ${API_KEY}\r\nX: y`;
const NOT_INLINE = FULL.attachments.filter(({ contentId }) => contentId === undefined);
const full: OutgoingMessage = { ...FULL, attachments: NOT_INLINE };
const under = { definition: brevo, emulator: brevoEmulator, full };

providerContract("brevo", {
  ...under,
  deduplicates: true,
  repeat: { kind: "ambiguous", reason: expect.stringContaining("idempotency key") },
  errors: [
    {
      plan: plan(400, "invalid_parameter", `email is not valid in to ${LEAK}`),
      outcome: rejected("recipient", "invalid_parameter"),
    },
    {
      plan: plan(400, "invalid_parameter", "email is not valid in bcc"),
      outcome: rejected("recipient", "invalid_parameter"),
    },
    {
      plan: plan(400, "missing_parameter", "to is missing"),
      outcome: rejected("recipient", "missing_parameter"),
    },
    {
      plan: plan(
        400,
        "invalid_parameter",
        "Sending has been rejected because the sender you used news@acme.example is not valid.",
      ),
      outcome: rejected("sender", "invalid_parameter"),
    },
    {
      plan: plan(400, "invalid_parameter", "valid sender email required"),
      outcome: rejected("sender", "invalid_parameter"),
    },
    {
      plan: plan(400, "invalid_parameter", "email is not valid in replyTo"),
      outcome: rejected("content", "invalid_parameter"),
    },
    {
      plan: plan(400, "missing_parameter", "Either of htmlContent or textContent is required"),
      outcome: rejected("content", "missing_parameter"),
    },
    { plan: plan(400, "out_of_range"), outcome: rejected("content", "out_of_range") },
    {
      plan: plan(400, "document_not_found", "unable to find a document"),
      outcome: rejected("content", "document_not_found"),
    },
    { plan: plan(400, "bad_request"), outcome: rejected("content", "bad_request") },
    { plan: plan(422, "unprocessable"), outcome: rejected("content", "unprocessable") },
    {
      plan: plan(400, "duplicate_parameter", "Email has already been processed"),
      outcome: { kind: "ambiguous" },
    },
    {
      plan: plan(400, "invalid_parameter", "idempotency key in use"),
      outcome: { kind: "ambiguous" },
    },
    { plan: plan(400, "not_enough_credits"), outcome: rejected("account", "not_enough_credits") },
    { plan: plan(400, "permission_denied"), outcome: rejected("account", "permission_denied") },
    {
      plan: plan(400, "reseller_permission_denied"),
      outcome: rejected("account", "reseller_permission_denied"),
    },
    {
      plan: plan(400, "account_under_validation"),
      outcome: rejected("account", "account_under_validation"),
    },
    {
      plan: plan(401, "unauthorized", "Key not found"),
      outcome: rejected("account", "unauthorized"),
    },
    {
      plan: plan(401, "unauthorized", "We have detected you are using an unrecognised IP address"),
      outcome: rejected("account", "unauthorized"),
    },
    { plan: plan(402, "not_enough_credits"), outcome: rejected("account", "not_enough_credits") },
    {
      plan: plan(403, "permission_denied", "Your SMTP account is not yet activated."),
      outcome: rejected("account", "permission_denied"),
    },
    { plan: plan(404, "document_not_found"), outcome: failed(false) },
    { plan: plan(405, "method_not_allowed"), outcome: failed(false) },
    { plan: plan(406, "not_acceptable"), outcome: failed(false) },
    { plan: plan(408, "timeout"), outcome: failed(true) },
    { plan: plan(413), outcome: rejected("content", "http_413") },
    { plan: plan(429, "too_many_requests"), outcome: { kind: "throttled", retryAfterMs: 1000 } },
    { plan: plan(500, "internal_error", LEAK), outcome: failed(true) },
    { plan: plan(502), outcome: { kind: "ambiguous" } },
    { plan: plan(502, "bad_gateway"), outcome: failed(true) },
    { plan: plan(503), outcome: { ...failed(true), code: "http_503" } },
    { plan: plan(504), outcome: { kind: "ambiguous" } },
    { plan: plan(524), outcome: { kind: "ambiguous" } },
    { plan: plan(418), outcome: failed(false) },
    { plan: plan(400, "Not A Code!"), outcome: rejected("content", "http_400") },
  ],
});

/** One send, answered by `response`. */
async function answeredWith(response: Response, message = outgoing()) {
  const emulator = await brevoEmulator.start();
  const provider = makeProvider(under, emulator);
  await emulator.close();
  return provider.send(message, depsFor(1000, { fetch: () => Promise.resolve(response) }));
}

describe("what goes over the wire to Brevo", () => {
  async function wire(message = full, fields = {}) {
    const { headers, body, url } = await wireOf(under, message, fields);
    return { headers, url, body: JSON.parse(body) };
  }
  const { id } = outgoing();
  const OURS = `"postern_account":"acme", "postern_id":"${id}"`;

  test("a minimal message carries its fields, our ids and the key, and nothing else", async () => {
    const { headers, body, url } = await wire(outgoing());
    expect(url).toBe("/v3/smtp/email");
    expect(body).toEqual({
      sender: { name: "Acme", email: "news@acme.example" },
      to: [{ email: "jane.roe@customer.example" }],
      subject: "Hello",
      htmlContent: '<html><body><div style="white-space:pre-wrap">Hello Jane</div></body></html>',
      textContent: "Hello Jane",
      headers: {
        "X-Mailin-custom": `{${OURS}}`,
        idempotencyKey: id,
      },
      tags: [id],
    });
    expect(headers).toMatchObject({
      "api-key": API_KEY,
      "content-type": "application/json",
      accept: "application/json",
    });
  });

  test("everything at once has Brevo's names, and no Message-ID", async () => {
    const { body } = await wire();
    expect(body).toEqual({
      sender: { name: "Acme, Inc.", email: "news@acme.example" },
      to: [
        { email: "jane.roe@customer.example" },
        { name: "Jürgen", email: "jurgen@customer.example" },
      ],
      cc: [
        { name: "=?utf-8?B?Y2MgInBlcnNvbiIg5pel5pys?=", email: "cc.person@xn--bcher-kva.example" },
      ],
      bcc: [{ email: "bcc.person@customer.example" }],
      replyTo: { name: "Hilfe für alle", email: "support@acme.example" },
      subject: FULL.subject,
      htmlContent: FULL.html,
      textContent: FULL.text,
      headers: {
        ...FULL.headers,
        "X-Mailin-custom": `{"order":"N%C2%BA 7/42", ${OURS}}`,
        idempotencyKey: id,
      },
      tags: [id, "campaign:spring_2026"],
      attachment: [
        { name: "a.txt", content: "aGVsbG8=" },
        { name: "Grüße 2026.pdf", content: "JVBERi0xLjQK" },
      ],
    });
  });

  test("metadata comes back from the header as it was, and cannot name our fields", async () => {
    const metadata = { a: '100% "q" \\ ü \u{1f600}', b: "\ud800", postern_id: "forged" };
    const { body } = await wire(outgoing({ account: "acme é", metadata }));
    const custom: string = body.headers["X-Mailin-custom"];
    expect(custom).toMatch(/^[\x20-\x7e]+$/);
    const fields = Object.entries(JSON.parse(custom)).map(([name, value]) => [
      name,
      decodeURIComponent(String(value)),
    ]);
    expect(Object.fromEntries(fields)).toEqual({
      ...metadata,
      b: "\ufffd",
      postern_id: id,
      postern_account: "acme é",
    });
  });

  test("a text alone is kept as text beside an HTML of its own", async () => {
    const { body } = await wire(outgoing({ text: "1 < 2 & {{ 3 }}\n  end" }));
    expect(body.textContent).toBe("1 < 2 & {{ 3 }}\n  end");
    expect(body.htmlContent).toContain(">1 &#60; 2 &#38; &#123;{ 3 }}\n  end<");
  });

  test("HTML alone stays alone", async () => {
    const { text: _, ...message } = outgoing({ html: "<p>Hi</p>" });
    const { body } = await wire(message);
    expect(body.htmlContent).toBe("<p>Hi</p>");
    expect(body).not.toHaveProperty("textContent");
  });

  test("what Brevo would read as a template is text, but for styles and scripts", async () => {
    const style = "<STYLE>@media x{#a{b:c}}</Style>";
    const html = `{{ a }}${style}{% b %}<script>f({{}})</script >{# c #}{d}{{{`;
    const { body } = await wire(outgoing({ html }));
    expect(body.htmlContent).toBe(
      `&#123;{ a }}${style}&#123;% b %}<script>f({{}})</script >&#123;# c #}{d}&#123;&#123;{`,
    );
  });

  test("names have 70 characters at most; where an encoded one has more, specials go", async () => {
    const long = `Jürgen, ${"x".repeat(60)}\u{1f600}y`;
    const to = [mailbox(`"${long}" <a@b.example>`), mailbox(`${"n".repeat(80)} <c@b.example>`)];
    to.push(mailbox(`${"n".repeat(69)}\u{1f600} <d@b.example>`));
    const { body } = await wire(outgoing({ to }));
    expect(body.to.map((one: { name: string }) => one.name)).toEqual([
      `Jürgen  ${"x".repeat(60)}\u{1f600}`,
      "n".repeat(70),
      "n".repeat(69),
    ]);
  });

  test("the key goes along even where it is not relied on", async () => {
    const { body } = await wire(outgoing(), { deduplicates: false });
    expect(body.headers.idempotencyKey).toBe(id);
  });
});

describe("what Brevo cannot carry", () => {
  const cases = [
    ["an inline attachment", FULL, "inline_unsupported"],
    [
      "a second reply-to",
      outgoing({ replyTo: [mailbox("a@acme.example"), mailbox("b@acme.example")] }),
      "reply_to_unsupported",
    ],
    ["a header that is not ASCII", outgoing({ headers: { "X-A": "ü" } }), "header_unsupported"],
    ["an order", outgoing({ headers: { "Sender.IP": "192.0.2.1" } }), "header_unsupported"],
    ["another key", outgoing({ headers: { IdempotencyKey: "x" } }), "header_unsupported"],
  ] as const;

  test.each(cases)("%s is refused before anything is written", async (_, message, code) => {
    const emulator = await brevoEmulator.start();
    const outcome = await makeProvider(under, emulator).send(message, depsFor());
    expect(outcome).toMatchObject(rejected("content", code));
    expect(emulator.counts().requests).toBe(0);
    await emulator.close();
  });

  test("a body beyond the limit is refused before anything is written", async () => {
    const emulator = await brevoEmulator.start();
    const message = outgoing({ text: "x".repeat(10_000_001) });
    const outcome = await makeProvider(under, emulator).send(message, depsFor());
    expect(outcome).toMatchObject(rejected("content", "message_too_large"));
    expect(emulator.counts().requests).toBe(0);
    await emulator.close();
  });
});

describe("Brevo's answers", () => {
  test("a scheduled or a plain acceptance is one, with the id as it is given", async () => {
    for (const status of [201, 202]) {
      const body = JSON.stringify({ messageId: "<1.2@smtp-relay.mailin.fr>" });
      expect(await answeredWith(new Response(body, { status }))).toEqual({
        kind: "accepted",
        providerMessageId: "<1.2@smtp-relay.mailin.fr>",
        refused: [],
      });
    }
  });

  test("the wait is that of x-sib-ratelimit-reset, in seconds, before Retry-After", async () => {
    const throttled = (reset: string) =>
      answeredWith(
        new Response("{}", {
          status: 429,
          headers: { "x-sib-ratelimit-reset": reset, "retry-after": "7" },
        }),
      );
    expect(await throttled("45")).toMatchObject({ kind: "throttled", retryAfterMs: 45_000 });
    expect(await throttled("soon")).toMatchObject({ kind: "throttled", retryAfterMs: 7000 });
  });
});
