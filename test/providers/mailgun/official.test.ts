/** The requests of our adapter and of Mailgun's own client, for the same messages. */
import Mailgun from "mailgun.js";
import type { MailgunMessageData } from "mailgun.js/definitions";
import { describe, expect, test } from "vitest";
import { formatMailbox } from "../../../src/core/address.ts";
import { compose } from "../../../src/mime/compose.ts";
import { mailgun } from "../../../src/providers/mailgun/send.ts";
import type { OutgoingMessage } from "../../../src/providers/provider.ts";
import { wireOf } from "../../contract/adapter.ts";
import { FULL, mailbox, outgoing } from "../../contract/messages.ts";
import type { ReceivedRequest } from "../../emulator/emulator.ts";
import { mailgunEmulator } from "../../emulator/mailgun.ts";

const under = { definition: mailgun, emulator: mailgunEmulator };
const { settings, secrets } = mailgunEmulator.source("");
const DOMAIN = String(settings.domain);
const KEY = String(secrets.MAILGUN_API_KEY);

/** Sends with the official client to an emulator of its own; what arrived, and the answer. */
async function official(data: MailgunMessageData) {
  const emulator = await mailgunEmulator.start();
  try {
    const options = { username: "api", key: KEY, url: emulator.url, useFetch: true };
    const result = await new Mailgun(FormData).client(options).messages.create(DOMAIN, data);
    const [request] = emulator.received();
    if (request === undefined) throw new Error("nothing arrived");
    return { request, result, accepted: emulator.counts().accepted };
  } finally {
    await emulator.close();
  }
}

/** What a request means: where it goes, as whom, and each field with its values in order. */
async function meaningOf({ method, url, headers, bytes }: ReceivedRequest) {
  const type = String(headers["content-type"]);
  const sent = new Response(new Uint8Array(bytes), { headers: { "content-type": type } });
  const fields: Record<string, unknown[]> = {};
  for (const [name, value] of await sent.formData()) {
    const content =
      typeof value === "string"
        ? value
        : {
            bytes: Buffer.from(await value.arrayBuffer()).toString("base64"),
            ...named(name, value),
          };
    fields[name] = [...(fields[name] ?? []), content];
  }
  return { method, url, authorization: headers.authorization, fields };
}

/** Mailgun reads name and type of a file, but for `message`, of which it reads the content. */
const named = (field: string, { name, type }: File) => (field === "message" ? {} : { name, type });

/** The options of a message as a user of the client writes them. */
function optionsOf(message: OutgoingMessage): Record<string, string | string[] | boolean> {
  const variables = { postern_id: message.id, postern_account: message.account };
  const { opens, clicks } = message.extras;
  return {
    ...Object.fromEntries(
      Object.entries({ ...message.metadata, ...variables }).map(([name, value]) => [
        `v:${name}`,
        value,
      ]),
    ),
    ...(message.tags.length > 0
      ? { "o:tag": message.tags.map(({ name, value }) => `${name}:${value}`) }
      : {}),
    "o:tracking": opens || clicks ? "yes" : "no",
    "o:tracking-opens": opens ? "yes" : "no",
    "o:tracking-clicks": clicks ? "yes" : "no",
  };
}

/** The whole message as a user of the client writes it. */
function dataOf(message: OutgoingMessage): MailgunMessageData {
  const files = message.attachments.map(({ filename, content, contentType, contentId }) => ({
    inline: contentId !== undefined,
    // Of a plain buffer, the client sends no content type with a web form.
    file: new File([Buffer.from(content, "base64")], filename, { type: contentType ?? "" }),
  }));
  const chosen = (inline: boolean) => files.filter((one) => one.inline === inline);
  const list = (name: string, values: readonly unknown[]) =>
    values.length > 0 ? { [name]: values } : {};
  const headers = Object.entries(message.headers).map(([name, value]) => [`h:${name}`, value]);
  return {
    from: formatMailbox(message.from),
    to: message.to.map(formatMailbox),
    ...list("cc", message.cc.map(formatMailbox)),
    ...list("bcc", message.bcc.map(formatMailbox)),
    subject: message.subject,
    text: message.text ?? "",
    ...(message.html === undefined ? {} : { html: message.html }),
    ...(message.replyTo.length > 0
      ? { "h:Reply-To": message.replyTo.map(formatMailbox).join(", ") }
      : {}),
    "h:Message-Id": `<${message.messageId}>`,
    ...Object.fromEntries(headers),
    ...list(
      "attachment",
      chosen(false).map(({ file }) => file),
    ),
    ...list(
      "inline",
      chosen(true).map(({ file }) => file),
    ),
    ...optionsOf(message),
  };
}

const INLINE = { filename: "l.png", content: "iVBORw0K", contentType: "image/png" };
const MESSAGES: Readonly<Record<string, OutgoingMessage>> = {
  minimal: outgoing(),
  "everything at once": {
    ...FULL,
    attachments: [...FULL.attachments.slice(0, 2), { ...INLINE, contentId: "l.png" }],
    extras: { opens: true, clicks: false, unsubscribe: false },
  },
  "many recipients": outgoing({
    to: Array.from({ length: 40 }, (_, no) => mailbox(`R ${no} <r${no}@customer.example>`)),
    cc: [mailbox("c@customer.example"), mailbox('"C, D" <d@customer.example>')],
    bcc: [mailbox("e@customer.example")],
  }),
  "several tags": outgoing({ tags: ["a", "b", "c"].map((name) => ({ name, value: "1" })) }),
  "an inline file whose content id is its name": outgoing({
    html: "<img src=cid:l.png>",
    attachments: [{ ...INLINE, contentId: "l.png" }],
  }),
  unicode: outgoing({
    from: mailbox("Größe 日本 <news@acme.example>"),
    to: [mailbox("Łucja \u{1f600} <l@bücher.example>")],
    subject: "日本語 \u{1f600}",
    text: "línea\nдва\n",
    metadata: { note: "Ünïcode" },
    attachments: [{ filename: "Übersicht 日本.txt", content: "w7w=", contentType: "text/plain" }],
  }),
};

describe("Mailgun's own client and this adapter ask the same", () => {
  test.each(Object.entries(MESSAGES))("%s", async (_, message) => {
    const theirs = await official(dataOf(message));
    expect(theirs.result).toMatchObject({ status: 200, message: "Queued. Thank you." });
    expect(theirs.accepted).toMatchObject([{ key: message.id, count: 1 }]);
    const ours = await wireOf(under, message);
    expect(ours.outcome).toMatchObject({ kind: "accepted" });
    expect(await meaningOf(ours)).toEqual(await meaningOf(theirs.request));
  });

  test("a built message", async () => {
    const theirs = await official({
      to: [...FULL.to, ...FULL.cc, ...FULL.bcc].map((one) => `${one.local}@${one.asciiDomain}`),
      message: Buffer.from(compose(FULL)),
      ...optionsOf(FULL),
    });
    expect(theirs.accepted).toMatchObject([{ key: FULL.id, count: 1 }]);
    const ours = await wireOf(under, FULL);
    expect(ours.url).toBe(`/v3/${DOMAIN}/messages.mime`);
    expect(await meaningOf(ours)).toEqual(await meaningOf(theirs.request));
  });
});
