import { describe, expect, test } from "vitest";
import { formatMailbox } from "../../../src/core/address.ts";
import { postmark } from "../../../src/providers/postmark/send.ts";
import { depsFor, makeProvider, wireOf } from "../../contract/adapter.ts";
import { FULL, mailbox, member, outgoing } from "../../contract/messages.ts";
import { providerContract } from "../../contract/provider.ts";
import type { Plan } from "../../emulator/emulator.ts";
import { postmarkEmulator } from "../../emulator/postmark.ts";

const under = { definition: postmark, emulator: postmarkEmulator };
const TOKEN = String(postmarkEmulator.source("").secrets.POSTMARK_TOKEN);
const rejected = (fault: string, code: string) => ({ kind: "rejected", fault, code });
const failed = (retryable: boolean, code: string) => ({
  kind: "failed",
  fault: "provider",
  retryable,
  code,
});
const plan = (status: number, name?: string, message?: string): Plan => ({
  status,
  ...(name === undefined ? {} : { name }),
  ...(message === undefined ? {} : { message }),
});
const of = (code: number, message = "") => plan(422, String(code), message);
const LEAK = `for jane.roe@customer.example, "Jane Roe"@x.example and ${TOKEN}\r\nX: y`;
const ALL_INACTIVE =
  "You tried to send to recipient(s) that have been marked as inactive. Found inactive " +
  "addresses: jane.roe@customer.example, JURGEN@customer.example, " +
  "cc.person@xn--bcher-kva.example, bcc.person@customer.example. Inactive recipients are ones " +
  "that have generated a hard bounce, a spam complaint, or a manual suppression.";

providerContract("postmark", {
  ...under,
  deduplicates: false,
  batches: true,
  errors: [
    { plan: of(300, "Invalid 'To' address: 'x'."), outcome: rejected("recipient", "error_300") },
    { plan: of(300, `Error parsing 'Cc': ${LEAK}`), outcome: rejected("recipient", "error_300") },
    { plan: of(300, "Zero recipients specified"), outcome: rejected("recipient", "error_300") },
    { plan: of(300, "Invalid 'From' address: 'x'."), outcome: rejected("sender", "error_300") },
    { plan: of(300, "Header 'To' not allowed."), outcome: rejected("content", "error_300") },
    { plan: of(300, `Provide a body ${LEAK}`), outcome: rejected("content", "error_300") },
    { plan: of(400, `'From' ${LEAK} is not there`), outcome: rejected("sender", "error_400") },
    { plan: of(401), outcome: rejected("sender", "error_401") },
    { plan: of(402, "Invalid JSON."), outcome: failed(false, "error_402") },
    { plan: of(403), outcome: failed(false, "error_403") },
    { plan: of(405, "Out of credits"), outcome: rejected("account", "error_405") },
    { plan: of(406, ALL_INACTIVE), outcome: rejected("recipient", "suppressed") },
    { plan: of(406, "Inactive recipient"), outcome: rejected("recipient", "suppressed") },
    { plan: of(409), outcome: failed(false, "error_409") },
    { plan: of(410), outcome: failed(false, "error_410") },
    { plan: of(411), outcome: rejected("content", "error_411") },
    { plan: of(412), outcome: rejected("account", "error_412") },
    { plan: of(413), outcome: rejected("account", "error_413") },
    { plan: of(422), outcome: rejected("account", "error_422") },
    { plan: of(429), outcome: { kind: "throttled", retryAfterMs: 1000 } },
    { plan: of(100), outcome: failed(true, "error_100") },
    { plan: of(10), outcome: rejected("account", "error_10") },
    { plan: of(1235), outcome: failed(false, "error_1235") },
    { plan: of(1236), outcome: failed(false, "error_1236") },
    { plan: of(1480), outcome: rejected("account", "error_1480") },
    { plan: of(9999, LEAK), outcome: rejected("content", "error_9999") },
    { plan: plan(422, ""), outcome: rejected("content", "http_422") },
    { plan: plan(401), outcome: rejected("account", "error_10") },
    { plan: plan(404, ""), outcome: failed(false, "http_404") },
    { plan: plan(405, ""), outcome: failed(false, "http_405") },
    { plan: plan(413, ""), outcome: rejected("content", "http_413") },
    { plan: plan(415, ""), outcome: failed(false, "http_415") },
    { plan: plan(429), outcome: { kind: "throttled", retryAfterMs: 1000 } },
    { plan: plan(429, ""), outcome: { kind: "throttled", retryAfterMs: 1000 } },
    { plan: plan(500, "0", LEAK), outcome: { kind: "ambiguous" } },
    { plan: plan(500, ""), outcome: { kind: "ambiguous" } },
    { plan: plan(502, ""), outcome: { kind: "ambiguous" } },
    { plan: plan(503), outcome: failed(true, "error_100") },
    { plan: plan(503, ""), outcome: failed(true, "http_503") },
    { plan: plan(504, ""), outcome: { kind: "ambiguous" } },
    { plan: plan(521, ""), outcome: failed(true, "http_521") },
  ],
});

