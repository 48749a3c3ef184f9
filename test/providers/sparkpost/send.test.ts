import { describe, expect, test } from "vitest";
import { formatMailbox } from "../../../src/core/address.ts";
import type { OutgoingMessage } from "../../../src/providers/provider.ts";
import { sparkpost } from "../../../src/providers/sparkpost/send.ts";
import { wireOf } from "../../contract/adapter.ts";
import { FULL, mailbox, outgoing } from "../../contract/messages.ts";
import { providerContract } from "../../contract/provider.ts";
import type { Plan } from "../../emulator/emulator.ts";
import { sparkpostEmulator } from "../../emulator/sparkpost.ts";

const under = { definition: sparkpost, emulator: sparkpostEmulator };
const API_KEY = String(sparkpostEmulator.source("").secrets.SPARKPOST_API_KEY);
const rejected = (fault: string, code: string) => ({ kind: "rejected", fault, code });
const failed = (retryable: boolean, code: string) => ({
  kind: "failed",
  fault: "provider",
  retryable,
  code,
});
const throttled = (retryAfterMs: number) => ({ kind: "throttled", retryAfterMs });
/** Message and description stand on either side of a bar. */
const plan = (status: number, name = "", message = ""): Plan => ({ status, name, message });
const LEAK = `for jane.roe@customer.example, "Jane Roe"@x.example and ${API_KEY}\r\nX: y`;
const SUPPRESSED = "Message generation rejected | recipient address suppressed due to policy";

providerContract("sparkpost", {
  ...under,
  deduplicates: false,
  errors: [
    { plan: plan(400, "1200", "invalid params"), outcome: rejected("content", "1200") },
    {
      plan: plan(400, "1200", "invalid params | content.from is invalid"),
      outcome: rejected("sender", "1200"),
    },
    { plan: plan(400, "1305", "Input Data not UTF8"), outcome: rejected("content", "1305") },
    { plan: plan(400, "1502", "Server resources unavailable"), outcome: failed(true, "1502") },
    { plan: plan(400, "1901", "Message failed to generate"), outcome: rejected("content", "1901") },
    {
      plan: plan(400, "1902", `${SUPPRESSED} ${LEAK}`),
      outcome: rejected("recipient", "suppressed"),
    },
    {
      plan: plan(400, "1902", "Message generation rejected | prohibited content"),
      outcome: rejected("content", "1902"),
    },
    {
      plan: plan(400, "1910", "Message generation not configured"),
      outcome: failed(false, "1910"),
    },
    {
      plan: plan(400, "5002", "At least one valid recipient is required"),
      outcome: rejected("recipient", "5002"),
    },
    { plan: plan(400, "7000", "Restricted domain"), outcome: rejected("sender", "7000") },
    {
      plan: plan(400, "7001", "Invalid domain | Unconfigured or unverified sending domain."),
      outcome: rejected("sender", "7001"),
    },
    { plan: plan(401, "", "Unauthorized."), outcome: rejected("account", "http_401") },
    { plan: plan(401, "1303", "Invalid customer id"), outcome: rejected("account", "1303") },
    { plan: plan(403, "1100", "Forbidden."), outcome: rejected("account", "1100") },
    { plan: plan(403, "1601", "No license"), outcome: rejected("account", "1601") },
    { plan: plan(404, "1101", "invalid URI"), outcome: failed(false, "1101") },
    { plan: plan(405, "1102", "invalid HTTP method"), outcome: failed(false, "1102") },
    { plan: plan(406, "1800", "HTTP header value"), outcome: failed(false, "1800") },
    { plan: plan(409, "1602", "Resource in use"), outcome: failed(true, "1602") },
    { plan: plan(413, "text", ""), outcome: rejected("content", "http_413") },
    { plan: plan(415, "1700", "Unsupported Content-Type"), outcome: failed(false, "1700") },
    { plan: plan(420, "2101", "Exceed Sending Limit (hourly)"), outcome: throttled(900_000) },
    { plan: plan(420, "2102", "Exceed Sending Limit (daily)"), outcome: throttled(3_600_000) },
    {
      plan: plan(420, "2103", "Exceed Sending Limit (sandbox)"),
      outcome: rejected("account", "sandbox_limit"),
    },
    {
      plan: { ...plan(420, "2101", "Exceed Sending Limit (hourly)"), retryAfter: "60" },
      outcome: throttled(60_000),
    },
    { plan: plan(422, "1300", "invalid data format/type"), outcome: rejected("content", "1300") },
    {
      plan: plan(422, "1300", `invalid data | address.email is wrong ${LEAK}`),
      outcome: rejected("recipient", "1300"),
    },
    {
      plan: plan(422, "1300", "invalid data | Invalid from address"),
      outcome: rejected("sender", "1300"),
    },
    { plan: plan(422, "1301", "Both content and html"), outcome: rejected("content", "1301") },
    {
      plan: plan(422, "1400", "required field is missing | recipients or list_id required"),
      outcome: rejected("recipient", "1400"),
    },
    {
      plan: plan(422, "1400", "required field is missing | content.from.email is required"),
      outcome: rejected("sender", "1400"),
    },
    { plan: plan(422, "3000", "template language error"), outcome: rejected("content", "3000") },
    { plan: plan(422, "3002", "Invalid header"), outcome: rejected("content", "3002") },
    { plan: plan(429, "", "Too many requests"), outcome: throttled(3000) },
    { plan: plan(500, "1500", `Failed to update ${LEAK}`), outcome: failed(true, "1500") },
    { plan: plan(502, "text", "Bad gateway"), outcome: { kind: "ambiguous" } },
    { plan: plan(503, "1900", "Generation not available"), outcome: failed(true, "1900") },
    { plan: plan(503, "text", ""), outcome: failed(true, "http_503") },
    { plan: plan(504, "text", ""), outcome: { kind: "ambiguous" } },
    { plan: plan(500, "Not a code", "x"), outcome: failed(true, "http_500") },
  ],
});

