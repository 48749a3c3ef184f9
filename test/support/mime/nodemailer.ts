/** nodemailer as a second composer, and where it is known to say something else than was given. */
import MailComposer from "nodemailer/lib/mail-composer";
import type { Mailbox } from "../../../src/core/address.ts";
import { refusalOfHeader } from "../../../src/core/header-names.ts";
import type { Composable } from "../../../src/mime/compose.ts";
import { expected, type Meaning } from "./meaning.ts";

/** The same message as nodemailer composes it. */
export async function byNodemailer(message: Composable): Promise<string> {
  const people = (list: readonly Mailbox[]) =>
    list.map((one) => ({ name: one.name ?? "", address: `${one.local}@${one.asciiDomain}` }));
  const composer = new MailComposer({
    messageId: `<${message.messageId}>`,
    date: new Date(message.createdAt),
    from: people([message.from]),
    to: people(message.to),
    cc: people(message.cc),
    replyTo: people(message.replyTo),
    subject: message.subject,
    ...(message.text === undefined ? {} : { text: message.text }),
    ...(message.html === undefined ? {} : { html: message.html }),
    headers: { ...message.headers },
    attachments: message.attachments.map((file) => ({
      filename: file.filename,
      content: Buffer.from(file.content, "base64"),
      ...(file.contentType === undefined ? {} : { contentType: file.contentType }),
      ...(file.contentId === undefined ? {} : { cid: file.contentId }),
    })),
  });
  return (await composer.compile().build()).toString("utf8");
}

const NO_IDENTIFIER = "an identifier that cannot be one";

/**
 * Why a field of nodemailer's message may be read as something else than was given; null where it
 * has to be the same.
 */
export function reasonOf(field: keyof Meaning, message: Composable): string | null {
  return OF_FIELD[field](message) ?? (OF_PARTS.has(field) ? ofParts(message) : null);
}

/** What hangs on the fields of the header and of the parts being in order. */
const OF_PARTS: ReadonlySet<keyof Meaning> = new Set(["text", "html", "files", "headers"]);

function ofParts({ headers, attachments }: Composable): string | null {
  if (Object.keys(headers).some((name) => !isCallers(name))) {
    // It writes them, in place of its own Content-Type.
    return "a field that is not the caller's";
  }
  // It writes the type as given: no type, a multipart, or a message that breaks the structure.
  const bad = attachments.some(({ contentType, filename }) => isBad(contentType, filename));
  return bad ? "a content type that is none, or a composite one" : null;
}

/** What `refusalOfHeader` takes of the names that can be one. */
function isCallers(name: string): boolean {
  return /^[!-9;-~]+$/.test(name) && refusalOfHeader(name) === null;
}

function isBad(type: string | undefined, filename: string): boolean {
  if (type === undefined) return /\.eml$/i.test(filename);
  return /^(?:multipart|message)\/|^bad$|[\r\né]|;;/.test(type);
}

const OF_FIELD: Readonly<Record<keyof Meaning, (message: Composable) => string | null>> = {
  from: ({ from }) => ofText([from.name]),
  to: ({ to }) => ofText(to.map(({ name }) => name)),
  cc: ({ cc }) => ofText(cc.map(({ name }) => name)),
  replyTo: ({ replyTo }) => ofText(replyTo.map(({ name }) => name)),
  subject: ({ subject }) => ofText([subject]),
  headers: ({ headers }) => ofText(Object.values(headers)),
  messageId: (message) =>
    message.messageId === expected(message).messageId ? null : NO_IDENTIFIER,
  date: () => null,
  text: ({ text }) => ofBody(text),
  html: ({ html }) => ofBody(html),
  files: (message) =>
    ofOrder(message) ??
    ofText(message.attachments.map(({ filename }) => filename)) ??
    ofNames(message) ??
    ofContentIds(message),
};

function ofText(texts: readonly (string | null)[]): string | null {
  // It encodes them, so that a reader has them in its hands.
  if (texts.some((text) => /[^\P{Cc}\t]/u.test(text ?? ""))) return "control characters";
  if (texts.some((text) => /^\s|\s$|\s\s/.test(text ?? ""))) return "white space at ends, in a row";
  // It leaves ASCII as it is, so that a reader decodes it.
  if (texts.some((text) => text?.includes("=?"))) return "what looks like an encoded-word";
  return null;
}

function ofBody(text: string | undefined): string | null {
  return /\r(?!\n)/.test(text ?? "") ? "a CR as a line break" : null;
}

function ofOrder({ html, attachments }: Composable): string | null {
  // It takes an empty body for none, with which nothing is inline.
  const inline = attachments.some(({ contentId }) => !!contentId);
  return html === "" && inline ? "an inline file beside an empty body" : null;
}

function ofNames({ attachments }: Composable): string | null {
  // It makes up a name, or knows no type.
  const nameless = attachments.some(({ filename }) => /^$|(?:^|\/)\.[^./]*$/.test(filename));
  return nameless ? "a file named by its extension alone" : null;
}

function ofContentIds({ attachments, ...message }: Composable): string | null {
  const ids = expected({ ...message, attachments }).files.map(({ contentId }) => contentId);
  return attachments.every(({ contentId }) => ids.includes(contentId ?? "")) ? null : NO_IDENTIFIER;
}
