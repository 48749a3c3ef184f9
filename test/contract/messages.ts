/** Messages that every adapter is given. */
import { type Mailbox, parseMailbox } from "../../src/core/address.ts";
import type { OutgoingMessage } from "../../src/providers/provider.ts";

/** A mailbox from its text; throws if it is none. */
export function mailbox(text: string): Mailbox {
  const parsed = parseMailbox(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.error}`);
  return parsed.value;
}

/** A message with the fewest fields, or with those given. */
export function outgoing(fields: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    id: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
    account: "acme",
    attempt: 1,
    idempotencyKey: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
    messageId: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b@acme.example",
    createdAt: 1_800_000_000_000,
    stream: "transactional",
    lane: "transactional",
    from: mailbox("Acme <news@acme.example>"),
    to: [mailbox("jane.roe@customer.example")],
    cc: [],
    bcc: [],
    recipientNumbers: [0],
    replyTo: [],
    subject: "Hello",
    text: "Hello Jane",
    headers: {},
    tags: [],
    metadata: {},
    attachments: [],
    extras: { opens: false, clicks: false, unsubscribe: false },
    expiresAt: 4_000_000_000_000,
    ...fields,
  };
}

/** Every field at once, with what is awkward to encode. */
export const FULL = outgoing({
  from: mailbox('"Acme, Inc." <news@acme.example>'),
  to: [mailbox("jane.roe@customer.example"), mailbox("Jürgen <jurgen@customer.example>")],
  cc: [mailbox('"cc \\"person\\" 日本" <cc.person@bücher.example>')],
  bcc: [mailbox("bcc.person@customer.example")],
  recipientNumbers: [0, 1, 2, 3],
  replyTo: [mailbox("Hilfe für alle <support@acme.example>")],
  subject: 'Grüße \u{1f600} "quoted"',
  html: "<p>Grüße</p><img src=cid:logo>",
  text: "Grüße\n.\nFrom here\n",
  headers: {
    "X-Entity-Ref-ID": "42",
    "List-Unsubscribe": "<https://acme.example/u>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
  },
  tags: [{ name: "campaign", value: "spring_2026" }],
  metadata: { order: "Nº 7/42" },
  attachments: [
    { filename: "a.txt", content: "aGVsbG8=", contentType: "text/plain" },
    { filename: "Grüße 2026.pdf", content: "JVBERi0xLjQK" },
    { filename: "l.png", content: "iVBORw0K", contentType: "image/png", contentId: "logo" },
  ],
});

/** A message of a batch: the same content as the others', with an id and recipient of its own. */
export function member(index: number, fields: Partial<OutgoingMessage> = {}): OutgoingMessage {
  const id = `0190a1b2-c3d4-7e5f-8a9b-${String(index).padStart(12, "0")}`;
  return outgoing({
    id,
    idempotencyKey: id,
    messageId: `${id}@acme.example`,
    stream: "broadcast",
    lane: "broadcast",
    to: [mailbox(`Jane <jane.roe${index}@customer.example>`)],
    ...fields,
  });
}
