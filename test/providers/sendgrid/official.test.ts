/** Our requests beside those of SendGrid's own client for the same messages. */
import mail from "@sendgrid/mail";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { OutgoingMessage } from "../../../src/providers/provider.ts";
import { sendgrid } from "../../../src/providers/sendgrid/send.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { FULL, mailbox, member, outgoing } from "../../contract/messages.ts";
import type { Emulator } from "../../emulator/emulator.ts";
import { sendgridEmulator } from "../../emulator/sendgrid.ts";

const under = { definition: sendgrid, emulator: sendgridEmulator };
const API_KEY = String(sendgridEmulator.source("").secrets.SENDGRID_API_KEY);
const GROUP = { unsubscribe_group: 42 };
type MailData = Parameters<typeof mail.send>[0];
/** The client has this member, though its types do not. */
const { client } = mail as unknown as {
  client: { setDefaultRequest(name: "baseUrl", value: string): void };
};
let emulator: Emulator;
beforeAll(async () => {
  emulator = await sendgridEmulator.start();
  mail.setApiKey(API_KEY);
  client.setDefaultRequest("baseUrl", emulator.url);
});
beforeEach(() => emulator.reset());
afterAll(() => emulator.close());

/** Messages as a user of the client writes them: in camel case, with mailboxes as objects. */
function written(messages: readonly [OutgoingMessage, ...OutgoingMessage[]]): MailData {
  const [{ from, replyTo, subject, text, html, tags, attachments, extras }] = messages;
  const one = ({ name, local, asciiDomain }: OutgoingMessage["from"]) => {
    const email = `${local}@${asciiDomain}`;
    return name === null ? { email } : { email, name };
  };
  const list = (mailboxes: OutgoingMessage["to"]) =>
    mailboxes.length > 0 ? mailboxes.map(one) : undefined;
  const given = {
    from: one(from),
    ...(replyTo.length > 1 ? { replyToList: replyTo.map(one) } : {}),
    ...(replyTo.length === 1 && replyTo[0] !== undefined ? { replyTo: one(replyTo[0]) } : {}),
    subject,
    text,
    html,
    categories: tags.map(({ name, value }) => `${name}:${value}`),
    attachments: attachments.map(({ filename, content, contentType, contentId }) => ({
      filename,
      content,
      type: contentType,
      disposition: contentId === undefined ? "attachment" : "inline",
      // The client turns no names into snake case inside a list.
      content_id: contentId,
    })),
    ...(extras.unsubscribe ? { asm: { groupId: 42 } } : {}),
    mailSettings: { footer: { enable: false } },
    trackingSettings: {
      clickTracking: { enable: extras.clicks, enableText: extras.clicks },
      openTracking: { enable: extras.opens },
      subscriptionTracking: { enable: false },
      ganalytics: { enable: false },
    },
    personalizations: messages.map((message) => ({
      to: message.to.map(one),
      cc: list(message.cc),
      bcc: list(message.bcc),
      headers: { ...message.headers, "Message-ID": `<${message.messageId}>` },
      customArgs: {
        ...message.metadata,
        postern_id: message.id,
        postern_account: message.account,
      },
    })),
  };
  return given as unknown as MailData;
}

function expectSame(): void {
  const [ours, theirs] = emulator.received();
  if (ours === undefined || theirs === undefined) throw new Error("two requests were made");
  // JSON objects have no order, and a field that is not defined is not in them.
  expect(JSON.parse(ours.body)).toEqual(JSON.parse(theirs.body));
  expect(ours.url).toBe(theirs.url);
  expect(ours.method).toBe(theirs.method);
  for (const name of ["authorization", "content-type"]) {
    expect(ours.headers[name], name).toBe(theirs.headers[name]);
  }
}

const MESSAGES: Readonly<Record<string, OutgoingMessage>> = {
  "a minimal message": outgoing(),
  "everything at once": FULL,
  "a thousand recipients": outgoing({
    to: Array.from({ length: 400 }, (_, index) => mailbox(`To ${index} <to${index}@x.example>`)),
    cc: Array.from({ length: 300 }, (_, index) => mailbox(`cc${index}@x.example`)),
    bcc: Array.from({ length: 300 }, (_, index) => mailbox(`bcc${index}@x.example`)),
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
  "a broadcast with all of SendGrid's own": outgoing({
    lane: "broadcast",
    extras: { opens: true, clicks: true, unsubscribe: true },
  }),
};

describe("SendGrid's own client says the same, and the emulator takes it", () => {
  for (const [name, message] of Object.entries(MESSAGES)) {
    test(name, async () => {
      const outcome = await makeProvider(under, emulator, GROUP).send(message, depsFor());
      expect(outcome.kind).toBe("accepted");
      const [{ statusCode, headers }] = await mail.send(written([message]));
      expect(statusCode).toBe(202);
      expectSame();
      const [accepted] = emulator.counts().accepted;
      expect(accepted).toMatchObject({ key: message.id, count: 2 });
      expect(accepted?.providerIds[1]).toBe(headers["x-message-id"]);
    });
  }

  test("a batch", async () => {
    const messages = [member(0), member(1, { metadata: { order: "7" } }), member(2)] as const;
    await makeProvider(under, emulator).sendBatch?.(messages, "", depsFor());
    await mail.send(written([messages[0], messages[1], messages[2]]));
    expectSame();
    expect(emulator.counts()).toMatchObject({ acceptances: 6, requests: 2 });
  });

  test("a batch whose members each have a link to unsubscribe of their own", async () => {
    const one = (no: number) =>
      member(no, {
        headers: {
          "List-Unsubscribe": `<https://links.example.com/u/${no}>`,
          "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
      });
    const messages = [one(0), one(1), one(2)] as const;
    await makeProvider(under, emulator).sendBatch?.(messages, "", depsFor());
    await mail.send(written([messages[0], messages[1], messages[2]]));
    expectSame();
    const { personalizations } = JSON.parse(emulator.received()[0]?.body ?? "");
    expect(personalizations).toMatchObject(messages.map(({ headers }) => ({ headers })));
    expect(JSON.parse(emulator.received()[0]?.body ?? "")).not.toHaveProperty("headers");
  });

  test("the client reads the emulator's refusals", async () => {
    emulator.control({ refuse: [0] });
    await expect(mail.send(written([outgoing()]))).rejects.toMatchObject({
      code: 400,
      response: { body: { errors: [{ field: "personalizations.0.to.0.email" }] } },
    });
  });
});
