/**
 * The official client, given the same message, asks the same of SES as the adapter does. Where the
 * adapter sends MIME, what a reader makes of it is what the client's fields say.
 */
import { SESv2Client, SendEmailCommand, type SendEmailCommandInput } from "@aws-sdk/client-sesv2";
import PostalMime, { type Address, decodeWords } from "postal-mime";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Mailbox } from "../../../src/core/address.ts";
import type { OutgoingMessage } from "../../../src/providers/provider.ts";
import { ses } from "../../../src/providers/ses/send.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { FULL, mailbox, outgoing } from "../../contract/messages.ts";
import type { Emulator } from "../../emulator/emulator.ts";
import { REGION, ROLE_KEY, sesEmulator, USER_KEY } from "../../emulator/ses.ts";

let emulator: Emulator;
beforeAll(async () => {
  emulator = await sesEmulator.start();
});
beforeEach(() => emulator.reset());
afterAll(() => emulator.close());

const client = (credentials: typeof USER_KEY | typeof ROLE_KEY = USER_KEY) =>
  new SESv2Client({ region: REGION, endpoint: emulator.url, maxAttempts: 1, credentials });

/** The body of the last request that the emulator was sent. */
const lastBody = () => JSON.parse(emulator.received().at(-1)?.body ?? "{}");

/** RFC 2047 in the plainest way there is: one word in base64. */
const word = (text: string) =>
  /^[ -~]*$/.test(text) ? text : `=?utf-8?B?${Buffer.from(text).toString("base64")}?=`;

function official({ name, local, asciiDomain }: Mailbox): string {
  const address = `${local}@${asciiDomain}`;
  if (name === null) return address;
  const encoded = word(name);
  return encoded === name ? `"${name}" <${address}>` : `${encoded} <${address}>`;
}

/** A message as a user of the official client writes it. */
function inputOf(message: OutgoingMessage): SendEmailCommandInput {
  const list = (mailboxes: readonly Mailbox[]) =>
    mailboxes.length > 0 ? mailboxes.map(official) : undefined;
  const tags = {
    postern_id: message.id,
    postern_account: message.account,
    postern_stream: message.stream,
    ...Object.fromEntries(message.tags.map(({ name, value }) => [name, value])),
    ...message.metadata,
  };
  const data = (text: string | undefined) =>
    text === undefined ? undefined : { Data: text, Charset: "UTF-8" };
  return {
    FromEmailAddress: official(message.from),
    Destination: {
      ToAddresses: list(message.to),
      CcAddresses: list(message.cc),
      BccAddresses: list(message.bcc),
    },
    ReplyToAddresses: list(message.replyTo),
    Content: {
      Simple: {
        Subject: { Data: message.subject, Charset: "UTF-8" },
        Body: { Text: data(message.text), Html: data(message.html) },
        Headers: Object.entries(message.headers).map(([Name, Value]) => ({ Name, Value })),
        Attachments: message.attachments.map((one) => ({
          FileName: one.filename,
          RawContent: Buffer.from(one.content, "base64"),
          ContentType: one.contentType,
          ContentDisposition: one.contentId === undefined ? "ATTACHMENT" : "INLINE",
          ContentId: one.contentId,
          ContentTransferEncoding: "BASE64",
        })),
      },
    },
    EmailTags: Object.entries(tags).map(([Name, value]) => ({
      Name,
      Value: value.replace(/[^\w-]/g, "_"),
    })),
    ConfigurationOverrides: {
      Tracking: { OpenTrackingEnabled: "DISABLED", ClickTrackingEnabled: "DISABLED" },
    },
  };
}

/** What SendEmail's JSON has, as far as it is compared. */
interface Body {
  readonly FromEmailAddress: string;
  readonly Destination: Readonly<Record<string, readonly string[]>>;
  readonly ReplyToAddresses?: readonly string[];
  readonly Content: { readonly Simple?: Simple; readonly Raw?: { readonly Data: string } };
  readonly EmailTags: readonly { readonly Name: string; readonly Value: string }[];
  readonly ConfigurationOverrides: unknown;
}