describe("what goes over the wire to Postmark", () => {
  async function wire(message = FULL, fields = {}) {
    const { headers, body, url } = await wireOf(under, message, fields);
    return { headers, url, body: JSON.parse(body) };
  }

  test("a minimal message carries its fields, our metadata, no tracking, and no more", async () => {
    const { headers, url, body } = await wire(outgoing());
    expect(url).toBe("/email");
    expect(body).toEqual({
      From: "Acme <news@acme.example>",
      To: "jane.roe@customer.example",
      Subject: "Hello",
      TextBody: "Hello Jane",
      Metadata: { postern_id: outgoing().id, postern_account: "acme" },
      Headers: [
        { Name: "Message-ID", Value: `<${outgoing().messageId}>` },
        { Name: "X-PM-KeepID", Value: "true" },
      ],
      TrackOpens: false,
      TrackLinks: "None",
      MessageStream: "outbound",
    });
    expect(headers).toMatchObject({
      "x-postmark-server-token": TOKEN,
      accept: "application/json",
      "content-type": "application/json",
    });
  });

  test("every field has Postmark's name", async () => {
    const { body } = await wire();
    expect(body).toMatchObject({
      From: '"Acme, Inc." <news@acme.example>',
      To: "jane.roe@customer.example, Jürgen <jurgen@customer.example>",
      Cc: '"cc \\"person\\" 日本" <cc.person@xn--bcher-kva.example>',
      Bcc: "bcc.person@customer.example",
      ReplyTo: formatMailbox(FULL.replyTo[0] ?? FULL.from),
      Subject: FULL.subject,
      HtmlBody: FULL.html,
      TextBody: FULL.text,
      Tag: "campaign:spring_2026",
      Metadata: { order: "Nº 7/42" },
    });
    for (const [Name, Value] of Object.entries(FULL.headers)) {
      expect(body.Headers).toContainEqual({ Name, Value });
    }
    expect(body.Attachments).toEqual([
      { Name: "a.txt", Content: "aGVsbG8=", ContentType: "text/plain" },
      { Name: "Grüße 2026.pdf", Content: "JVBERi0xLjQK", ContentType: "application/octet-stream" },
      { Name: "l.png", Content: "iVBORw0K", ContentType: "image/png", ContentID: "cid:logo" },
    ]);
  });

  test("several reply addresses go along, separated by commas", async () => {
    const replyTo = [mailbox("a@acme.example"), mailbox("B <b@acme.example>")];
    const { body } = await wire(outgoing({ replyTo }));
    expect(body.ReplyTo).toBe("a@acme.example, B <b@acme.example>");
  });

  test("tracking is on only where the stream asks for it", async () => {
    const opens = { opens: true, clicks: false, unsubscribe: false };
    const clicks = { opens: false, clicks: true, unsubscribe: false };
    const { body: one } = await wire(outgoing({ extras: opens }));
    expect(one).toMatchObject({ TrackOpens: true, TrackLinks: "None" });
    const { body: other } = await wire(outgoing({ extras: clicks }));
    expect(other).toMatchObject({ TrackOpens: false, TrackLinks: "HtmlAndText" });
  });

  test("each kind of stream has its message stream", async () => {
    const broadcast = outgoing({ lane: "broadcast" });
    expect((await wire(broadcast)).body.MessageStream).toBe("broadcast");
    const message_streams = { broadcast: "news" };
    expect((await wire(broadcast, { message_streams })).body.MessageStream).toBe("news");
    expect((await wire(outgoing(), { message_streams })).body.MessageStream).toBe("outbound");
  });

  test("our metadata cannot be set by the caller, and names differ in more than case", async () => {
    const metadata = { Postern_ID: "forged", order: "1", ORDER: "2" };
    const { body, outcome } = await wireOf(under, outgoing({ metadata })).then((sent) => {
      return { body: JSON.parse(sent.body), outcome: sent.outcome };
    });
    expect(body.Metadata).toEqual({
      postern_id: outgoing().id,
      postern_account: "acme",
      order: "1",
    });
    expect(outcome.kind).toBe("accepted");
  });
});

