import { describe, expect, test } from "vitest";
import { formatMailbox } from "../../../src/core/address.ts";
import { mailgun } from "../../../src/providers/mailgun/send.ts";
import type { OutgoingMessage } from "../../../src/providers/provider.ts";
import { depsFor, makeProvider, wireOf } from "../../contract/adapter.ts";
import { FULL, mailbox, outgoing } from "../../contract/messages.ts";
import { providerContract } from "../../contract/provider.ts";
import type { Plan } from "../../emulator/emulator.ts";
import { mailgunEmulator } from "../../emulator/mailgun.ts";
import { formWithoutBoundary, readForm } from "../../emulator/multipart.ts";

const under = { definition: mailgun, emulator: mailgunEmulator };
const API_KEY = String(mailgunEmulator.source("").secrets.MAILGUN_API_KEY);
const rejected = (fault: string, code: string) => ({ kind: "rejected", fault, code });
const failed = (retryable: boolean, code: string) => ({
  kind: "failed",
  fault: "provider",
  retryable,
  code,
});
const plan = (status: number, message = "", name?: string): Plan => ({
  status,
  message,
  ...(name === undefined ? {} : { name }),
});
const LEAK = `for jane.roe@customer.example, "Jane Roe"@x.example and ${API_KEY}\r\nX: y`;
const NOT_VALID = "parameter is not a valid address. please check documentation";
const NOT_ALLOWED = "Domain acme.example is not allowed to send";
const inAnHour = new Date(Date.now() + 7_200_000).toUTCString();

providerContract("mailgun", {
  ...under,
  deduplicates: false,
  comparable: formWithoutBoundary,
  errors: [
    {
      plan: plan(400, `to ${NOT_VALID} ${LEAK}`),
      outcome: rejected("recipient", "invalid_recipient"),
    },
    { plan: plan(400, `cc ${NOT_VALID}`), outcome: rejected("recipient", "invalid_recipient") },
    { plan: plan(400, `'bcc' ${NOT_VALID}`), outcome: rejected("recipient", "invalid_recipient") },
    {
      plan: plan(400, "to parameter is missing"),
      outcome: rejected("recipient", "invalid_recipient"),
    },
    { plan: plan(400, `from ${NOT_VALID}`), outcome: rejected("sender", "invalid_sender") },
    {
      plan: plan(400, `${NOT_ALLOWED}: The domain is unverified and requires DNS configuration.`),
      outcome: rejected("sender", "domain_not_allowed"),
    },
    {
      plan: plan(400, `${NOT_ALLOWED}: Sandbox subdomains are for test purposes only.`),
      outcome: rejected("sender", "domain_not_allowed"),
    },
    {
      plan: plan(400, `${NOT_ALLOWED}: Free accounts are for test purposes only.`),
      outcome: rejected("account", "account_not_allowed"),
    },
    {
      plan: plan(400, `${NOT_ALLOWED}: Please activate your Mailgun account.`),
      outcome: rejected("account", "account_not_allowed"),
    },
    {
      plan: plan(400, "Send options (parameters starting with o:) are limited to 16 kB total"),
      outcome: rejected("content", "options_too_large"),
    },
    {
      plan: plan(400, "Too many recipients; max is 1000"),
      outcome: rejected("recipient", "too_many_recipients"),
    },
    {
      plan: plan(400, "Need at least one of 'text' or 'html' parameters specified"),
      outcome: rejected("content", "http_400"),
    },
    {
      plan: plan(400, "malformed multipart/form-data request"),
      outcome: failed(false, "malformed_request"),
    },
    {
      plan: plan(400, "unable to parse request: unexpected EOF"),
      outcome: failed(true, "request_cut_off"),
    },
    { plan: plan(401), outcome: rejected("account", "http_401") },
    { plan: plan(402, "Payment required"), outcome: rejected("account", "http_402") },
    {
      plan: plan(403, "Domain example is not allowed to send large batches yet"),
      outcome: rejected("account", "http_403"),
    },
    {
      plan: plan(404, "Domain not found: mg.acme.example"),
      outcome: failed(true, "domain_not_found"),
    },
    { plan: plan(404, "Not found", "text"), outcome: failed(false, "http_404") },
    { plan: plan(405, "Method not allowed"), outcome: failed(false, "http_405") },
    { plan: plan(408, "", "text"), outcome: failed(true, "http_408") },
    { plan: plan(413, "request size exceeds"), outcome: rejected("content", "http_413") },
    { plan: plan(429, "Too many requests"), outcome: { kind: "throttled", retryAfterMs: 1000 } },
    {
      plan: plan(429, `${NOT_ALLOWED}: recipient limit exceeded, try again after ${inAnHour}`),
      outcome: { kind: "throttled", retryAfterMs: 3_600_000 },
    },
    {
      plan: plan(429, "Too many requests", `reset=${Date.now() + 7_200_000}`),
      outcome: { kind: "throttled", retryAfterMs: 3_600_000 },
    },
    {
      plan: plan(429, "Too many requests", `reset=${Math.floor(Date.now() / 1000) + 7200}`),
      outcome: { kind: "throttled", retryAfterMs: 3_600_000 },
    },
    {
      plan: plan(429, "Too many requests", "reset=soon"),
      outcome: { kind: "throttled", retryAfterMs: 1000 },
    },
    { plan: plan(500, `Internal Server Error ${LEAK}`), outcome: failed(true, "http_500") },
    { plan: plan(502, "", "text"), outcome: { kind: "ambiguous" } },
    { plan: plan(503, "", "text"), outcome: failed(true, "http_503") },
    { plan: plan(504, "", "text"), outcome: { kind: "ambiguous" } },
    { plan: plan(200, "Mailgun Magnificent API", "text"), outcome: failed(false, "wrong_url") },
  ],
});

