import { describe, expect, test } from "vitest";
import { formatMailbox } from "../../../src/core/address.ts";
import { resend } from "../../../src/providers/resend/send.ts";
import { depsFor, makeProvider, wireOf } from "../../contract/adapter.ts";
import { FULL, outgoing } from "../../contract/messages.ts";
import { providerContract } from "../../contract/provider.ts";
import type { Plan } from "../../emulator/emulator.ts";
import { resendEmulator } from "../../emulator/resend.ts";

const under = { definition: resend, emulator: resendEmulator };
const API_KEY = String(resendEmulator.source("").secrets.RESEND_API_KEY);
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
  ...under,
  deduplicates: true,
  batches: true,
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
  async function wire(message = FULL, fields = {}) {
    const { headers, body } = await wireOf(under, message, fields);
    return { headers, body: JSON.parse(body) };
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
      "idempotency-key": outgoing().id,
      "user-agent": "postern",
    });
  });

  test("every field has Resend's name", async () => {
    const { body } = await wire();
    const { subject, html, text, headers } = FULL;
    expect(body).toMatchObject({ subject, html, text, headers });
    expect(body.from).toBe(formatMailbox(FULL.from));
    expect(body.cc).toEqual(['"cc \\"person\\" 日本" <cc.person@xn--bcher-kva.example>']);
    expect(body.bcc).toEqual(FULL.bcc.map(formatMailbox));
    expect(body.reply_to).toEqual(FULL.replyTo.map(formatMailbox));
    expect(body.attachments).toEqual([
      { filename: "a.txt", content: "aGVsbG8=", content_type: "text/plain" },
      { filename: "Grüße 2026.pdf", content: "JVBERi0xLjQK" },
      { filename: "l.png", content: "iVBORw0K", content_type: "image/png", content_id: "logo" },
    ]);
  });

  test("the account's verified domains are listed, page by page", async () => {
    const emulator = await resendEmulator.start();
    try {
      const provider = makeProvider(under, emulator);
      expect(await provider.identities?.(depsFor())).toEqual({
        ok: true,
        value: ["acme.example", "second.example"],
      });
    } finally {
      await emulator.close();
    }
  });

  test("metadata goes along as tags, in the characters a tag may hold", async () => {
    const { body } = await wire();
    expect(body.tags).toContainEqual({ name: "order", value: "N__7_42" });
  });

  test("the idempotency key goes along even where it is not relied on", async () => {
    const { headers } = await wire(FULL, { deduplicates: false });
    expect(headers["idempotency-key"]).toBe(FULL.id);
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

  test("a message to several says to how many: an event names those of To only", async () => {
    const tags = [{ name: "postern_recipients", value: "9" }];
    const { to } = outgoing();
    const { body } = await wire(outgoing({ cc: to, tags }));
    expect(body.tags).toContainEqual({ name: "postern_recipients", value: "2" });
    expect((await wire(outgoing({ tags }))).body.tags).toHaveLength(2);
  });
});
