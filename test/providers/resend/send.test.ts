import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createResend } from "../../../src/providers/resend/send.ts";
import { FULL, outgoing, providerContract } from "../../contract/provider.ts";
import type { Emulator, Plan } from "../../emulator/emulator.ts";
import { startResendEmulator } from "../../emulator/resend.ts";

const API_KEY = "re_S3cretKey_123";
const rejected = (fault: string, code: string) => ({ kind: "rejected", fault, code });
const failed = (retryable: boolean) => ({ kind: "failed", fault: "provider", retryable });
const plan = (status: number, name = "application_error", message = ""): Plan => ({
  status,
  name,
  message,
});
const LEAK = `for jane.roe@customer.example, "Jane Roe"@x.example and ${API_KEY}\r\nX: y`;
const QUOTA_WAIT = { kind: "throttled", retryAfterMs: 3_600_000 };

providerContract("resend", {
  start: () => startResendEmulator({ apiKey: API_KEY }),
  make: (settings) => createResend({ apiKey: API_KEY, ...settings }),
  secret: API_KEY,
  errors: [
    {
      plan: plan(400, "invalid_idempotency_key"),
      outcome: { ...failed(false), code: "invalid_idempotency_key" },
    },
    {
      plan: plan(400, "validation_error", `Broken ${LEAK}`),
      outcome: rejected("content", "validation_error"),
    },
    { plan: plan(401, "missing_api_key"), outcome: rejected("account", "missing_api_key") },
    { plan: plan(401, "restricted_api_key"), outcome: rejected("account", "restricted_api_key") },
    {
      plan: plan(403, "invalid_api_key", `API key ${API_KEY} is invalid`),
      outcome: rejected("account", "invalid_api_key"),
    },
    {
      plan: plan(403, "validation_error", "The acme.example domain is not verified."),
      outcome: rejected("sender", "validation_error"),
    },
    {
      plan: plan(403, "validation_error", "You can only send testing emails to your own address"),
      outcome: rejected("sender", "validation_error"),
    },
    { plan: plan(404, "not_found"), outcome: failed(false) },
    { plan: plan(405, "method_not_allowed"), outcome: failed(false) },
    { plan: plan(408, ""), outcome: { ...failed(true), code: "http_408" } },
    { plan: plan(409, "invalid_idempotent_request"), outcome: { kind: "ambiguous" } },
    { plan: plan(409, "concurrent_idempotent_requests"), outcome: { kind: "ambiguous" } },
    { plan: plan(413, ""), outcome: rejected("content", "http_413") },
    {
      plan: plan(422, "missing_required_field", "Missing `subject` field."),
      outcome: rejected("content", "missing_required_field"),
    },
    {
      plan: plan(422, "validation_error", `Invalid \`to\` field ${LEAK}`),
      outcome: rejected("recipient", "validation_error"),
    },
    {
      plan: plan(422, "validation_error", "Invalid `bcc` field."),
      outcome: rejected("recipient", "validation_error"),
    },
    {
      plan: plan(422, "validation_error", "Invalid `from` field."),
      outcome: rejected("sender", "validation_error"),
    },
    {
      plan: plan(422, "invalid_from_address"),
      outcome: rejected("sender", "invalid_from_address"),
    },
    { plan: plan(422, "invalid_attachment"), outcome: rejected("content", "invalid_attachment") },
    { plan: plan(422, "invalid_parameter"), outcome: rejected("content", "invalid_parameter") },
    { plan: plan(422, "invalid_access"), outcome: rejected("content", "invalid_access") },
    { plan: plan(429, "rate_limit_exceeded"), outcome: { kind: "throttled", retryAfterMs: 1000 } },
    { plan: plan(429, "daily_quota_exceeded"), outcome: QUOTA_WAIT },
    { plan: plan(429, "monthly_quota_exceeded"), outcome: QUOTA_WAIT },
    { plan: plan(451, "security_error"), outcome: rejected("content", "security_error") },
    { plan: plan(500, "application_error"), outcome: failed(true) },
    { plan: plan(500, "internal_server_error", LEAK), outcome: failed(true) },
    { plan: plan(503, ""), outcome: { ...failed(true), code: "http_503" } },
    { plan: plan(502, "application_error"), outcome: failed(true) },
    { plan: plan(502, ""), outcome: { kind: "ambiguous" } },
    { plan: plan(504, ""), outcome: { kind: "ambiguous" } },
    { plan: plan(521, ""), outcome: failed(true) },
    { plan: plan(524, ""), outcome: { kind: "ambiguous" } },
    { plan: plan(418, ""), outcome: failed(false) },
    { plan: plan(500, "Not A Name!"), outcome: { ...failed(true), code: "http_500" } },
  ],
});