describe("what goes over the wire to SparkPost", () => {
  async function wire(message: OutgoingMessage, fields = {}) {
    const request = await wireOf(under, message, fields);
    expect(request.outcome).toMatchObject({ kind: "accepted" });
    return { ...request, body: JSON.parse(request.body) };
  }

  test("a minimal message carries its fields and our metadata, and nothing else", async () => {
    const { url, headers, body } = await wire(outgoing());
    expect(url).toBe("/api/v1/transmissions");
    expect(headers).toMatchObject({
      authorization: API_KEY,
      "content-type": "application/json",
      "user-agent": "postern",
    });
    expect(headers["x-msys-subaccount"]).toBeUndefined();
    const to = "jane.roe@customer.example";
    expect(body).toEqual({
      options: {
        open_tracking: false,
        initial_open: false,
        click_tracking: false,
        transactional: true,
        perform_substitutions: false,
      },
      metadata: { postern_id: outgoing().id, postern_account: "acme" },
      recipients: [{ address: { email: to, header_to: to } }],
      content: {
        from: { email: "news@acme.example", name: "Acme" },
        subject: "Hello",
        headers: { "Message-ID": `<${outgoing().messageId}>` },
        text: "Hello Jane",
      },
    });
  });

  test("each recipient gets the To of all, Cc is shown, Bcc is not", async () => {
    const { body } = await wire(FULL);
    const headerTo = "jane.roe@customer.example, Jürgen <jurgen@customer.example>";
    expect(body.recipients.map(({ address }: { address: object }) => address)).toEqual([
      { email: "jane.roe@customer.example", header_to: headerTo },
      { email: "jurgen@customer.example", header_to: headerTo },
      { email: "cc.person@xn--bcher-kva.example", header_to: headerTo },
      { email: "bcc.person@customer.example", header_to: headerTo },
    ]);
    expect(body.content.headers.Cc).toBe(
      '"cc \\"person\\" 日本" <cc.person@xn--bcher-kva.example>',
    );
    expect(JSON.stringify(body.content)).not.toContain("bcc.person");
  });

  test("with nobody in To, Cc stands in To and Bcc stays hidden from one another", async () => {
    const bcc = [mailbox("a@customer.example"), mailbox("b@customer.example")];
    const cc = [mailbox("C <c@customer.example>")];
    const shown = await wire(outgoing({ to: [], cc, bcc }));
    expect(shown.body.recipients[1].address).toEqual({
      email: "a@customer.example",
      header_to: "C <c@customer.example>",
    });
    const hidden = await wire(outgoing({ to: [], bcc }));
    expect(hidden.body.recipients).toEqual([
      { address: { email: "a@customer.example" } },
      { address: { email: "b@customer.example" } },
    ]);
  });

  test("every field has SparkPost's name", async () => {
    const { body } = await wire(FULL);
    const { subject, html, text } = FULL;
    expect(body.content).toMatchObject({
      from: { email: "news@acme.example", name: "Acme, Inc." },
      subject,
      html,
      text,
      reply_to: FULL.replyTo.map(formatMailbox).join(", "),
      headers: { ...FULL.headers, "Message-ID": `<${FULL.messageId}>` },
      attachments: [
        { name: "a.txt", type: "text/plain", data: "aGVsbG8=" },
        { name: "Grüße 2026.pdf", type: "application/octet-stream", data: "JVBERi0xLjQK" },
      ],
      inline_images: [{ name: "logo", type: "image/png", data: "iVBORw0K" }],
    });
    expect(body.metadata).toMatchObject({ order: "Nº 7/42" });
    expect(body.campaign_id).toBe("spring_2026");
    expect(body.recipients[3].tags).toEqual(["campaign:spring_2026"]);
  });

  test("a file of a message without HTML is an attachment, whatever its content id", async () => {
    const attachments = [{ filename: "l.png", content: "iVBORw0K", contentId: "logo" }];
    const { body } = await wire(outgoing({ attachments }));
    expect(body.content.attachments).toMatchObject([{ name: "l.png" }]);
    expect(body.content.inline_images).toBeUndefined();
  });

  test("braces in a message come out as they are", async () => {
    const braces = { subject: "{{a}}", text: "{{b}} {{{c}}}", html: "{{#each d}}" };
    const { body } = await wire(outgoing(braces));
    expect(body.content).toMatchObject(braces);
    expect(body.options.perform_substitutions).toBe(false);
  });

  test("opens and clicks are tracked only as far as they are asked for", async () => {
    const extras = (opens: boolean, clicks: boolean) =>
      wire(outgoing({ extras: { opens, clicks, unsubscribe: false } }));
    const on = (await extras(true, false)).body.options;
    expect(on).toMatchObject({ open_tracking: true, initial_open: true, click_tracking: false });
    const clicked = (await extras(false, true)).body.options;
    expect(clicked).toMatchObject({ open_tracking: false, click_tracking: true });
  });

  test("SparkPost's own unsubscribing is on only where a broadcast asks for it", async () => {
    const options = async (lane: "transactional" | "broadcast", unsubscribe: boolean) => {
      const extras = { opens: false, clicks: false, unsubscribe };
      return (await wire(outgoing({ lane, extras }))).body.options.transactional;
    };
    expect(await options("broadcast", false)).toBe(true);
    expect(await options("broadcast", true)).toBe(false);
    expect(await options("transactional", true)).toBe(true);
  });

  test("metadata goes along as far as there is room, and cannot replace ours", async () => {
    const metadata = { postern_id: "x", big: "ü".repeat(400), small: "s", huge: "h".repeat(900) };
    const { body } = await wire(outgoing({ metadata }));
    const { huge, postern_id, ...rest } = metadata;
    expect(body.metadata).toEqual({
      ...rest,
      postern_id: outgoing().id,
      postern_account: "acme",
    });
    // To the last byte.
    const left = 1000 - Buffer.byteLength(JSON.stringify({ ...body.metadata, fill: "" }));
    const more = { ...rest, fill: "f".repeat(left) };
    expect((await wire(outgoing({ metadata: more }))).body.metadata.fill).toHaveLength(left);
    const over = { ...rest, fill: "f".repeat(left + 1) };
    expect((await wire(outgoing({ metadata: over }))).body.metadata.fill).toBeUndefined();
  });

  test("ten tags go along, and a long campaign is cut", async () => {
    const many = Array.from({ length: 11 }, (_, no) => ({ name: `t${no}`, value: "v" }));
    const campaign = { name: "campaign", value: "c".repeat(65) };
    const { body } = await wire(outgoing({ tags: [...many, campaign] }));
    expect(body.recipients[0].tags).toHaveLength(10);
    expect(body.campaign_id).toBe("c".repeat(64));
  });

  test("a pool and a subaccount go along when they are set", async () => {
    const { headers, body } = await wire(outgoing(), { ip_pool: "bulk", subaccount: 101 });
    expect(headers["x-msys-subaccount"]).toBe("101");
    expect(body.options.ip_pool).toBe("bulk");
  });

  test("nothing is written beyond 20 MB", async () => {
    const attachments = [{ filename: "a.bin", content: "A".repeat(20_000_000) }];
    const failing = wireOf(under, outgoing({ attachments }));
    await expect(failing).rejects.toThrow('"code":"message_too_large"');
  });
});