describe("Postmark's outcomes", () => {
  async function on<T>(act: (emulator: Awaited<ReturnType<typeof under.emulator.start>>) => T) {
    const emulator = await under.emulator.start();
    try {
      return await act(emulator);
    } finally {
      await emulator.close();
    }
  }

  test("inactive recipients among others are refused by the addresses we gave", () =>
    on(async (emulator) => {
      emulator.control({ refuse: [1, 2] });
      const outcome = await makeProvider(under, emulator).send(FULL, depsFor());
      const text = "Postmark has it as an inactive recipient";
      expect(outcome).toEqual({
        kind: "accepted",
        providerMessageId: emulator.counts().accepted[0]?.providerIds[0],
        refused: [
          { address: "jurgen@customer.example", code: "suppressed", text },
          { address: "cc.person@bücher.example", code: "suppressed", text },
        ],
      });
    }));

  test("a refusal that names some of the recipients leaves the others unclear", () =>
    on(async (emulator) => {
      const message = "Found inactive addresses: jane.roe@customer.example. Inactive recipients";
      emulator.control({ mode: "error", status: 422, name: "406", message });
      const provider = makeProvider(under, emulator);
      expect(await provider.send(FULL, depsFor())).toMatchObject({ kind: "ambiguous" });
      expect(await provider.send(outgoing(), depsFor())).toMatchObject({ code: "suppressed" });
    }));

  const three = [member(0), member(1, { html: "", text: "" }), member(2)];

  test("each message of a batch has an outcome of its own", () =>
    on(async (emulator) => {
      emulator.control({ refuse: [2] });
      const outcomes = await makeProvider(under, emulator).sendBatch?.(three, "key", depsFor());
      expect(outcomes).toMatchObject([
        { kind: "accepted", refused: [] },
        rejected("content", "error_300"),
        rejected("recipient", "suppressed"),
      ]);
      expect(emulator.received().map(({ url }) => url)).toEqual(["/email/batch"]);
    }));

  test("a batch refused for what one of it may have wrong is tried one by one", () =>
    on(async (emulator) => {
      const provider = makeProvider(under, emulator);
      const send = async (error: Plan) => {
        emulator.reset();
        emulator.control({ mode: "error", ...error });
        return provider.sendBatch?.(three, "key", depsFor());
      };
      const alone = failed(true, "batch_refused");
      for (const error of [of(402), of(403), of(300), plan(413, "")]) {
        expect(await send(error)).toMatchObject([alone, alone, alone]);
      }
      const account = rejected("account", "error_10");
      expect(await send(plan(401))).toMatchObject([account, account, account]);
      const lost = failed(false, "http_404");
      expect(await send(plan(404, ""))).toMatchObject([lost, lost, lost]);
    }));

  test("a batch of a hundred with fifty recipients each is read to its end", () =>
    on(async (emulator) => {
      const to = Array.from({ length: 50 }, (_, no) => mailbox(`Recipient <no${no}@x.example>`));
      const messages = Array.from({ length: 100 }, (_, index) => member(index, { to }));
      const outcomes = await makeProvider(under, emulator).sendBatch?.(messages, "", depsFor());
      expect(outcomes?.filter(({ kind }) => kind === "accepted")).toHaveLength(100);
    }));

  test("an answer that does not match the batch leaves all of it unclear", () =>
    on(async (emulator) => {
      const fetch = () => Promise.resolve(Response.json([{ ErrorCode: 0, MessageID: "1" }]));
      const deps = depsFor(1000, { fetch });
      const outcomes = await makeProvider(under, emulator).sendBatch?.(three, "", deps);
      expect(outcomes?.map(({ kind }) => kind)).toEqual(["ambiguous", "ambiguous", "ambiguous"]);
    }));
});