interface Simple {
  readonly Subject: { readonly Data: string };
  readonly Body: { readonly Text?: { Data: string }; readonly Html?: { Data: string } };
  readonly Headers?: readonly { readonly Name: string; readonly Value: string }[];
  readonly Attachments?: readonly Readonly<Record<string, string>>[];
}

/** Mailboxes as a reader of mail sees them. */
async function read(texts: readonly string[] = []): Promise<readonly Address[]> {
  const parsed = texts.map((one) => PostalMime.parse(`To: ${one}\r\n\r\n`));
  return (await Promise.all(parsed)).flatMap(({ to }) => to ?? []);
}

/** Line breaks as text has them everywhere but on the wire, and none at the end. */
const plain = (text: string | undefined) => text?.replace(/\r\n/g, "\n").replace(/\n+$/, "");

const byName = <One extends { readonly name: string | null }>(list: readonly One[]) =>
  list.toSorted((a, b) => String(a.name).localeCompare(String(b.name)));

/** What simple content and the fields beside it say. */
async function meaningOfSimple({ ReplyToAddresses }: Body, simple: Simple) {
  return {
    subject: simple.Subject.Data,
    text: plain(simple.Body.Text?.Data),
    html: plain(simple.Body.Html?.Data),
    replyTo: await read(ReplyToAddresses),
    headers: byName(
      (simple.Headers ?? []).map(({ Name, Value }) => ({ name: Name.toLowerCase(), value: Value })),
    ),
    files: byName(
      (simple.Attachments ?? []).map((one) => ({
        name: one.FileName ?? null,
        content: one.RawContent,
        inline: one.ContentDisposition === "INLINE",
        contentId: one.ContentId ?? null,
        type: one.ContentType ?? null,
      })),
    ),
  };
}

/** What a reader makes of MIME; of its header, the fields that a caller has set. */
async function meaningOfRaw(data: string, message: OutgoingMessage) {
  const parsed = await PostalMime.parse(Buffer.from(data, "base64"));
  const names = Object.keys(message.headers).map((name) => name.toLowerCase());
  const typed = new Map(message.attachments.map((one) => [one.filename, one.contentType]));
  expect(parsed.from).toEqual((await read([official(message.from)]))[0]);
  expect(parsed.to ?? []).toEqual(await read(message.to.map(official)));
  expect(parsed.cc ?? []).toEqual(await read(message.cc.map(official)));
  return {
    subject: parsed.subject,
    text: plain(parsed.text),
    html: plain(parsed.html),
    replyTo: parsed.replyTo ?? [],
    headers: byName(
      parsed.headers
        .filter(({ key }) => names.includes(key))
        .map(({ key, value }) => ({ name: key, value: decodeWords(value) })),
    ),
    files: byName(
      parsed.attachments.map((one) => ({
        name: one.filename,
        content: Buffer.from(one.content as ArrayBuffer).toString("base64"),
        inline: one.disposition === "inline",
        contentId: one.contentId?.replace(/^<|>$/g, "") ?? null,
        // Where none is given, either side goes by the extension.
        type: typed.get(one.filename ?? "") === undefined ? null : one.mimeType,
      })),
    ),
  };
}

async function meaningOf(body: Body, message: OutgoingMessage) {
  const { Simple: simple, Raw: raw } = body.Content;
  const { ToAddresses, CcAddresses, BccAddresses } = body.Destination;
  return {
    from: await read([body.FromEmailAddress]),
    to: await read(ToAddresses),
    cc: await read(CcAddresses),
    bcc: await read(BccAddresses),
    tags: byName(body.EmailTags.map(({ Name, Value }) => ({ name: Name, value: Value }))),
    overrides: body.ConfigurationOverrides,
    content:
      simple === undefined
        ? await meaningOfRaw(raw?.Data ?? "", message)
        : await meaningOfSimple(body, simple),
  };
}

