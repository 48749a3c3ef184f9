/** Our requests beside those of Postmark's own client for the same messages. */
import { Errors, type Message, Models, ServerClient } from "postmark";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatMailbox } from "../../../src/core/address.ts";
import { postmark } from "../../../src/providers/postmark/send.ts";
import type { OutgoingMessage } from "../../../src/providers/provider.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { FULL, mailbox, member, outgoing } from "../../contract/messages.ts";
import type { Emulator, ReceivedRequest } from "../../emulator/emulator.ts";
import { postmarkEmulator } from "../../emulator/postmark.ts";

const under = { definition: postmark, emulator: postmarkEmulator };
const TOKEN = String(postmarkEmulator.source("").secrets.POSTMARK_TOKEN);
let emulator: Emulator;
let client: ServerClient;
beforeAll(async () => {
  emulator = await postmarkEmulator.start();
  client = new ServerClient(TOKEN, {
    requestHost: `127.0.0.1:${emulator.port}`,
    useHttps: false,
  });
});
afterAll(() => emulator.close());

/** A message as a user of the client writes it, by the client's own classes. */
function written(message: OutgoingMessage): Message {
  const list = (mailboxes: OutgoingMessage["to"]) => mailboxes.map(formatMailbox).join(",");
  const [tag] = message.tags;
  const given = new Models.Message(
    formatMailbox(message.from),
    message.subject,
    message.html,
    message.text,
    list(message.to),
    list(message.cc) || undefined,
    list(message.bcc) || undefined,
    list(message.replyTo) || undefined,
    tag && `${tag.name}:${tag.value}`,
    message.extras.opens,
    message.extras.clicks
      ? Models.LinkTrackingOptions.HtmlAndText
      : Models.LinkTrackingOptions.None,
    [
      new Models.Header("Message-ID", `<${message.messageId}>`),
      new Models.Header("X-PM-KeepID", "true"),
      ...Object.entries(message.headers).map(([name, value]) => new Models.Header(name, value)),
    ],
    message.attachments.map(
      ({ filename, content, contentType, contentId }) =>
        new Models.Attachment(
          filename,
          content,
          contentType ?? "application/octet-stream",
          contentId === undefined ? null : `cid:${contentId}`,
        ),
    ),
    { ...message.metadata, postern_id: message.id, postern_account: message.account },
  );
  given.MessageStream = message.lane === "broadcast" ? "broadcast" : "outbound";
  return given;
}

/** One message without what does not matter: order, spaces, fields that say nothing. */
function meaning(value: Record<string, unknown>): object {
  const fields = Object.entries(value).flatMap(([name, given]): [string, unknown][] => {
    if (given === null || given === undefined || (Array.isArray(given) && given.length === 0)) {
      return [];
    }
    if (/^(To|Cc|Bcc|ReplyTo)$/.test(name)) return [[name, String(given).replace(/, /g, ",")]];
    if (name === "Headers") {
      const byName = (a: { Name: string }, b: { Name: string }) => (a.Name < b.Name ? -1 : 1);
      return [[name, [...(given as { Name: string }[])].sort(byName)]];
    }
    if (name === "Attachments") {
      const parts = given as Record<string, unknown>[];
      return [[name, parts.map((part) => ({ ...part, ContentID: part.ContentID ?? undefined }))]];
    }
    return [[name, given]];
  });
  return Object.fromEntries(fields);
}

const bodyOf = ({ body }: ReceivedRequest) => {
  const parsed = JSON.parse(body) as Record<string, unknown> | Record<string, unknown>[];
  return Array.isArray(parsed) ? parsed.map(meaning) : meaning(parsed);
};

function expectSame(): void {
  const [ours, theirs] = emulator.received();
  if (ours === undefined || theirs === undefined) throw new Error("two requests were made");
  expect(bodyOf(ours)).toEqual(bodyOf(theirs));
  expect(ours.url).toBe(theirs.url);
  for (const name of ["x-postmark-server-token", "accept", "content-type"]) {
    expect(ours.headers[name], name).toBe(theirs.headers[name]);
  }
}

const MESSAGES: Readonly<Record<string, OutgoingMessage>> = {
  "a minimal message": outgoing(),
  "everything at once": FULL,
  "fifty recipients": outgoing({
    to: Array.from({ length: 30 }, (_, index) => mailbox(`To ${index} <to${index}@x.example>`)),
    cc: Array.from({ length: 10 }, (_, index) => mailbox(`cc${index}@x.example`)),
    bcc: Array.from({ length: 10 }, (_, index) => mailbox(`bcc${index}@x.example`)),
  }),
  "an inline attachment alone": outgoing({
    html: "<img src=cid:logo>",
    attachments: FULL.attachments.slice(2),
  }),
  "any script": outgoing({
    from: mailbox("Ünïcode 会社 <news@acme.example>"),
    subject: "\u{1f600} שלום \u2014 Привет",
    text: "日本語\n",
    replyTo: [mailbox("Antwort ☎ <a@acme.example>"), mailbox('"B, C" <b@acme.example>')],
  }),
  "a tracked broadcast": outgoing({
    lane: "broadcast",
    extras: { opens: true, clicks: true, unsubscribe: false },
  }),
};

describe("Postmark's own client says the same, and the emulator takes it", () => {
  for (const [name, message] of Object.entries(MESSAGES)) {
    test(name, async () => {
      emulator.reset();
      const outcome = await makeProvider(under, emulator).send(message, depsFor());
      expect(outcome.kind).toBe("accepted");
      expect(await client.sendEmail(written(message))).toMatchObject({ ErrorCode: 0 });
      expectSame();
      expect(emulator.counts().accepted).toMatchObject([{ key: message.id, count: 2 }]);
    });
  }

  test("a batch", async () => {
    emulator.reset();
    const messages = [member(0), member(1), { ...FULL, id: member(2).id }];
    const outcomes = await makeProvider(under, emulator).sendBatch?.(messages, "", depsFor());
    expect(outcomes?.map(({ kind }) => kind)).toEqual(["accepted", "accepted", "accepted"]);
    await client.sendEmailBatch(messages.map(written));
    expectSame();
    expect(emulator.counts()).toMatchObject({ acceptances: 6, requests: 2 });
  });

  test("the client reads the emulator's refusals: inactive recipients, the token", async () => {
    emulator.reset();
    emulator.control({ refuse: [0, 1] });
    const to = [mailbox("a@x.example"), mailbox("b@x.example")];
    await expect(client.sendEmail(written(outgoing({ to })))).rejects.toMatchObject({
      name: "InactiveRecipientsError",
      recipients: ["a@x.example", "b@x.example"],
    });
    emulator.control({ refuse: [1] });
    const { Message: said } = await client.sendEmail(written(outgoing({ to })));
    expect(Errors.InactiveRecipientsError.parseInactiveRecipients(said)).toEqual(["b@x.example"]);
    const stranger = new ServerClient("other", client.getClientOptions());
    await expect(stranger.sendEmail(written(outgoing()))).rejects.toMatchObject({
      name: "InvalidAPIKeyError",
      code: 10,
    });
  });

  test("the client finds a message by our id, as we do", async () => {
    emulator.reset();
    const provider = makeProvider(under, emulator);
    await provider.send(FULL, depsFor());
    const found = await client.getOutboundMessages({ metadata_postern_id: FULL.id });
    const ours = await provider.lookup?.(FULL, depsFor());
    const providerMessageId = found.Messages[0]?.MessageID;
    expect(ours).toEqual({ ok: true, value: { kind: "accepted", providerMessageId } });
  });
});
