import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mailpit } from "../../../src/providers/mailpit/send.ts";
import type { Sought } from "../../../src/providers/provider.ts";
import { depsFor, makeProvider, wireOf } from "../../contract/adapter.ts";
import { FULL, outgoing } from "../../contract/messages.ts";
import { providerContract } from "../../contract/provider.ts";
import type { Emulator } from "../../emulator/emulator.ts";
import { mailpitEmulator } from "../../emulator/mailpit.ts";

const under = { definition: mailpit, emulator: mailpitEmulator };
const PASSWORD = String(mailpitEmulator.source("").secrets.MAILPIT_PASSWORD);
const rejected = (fault: string, code: string) => ({ kind: "rejected", fault, code });
const failed = (retryable: boolean) => ({ kind: "failed", fault: "provider", retryable });

providerContract("mailpit", {
  ...under,
  deduplicates: false,
  errors: [
    {
      plan: { status: 400, message: "invalid To address: jane.roe@customer.example" },
      outcome: rejected("recipient", "invalid_address"),
    },
    {
      plan: { status: 400, message: "invalid Cc address: x" },
      outcome: rejected("recipient", "invalid_address"),
    },
    {
      plan: { status: 400, message: "invalid Bcc address: x" },
      outcome: rejected("recipient", "invalid_address"),
    },
    {
      plan: { status: 400, message: "invalid Reply-To address: x@y.example" },
      outcome: rejected("content", "http_400"),
    },
    {
      plan: { status: 400, message: `error decoding base64 attachment ${PASSWORD}` },
      outcome: rejected("content", "http_400"),
    },
    { plan: { status: 401 }, outcome: rejected("account", "http_401") },
    {
      plan: { status: 413, message: "http: request body too large" },
      outcome: rejected("content", "http_413"),
    },
    { plan: { status: 404 }, outcome: failed(false) },
    { plan: { status: 500, message: "disk full" }, outcome: failed(true) },
    { plan: { status: 502 }, outcome: { kind: "ambiguous" } },
  ],
});

describe("what goes over the wire to Mailpit", () => {
  async function wire(message = FULL, fields = {}) {
    const { headers, body, outcome } = await wireOf(under, message, fields);
    return { headers, body: JSON.parse(body), outcome };
  }

  test("a minimal message carries its fields and our ids, and nothing else", async () => {
    const { body } = await wire(outgoing());
    expect(body).toEqual({
      From: { Name: "Acme", Email: "news@acme.example" },
      To: [{ Email: "jane.roe@customer.example" }],
      Cc: [],
      Bcc: [],
      ReplyTo: [],
      Subject: "Hello",
      Text: "Hello Jane",
      Headers: {
        "X-Postern-Id": outgoing().id,
        "X-Postern-Account": "acme",
        "Message-ID": `<${outgoing().messageId}>`,
      },
      Tags: [],
      Attachments: [],
    });
  });

  test("every field has Mailpit's name; Bcc has addresses without names", async () => {
    const { body } = await wire();
    expect(body).toMatchObject({ Subject: FULL.subject, Text: FULL.text, HTML: FULL.html });
    expect(body.From).toEqual({ Name: "Acme, Inc.", Email: "news@acme.example" });
    expect(body.To[1]).toEqual({ Name: "Jürgen", Email: "jurgen@customer.example" });
    expect(body.Cc).toEqual([
      { Name: 'cc "person" 日本', Email: "cc.person@xn--bcher-kva.example" },
    ]);
    expect(body.Bcc).toEqual(["bcc.person@customer.example"]);
    expect(body.ReplyTo).toEqual([{ Name: "Hilfe für alle", Email: "support@acme.example" }]);
    expect(body.Headers).toMatchObject(FULL.headers);
    expect(body.Headers["X-Postern-Metadata-order"]).toBe("Nº 7/42");
    expect(body.Tags).toEqual(["campaign.spring_2026"]);
    expect(body.Attachments).toEqual([
      { Content: "aGVsbG8=", Filename: "a.txt", ContentType: "text/plain" },
      { Content: "JVBERi0xLjQK", Filename: "Grüße 2026.pdf" },
      { Content: "iVBORw0K", Filename: "l.png", ContentType: "image/png", ContentID: "logo" },
    ]);
  });

  test("without `auth` nothing is authorized, and no secret is needed", async () => {
    const { headers, outcome } = await wire(outgoing(), { auth: undefined });
    expect(headers.authorization).toBeUndefined();
    expect(outcome).toMatchObject(rejected("account", "http_401"));
  });

  test("more than Mailpit takes is not written", async () => {
    const emulator = await mailpitEmulator.start();
    const text = "x".repeat(50 * 1024 * 1024);
    const outcome = await makeProvider(under, emulator).send(outgoing({ text }), depsFor());
    expect(outcome).toMatchObject(rejected("content", "message_too_large"));
    expect(emulator.counts().requests).toBe(0);
    await emulator.close();
  });
});

describe("Mailpit is asked for a message by its Message-ID", () => {
  let emulator: Emulator;
  beforeAll(async () => {
    emulator = await mailpitEmulator.start();
  });
  afterAll(() => emulator.close());

  const ask = async (message: Sought, fields = {}) =>
    await makeProvider(under, emulator, fields).lookup?.(message, depsFor());

  test("what was taken is found under Mailpit's id", async () => {
    const { send } = makeProvider(under, emulator);
    const outcome = await send(outgoing(), depsFor());
    const found = await ask(outgoing());
    if (outcome.kind !== "accepted") throw new Error(outcome.kind);
    const { providerMessageId } = outcome;
    expect(found).toEqual({ ok: true, value: { kind: "accepted", providerMessageId } });
  });

  test("an id that is only part of another one is not found", async () => {
    const messageId = outgoing().messageId.slice(4);
    const found = await ask({ ...outgoing(), messageId });
    expect(found).toEqual({ ok: true, value: { kind: "none" } });
  });

  test("a refused question is not an answer", async () => {
    const found = await ask(outgoing(), { auth: undefined });
    expect(found).toMatchObject({ ok: false, error: { text: "Mailpit answered 401" } });
  });
});