describe("what goes over the wire to Resend", () => {
  let emulator: Emulator;
  beforeAll(async () => {
    emulator = await startResendEmulator();
  });
  afterAll(() => emulator.close());

  async function wire(message = FULL, deduplicates = true) {
    const settings = { apiKey: API_KEY, baseUrl: `${emulator.url}/`, timeLimitMs: 5000 };
    const provider = createResend({ ...settings, deduplicates });
    const signal = AbortSignal.timeout(5000);
    await provider.send(message, { fetch, now: () => Date.now(), signal });
    const request = emulator.received().at(-1);
    return { headers: request?.headers ?? {}, body: JSON.parse(request?.body ?? "null") };
  }

  test("a minimal message carries its fields and our tags, and nothing else", async () => {
    const { headers, body } = await wire(outgoing());
    expect(body).toEqual({
      from: "Acme <news@acme.example>",
      to: ["jane.roe@customer.example"],
      subject: "Hello",
      text: "Hello Jane",
      tags: [
        { name: "postern_id", value: outgoing().id },
        { name: "postern_account", value: "acme" },
      ],
    });
    expect(headers).toMatchObject({
      authorization: `Bearer ${API_KEY}`,
      "content-type": "application/json",
      "idempotency-key": "key-1",
      "user-agent": "postern",
    });
  });

  test("every field has Resend's name", async () => {
    const { body } = await wire();
    const { from, to, cc, bcc, replyTo, subject, html, text, headers } = FULL;
    expect(body).toMatchObject({ from, to, cc, bcc, reply_to: replyTo, subject, html, text });
    expect(body.headers).toEqual(headers);
    expect(body.attachments).toEqual([
      { filename: "a.txt", content: "aGVsbG8=", content_type: "text/plain" },
      { filename: "l.png", content: "iVBORw0K", content_type: "image/png", content_id: "logo" },
    ]);
  });

  test("the idempotency key goes along even where it is not relied on", async () => {
    expect((await wire(FULL, false)).headers["idempotency-key"]).toBe("key-1");
  });

  test("our tags cannot be set by the caller and hold only what a tag may", async () => {
    const tags = [
      { name: "postern_id", value: "forged" },
      { name: "kept", value: "yes" },
    ];
    const { body } = await wire(outgoing({ account: "acme corp/é", tags }));
    expect(body.tags).toEqual([
      { name: "kept", value: "yes" },
      { name: "postern_id", value: outgoing().id },
      { name: "postern_account", value: "acme_corp__" },
    ]);
  });

  test("the same message gives the same bytes at every attempt", async () => {
    const first = await wire();
    const second = await wire({ ...FULL, attempt: 2 });
    expect(second.body).toEqual(first.body);
  });

  test("a key that is no header value fails the source and is not shown", async () => {
    const provider = createResend({
      apiKey: "re_a\r\nX-Evil: 1",
      baseUrl: emulator.url,
      deduplicates: true,
      timeLimitMs: 1000,
    });
    const signal = AbortSignal.timeout(1000);
    const outcome = await provider.send(FULL, { fetch, now: () => 0, signal });
    expect(outcome).toMatchObject({ kind: "failed", retryable: false, code: "bad_header" });
    expect(JSON.stringify(outcome)).not.toContain("Evil");
  });
});
