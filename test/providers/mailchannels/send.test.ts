import { describe, expect, test } from "vitest";
import { mailchannels } from "../../../src/providers/mailchannels/send.ts";
import { depsFor, makeProvider, wireOf } from "../../contract/adapter.ts";
import { FULL, mailbox, outgoing } from "../../contract/messages.ts";
import { providerContract } from "../../contract/provider.ts";
import type { Plan } from "../../emulator/emulator.ts";
import { mailchannelsEmulator } from "../../emulator/mailchannels.ts";

const under = { definition: mailchannels, emulator: mailchannelsEmulator };
const SECRETS = mailchannelsEmulator.source("").secrets;
const LEAK = `for jane.roe@customer.example with ${SECRETS.MAILCHANNELS_API_KEY}`;
const rejected = (fault: string, code: string) => ({ kind: "rejected", fault, code });
const failed = (retryable: boolean) => ({ kind: "failed", fault: "provider", retryable });
const plan = (status: number, message = ""): Plan => ({ status, message });
const result = (reason: string, name = "failed"): Plan => ({ status: 202, name, message: reason });

providerContract("mailchannels", {
  ...under,
  deduplicates: false,
  errors: [
    { plan: plan(400, `malformed ${LEAK}`), outcome: rejected("content", "http_400") },
    { plan: plan(400, "invalid to email address"), outcome: rejected("recipient", "http_400") },
    { plan: plan(400, "invalid from email address"), outcome: rejected("sender", "http_400") },
    { plan: plan(401, "missing API key"), outcome: rejected("account", "http_401") },
    { plan: plan(403, "invalid API key"), outcome: rejected("account", "http_403") },
    {
      plan: plan(403, "Failed Domain Lockdown for acme.example"),
      outcome: rejected("sender", "http_403"),
    },
    { plan: plan(404), outcome: failed(false) },
    { plan: plan(413, "payload too large"), outcome: rejected("content", "http_413") },
    { plan: plan(422), outcome: rejected("content", "http_422") },
    { plan: plan(429, "slow down"), outcome: { kind: "throttled", retryAfterMs: 1000 } },
    { plan: plan(500, `internal ${LEAK}`), outcome: failed(true) },
    {
      plan: plan(500, "550 5.7.1 This sender is not authorized to send from domain"),
      outcome: rejected("sender", "http_500"),
    },
    { plan: plan(502, "bad gateway"), outcome: { kind: "ambiguous" } },
    { plan: plan(504), outcome: { kind: "ambiguous" } },
    { plan: plan(503), outcome: failed(true) },
    { plan: result("451 4.3.0 try again later"), outcome: failed(true) },
    { plan: result(""), outcome: { ...failed(true), code: "send_failed" } },
    {
      plan: result("550 5.2.1 [SDNF] Sender Domain Not Found"),
      outcome: rejected("sender", "send_failed"),
    },
    {
      plan: result("550 5.7.1 This sender is not authorized to send from domain"),
      outcome: rejected("sender", "send_failed"),
    },
    {
      plan: result(`550 5.1.1 no such recipient ${LEAK}`),
      outcome: rejected("recipient", "send_failed"),
    },
    {
      plan: result("550 5.7.1 recipient is suppressed"),
      outcome: rejected("recipient", "send_failed"),
    },
    { plan: result("550 5.7.1 [CS] Spam"), outcome: rejected("content", "send_failed") },
    { plan: result("", "queued?"), outcome: { kind: "ambiguous" } },
  ],
});

test("a suppressed recipient is told when it is the only one", async () => {
  const emulator = await mailchannelsEmulator.start();
  const provider = makeProvider(under, emulator);
  emulator.control({ mode: "error", ...result("550 5.7.1 recipient is suppressed") });
  expect(await provider.send(outgoing(), depsFor())).toMatchObject(
    rejected("recipient", "suppressed"),
  );
  await emulator.close();
});

describe("what goes over the wire to MailChannels", () => {
  async function wire(message = FULL, fields = {}) {
    const { headers, body, outcome } = await wireOf(under, message, fields);
    return { headers, body: JSON.parse(body), outcome };
  }

  test("a minimal message carries its fields and our id, with all tracking off", async () => {
    const { headers, body } = await wire(outgoing(), { dkim: undefined });
    expect(body).toEqual({
      personalizations: [{ to: [{ email: "jane.roe@customer.example" }] }],
      from: { email: "news@acme.example", name: "Acme" },
      subject: "Hello",
      content: [{ type: "text/plain", value: "Hello Jane" }],
      campaign_id: outgoing().id,
      transactional: true,
      tracking_settings: { click_tracking: { enable: false }, open_tracking: { enable: false } },
    });
    expect(headers).toMatchObject({ "x-api-key": SECRETS.MAILCHANNELS_API_KEY });
  });

  test("every field has MailChannels' name, and the plain text comes first", async () => {
    const { body } = await wire();
    expect(body.personalizations).toEqual([
      {
        to: [
          { email: "jane.roe@customer.example" },
          { email: "jurgen@customer.example", name: "Jürgen" },
        ],
        cc: [{ email: "cc.person@xn--bcher-kva.example", name: 'cc "person" 日本' }],
        bcc: [{ email: "bcc.person@customer.example" }],
      },
    ]);
    expect(body.reply_to).toEqual({ email: "support@acme.example", name: "Hilfe für alle" });
    expect(body).toMatchObject({ subject: FULL.subject, headers: FULL.headers });
    expect(body.content).toEqual([
      { type: "text/plain", value: FULL.text },
      { type: "text/html", value: FULL.html },
    ]);
    expect(body.attachments).toEqual([
      { content: "aGVsbG8=", filename: "a.txt", type: "text/plain" },
      { content: "JVBERi0xLjQK", filename: "Grüße 2026.pdf", type: "application/octet-stream" },
      { content: "iVBORw0K", filename: "l.png", type: "image/png", content_id: "logo" },
    ]);
  });

  test("tracking and MailChannels' own unsubscribe are on where a stream asks", async () => {
    const extras = { opens: true, clicks: true, unsubscribe: true };
    const { body, outcome } = await wire(outgoing({ extras }));
    expect(outcome.kind).toBe("accepted");
    expect(body.transactional).toBe(false);
    expect(body.tracking_settings).toEqual({
      click_tracking: { enable: true },
      open_tracking: { enable: true },
    });
  });

  test("the key signs for its domain, or else for that of From", async () => {
    const from = mailbox("news@bücher.example");
    const usual = await wire(outgoing({ from }));
    expect(usual.body).toMatchObject({
      dkim_domain: "xn--bcher-kva.example",
      dkim_selector: "mc1",
      dkim_private_key: SECRETS.MAILCHANNELS_DKIM_KEY,
    });
    const { body } = await wire(outgoing(), { dkim: { selector: "s", domain: "acme.test" } });
    expect(body).toMatchObject({ dkim_domain: "acme.test", dkim_selector: "s" });
    expect(body).not.toHaveProperty("dkim_private_key");
  });

  test("a second Reply-To has no place, so the message is refused and not sent", async () => {
    const replyTo = [mailbox("a@acme.example"), mailbox("b@acme.example")];
    await expect(wire(outgoing({ replyTo }))).rejects.toThrow("reply_to_unsupported");
  });
});