/** What arrived, each field with its values in their order. */
async function sent(message: OutgoingMessage) {
  const request = await wireOf(under, message);
  const parts = readForm(request) ?? [];
  const fields: Record<string, string[]> = {};
  for (const { name, text, filename } of parts) {
    if (filename === undefined) fields[name] = [...(fields[name] ?? []), text];
  }
  const files = parts.filter(({ filename }) => filename !== undefined);
  return { ...request, fields, files };
}

const INLINE = { filename: "logo.png", content: "iVBORw0K", contentType: "image/png" };
const asForm = { ...FULL, attachments: [{ ...INLINE, contentId: "logo.png" }] };

describe("what goes over the wire to Mailgun", () => {
  test("a minimal message carries its fields and our variables, and nothing else", async () => {
    const { url, headers, fields, files, outcome } = await sent(outgoing());
    expect(outcome).toMatchObject({ kind: "accepted" });
    expect(url).toBe("/v3/mg.acme.example/messages");
    expect(headers).toMatchObject({
      authorization: `Basic ${btoa(`api:${API_KEY}`)}`,
      "user-agent": "postern",
    });
    expect(files).toEqual([]);
    expect(fields).toEqual({
      from: ["Acme <news@acme.example>"],
      to: ["jane.roe@customer.example"],
      subject: ["Hello"],
      text: ["Hello Jane"],
      "h:Message-Id": [`<${outgoing().messageId}>`],
      "v:postern_id": [outgoing().id],
      "v:postern_account": ["acme"],
      "o:tracking": ["no"],
      "o:tracking-opens": ["no"],
      "o:tracking-clicks": ["no"],
    });
  });

  test("every field has Mailgun's name, and each recipient a field of its own", async () => {
    const { url, fields, files } = await sent(asForm);
    expect(url).toBe("/v3/mg.acme.example/messages");
    expect(fields).toMatchObject({
      from: [formatMailbox(FULL.from)],
      to: FULL.to.map(formatMailbox),
      cc: ['"cc \\"person\\" 日本" <cc.person@xn--bcher-kva.example>'],
      bcc: ["bcc.person@customer.example"],
      subject: [FULL.subject],
      html: [FULL.html],
      text: [FULL.text?.replaceAll("\n", "\r\n")],
      "h:Reply-To": [FULL.replyTo.map(formatMailbox).join(", ")],
      "h:X-Entity-Ref-ID": ["42"],
      "h:List-Unsubscribe": ["<https://acme.example/u>"],
      "h:List-Unsubscribe-Post": ["List-Unsubscribe=One-Click"],
      "v:order": ["Nº 7/42"],
      "o:tag": ["campaign:spring_2026"],
    });
    expect(files).toMatchObject([
      { name: "inline", filename: "logo.png", contentType: "image/png" },
    ]);
    expect(files[0]?.bytes.toString("base64")).toBe(INLINE.content);
  });

  test("attachments keep their bytes, names and types", async () => {
    const { files } = await sent({ ...FULL, attachments: FULL.attachments.slice(0, 2) });
    expect(files).toMatchObject([
      { name: "attachment", filename: "a.txt", contentType: "text/plain", text: "hello" },
      { name: "attachment", filename: "Grüße 2026.pdf", text: "%PDF-1.4\n" },
    ]);
  });

  test("several addresses to reply to go into one header field", async () => {
    const replyTo = [mailbox("A <a@acme.example>"), mailbox("b@acme.example")];
    const { fields } = await sent(outgoing({ replyTo }));
    expect(fields["h:Reply-To"]).toEqual(["A <a@acme.example>, b@acme.example"]);
  });

  test("our variables come first and cannot be set by the caller", async () => {
    const { fields, body } = await sent(outgoing({ metadata: { postern_id: "x", kept: "y" } }));
    expect(fields["v:postern_id"]).toEqual([outgoing().id]);
    expect(fields["v:kept"]).toEqual(["y"]);
    expect(body.indexOf("v:postern_id")).toBeLessThan(body.indexOf("v:kept"));
  });

  test("up to ten tags of 128 characters go along", async () => {
    const tags = Array.from({ length: 12 }, (_, index) => ({
      name: `tag${index}`,
      value: "v".repeat(256),
    }));
    const { fields } = await sent(outgoing({ tags }));
    expect(fields["o:tag"]).toHaveLength(10);
    expect(fields["o:tag"]?.[0]).toBe(`tag0:${"v".repeat(123)}`);
  });

  test("opens and clicks are tracked only as far as they are asked for", async () => {
    const extras = (opens: boolean, clicks: boolean) =>
      outgoing({ extras: { opens, clicks, unsubscribe: false } });
    expect((await sent(extras(true, false))).fields).toMatchObject({
      "o:tracking": ["yes"],
      "o:tracking-opens": ["yes"],
      "o:tracking-clicks": ["no"],
    });
    expect((await sent(extras(false, true))).fields).toMatchObject({
      "o:tracking": ["yes"],
      "o:tracking-opens": ["no"],
      "o:tracking-clicks": ["yes"],
    });
  });

  test("the time left until a message expires goes along in hours and minutes", async () => {
    const now = 1_800_000_000_000;
    const within = async (leftMs: number) => {
      const emulator = await mailgunEmulator.start();
      try {
        const message = outgoing({ expiresAt: now + leftMs });
        const deps = depsFor(10_000, { now: () => now });
        const outcome = await makeProvider(under, emulator).send(message, deps);
        expect(outcome.kind).toBe("accepted");
        const [request] = emulator.received();
        const parts = (request && readForm(request)) ?? [];
        return parts.find(({ name }) => name === "o:deliver-within")?.text;
      } finally {
        await emulator.close();
      }
    };
    expect(await within(90 * 60_000)).toBe("1h30m");
    expect(await within(90 * 60_000 - 1)).toBe("1h29m");
    expect(await within(2 * 3_600_000)).toBe("2h");
    expect(await within(-1)).toBe("5m");
    expect(await within(24 * 3_600_000)).toBe("24h");
    expect(await within(24 * 3_600_000 + 60_000)).toBeUndefined();
  });
});