const fifty = Array.from({ length: 50 }, (_, at) =>
  mailbox(`Reader ${at} <r${at}@bücher.example>`),
);
const logo = {
  filename: "l.png",
  content: "iVBORw0K",
  contentType: "image/png",
  contentId: "logo",
};

const MESSAGES: Readonly<Record<string, readonly [OutgoingMessage, "Simple" | "Raw"]>> = {
  minimal: [outgoing(), "Simple"],
  "everything at once": [FULL, "Raw"],
  "many recipients": [
    outgoing({ to: fifty.slice(0, 20), cc: fifty.slice(20, 35), bcc: fifty.slice(35) }),
    "Simple",
  ],
  "an inline image": [
    outgoing({ html: "<p>Hello<img src=cid:logo></p>", attachments: [logo] }),
    "Simple",
  ],
  "unicode wherever SES has fields for it": [
    outgoing({
      from: mailbox("Ægir & Søn <news@acme.example>"),
      to: [mailbox('"田中, 太郎" <jane.roe@bücher.example>')],
      replyTo: [mailbox("Поддержка <support@acme.example>"), mailbox("b@acme.example")],
      subject: "Grüße \u{1f600} مرحبا",
      text: "naïve\n\u{1f680}\n",
      html: "<p>naïve \u{1f680}</p>",
      headers: { "X-Entity-Ref-ID": "42", "List-Unsubscribe": "<https://acme.example/u>" },
    }),
    "Simple",
  ],
  "unicode where SES has none": [
    outgoing({
      headers: { "X-Note": "Grüße \u{1f600}" },
      attachments: [{ filename: "Übersicht 日本.pdf", content: "JVBERi0xLjQK" }],
    }),
    "Raw",
  ],
};

describe("the official client and the adapter", () => {
  for (const [name, [message, form]] of Object.entries(MESSAGES)) {
    test(`say the same of a message: ${name}`, async () => {
      const outcome = await makeProvider({ definition: ses, emulator: sesEmulator }, emulator).send(
        message,
        depsFor(),
      );
      expect(outcome).toMatchObject({ kind: "accepted", refused: [] });
      expect(lastBody().Content).toHaveProperty(form);
      const ours = await meaningOf(lastBody(), message);
      // SES has no fields for what is sent as MIME: the client's request is recorded all the same.
      await client()
        .send(new SendEmailCommand(inputOf(message)))
        .catch(() => {});
      expect(emulator.received()).toHaveLength(2);
      expect(ours).toEqual(await meaningOf(lastBody(), message));
    });
  }
});

describe("the emulator", () => {
  const command = () => new SendEmailCommand(inputOf(outgoing()));

  test("takes what the official client signs, with a role's token and without", async () => {
    for (const credentials of [USER_KEY, ROLE_KEY]) {
      expect(await client(credentials).send(command())).toMatchObject({
        MessageId: emulator.counts().accepted[0]?.providerIds.at(-1),
      });
    }
    expect(emulator.counts().acceptances).toBe(2);
  });

  test("refuses the official client with errors that it knows by their names", async () => {
    const forged = client({ ...USER_KEY, secretAccessKey: "wrong" } as never);
    await expect(forged.send(command())).rejects.toThrow(
      expect.objectContaining({ name: "InvalidSignatureException" }),
    );
    const input = { ...inputOf(outgoing()), EmailTags: [{ Name: "a b", Value: "c" }] };
    await expect(client().send(new SendEmailCommand(input))).rejects.toThrow(
      expect.objectContaining({ name: "BadRequestException" }),
    );
    for (const name of ["MessageRejected", "com.amazonaws.sesv2#SendingPausedException"]) {
      emulator.control({ mode: "error", status: 400, name, message: "why" });
      await expect(client().send(command())).rejects.toThrow(
        expect.objectContaining({ name: name.split("#").at(-1), message: "why" }),
      );
    }
    expect(emulator.counts().acceptances).toBe(0);
  });
});
