/** Our requests beside those of Resend's own client for the same messages. */
import { type CreateEmailOptions, Resend } from "resend";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { formatMailbox } from "../../../src/core/address.ts";
import type { OutgoingMessage } from "../../../src/providers/provider.ts";
import { resend } from "../../../src/providers/resend/send.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { FULL, mailbox, member, outgoing } from "../../contract/messages.ts";
import type { Emulator, ReceivedRequest } from "../../emulator/emulator.ts";
import { resendEmulator } from "../../emulator/resend.ts";

const under = { definition: resend, emulator: resendEmulator };
const API_KEY = String(resendEmulator.source("").secrets.RESEND_API_KEY);
let emulator: Emulator;
let client: Resend;
beforeAll(async () => {
  emulator = await resendEmulator.start();
  client = new Resend(API_KEY, { baseUrl: emulator.url });
});
beforeEach(() => emulator.reset());
afterAll(() => emulator.close());

/** A message as a user of the client writes it. */
function written(message: OutgoingMessage): CreateEmailOptions {
  const list = (mailboxes: OutgoingMessage["cc"]) =>
    mailboxes.length > 0 ? mailboxes.map(formatMailbox) : undefined;
  const count = message.to.length + message.cc.length + message.bcc.length;
  const tags = [
    ...message.tags,
    ...Object.entries(message.metadata).map(([name, value]) => ({
      name,
      value: value.replace(/[^\w-]/g, "_"),
    })),
    { name: "postern_id", value: message.id },
    { name: "postern_account", value: message.account },
    ...(count > 1 ? [{ name: "postern_recipients", value: String(count) }] : []),
  ];
  return {
    from: formatMailbox(message.from),
    to: message.to.map(formatMailbox),
    cc: list(message.cc),
    bcc: list(message.bcc),
    replyTo: list(message.replyTo),
    subject: message.subject,
    ...(message.html === undefined ? {} : { html: message.html }),
    ...(message.text === undefined ? {} : { text: message.text }),
    headers: { ...message.headers },
    tags,
    attachments: message.attachments.map(({ filename, content, contentType, contentId }) => ({
      filename,
      content,
      ...(contentType === undefined ? {} : { contentType }),
      ...(contentId === undefined ? {} : { contentId }),
    })),
  } as CreateEmailOptions;
}

/** What a request says: an empty list or object says nothing. */
function meaning(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(meaning);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(
    ([, given]) => given !== null && !(typeof given === "object" && Object.keys(given).length < 1),
  );
  return Object.fromEntries(fields.map(([name, given]) => [name, meaning(given)]));
}

const said = ({ method, url, headers, body }: ReceivedRequest) => ({
  method,
  url,
  authorization: headers.authorization,
  key: headers["idempotency-key"],
  type: String(headers["content-type"]).split(";")[0],
  validation: headers["x-batch-validation"],
  body: meaning(JSON.parse(body)),
});

const both = () => emulator.received().map(said);

describe("the same message, sent by us and by Resend's own client", () => {
  test.each<[string, OutgoingMessage]>([
    ["minimal", outgoing()],
    ["everything at once", FULL],
    [
      "many recipients",
      outgoing({
        to: Array.from({ length: 40 }, (_, n) => mailbox(`Person ${n} <p${n}@customer.example>`)),
      }),
    ],
    ["html only, in other scripts", outgoing({ text: "", html: "<p>日本語</p>", subject: "你好" })],
  ])("%s, carries the same meaning", async (_, message) => {
    const ours = await makeProvider(under, emulator).send(message, depsFor());
    const idempotencyKey = message.idempotencyKey;
    // Else the second would be taken for a repeat of the first.
    emulator.control({ deduplicates: false });
    const theirs = await client.emails.send(written(message), { idempotencyKey });
    expect(ours.kind).toBe("accepted");
    expect(theirs.error).toBeNull();
    const [one, other] = both();
    expect(one).toEqual(other);
  });

  test("a batch carries the same meaning", async () => {
    const messages = [member(0), member(1), member(2)];
    const provider = makeProvider(under, emulator);
    const ours = await provider.sendBatch?.(messages, "key-1", depsFor());
    emulator.control({ deduplicates: false });
    const theirs = await client.batch.send(messages.map(written), {
      idempotencyKey: "key-1",
      batchValidation: "permissive",
    });
    expect(ours?.map(({ kind }) => kind)).toEqual(["accepted", "accepted", "accepted"]);
    expect(theirs.data?.data).toHaveLength(3);
    const [one, other] = both();
    expect(one).toEqual(other);
  });
});
