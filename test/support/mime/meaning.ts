/**
 * What a message says, as a reader of mail tells it. Expected of a composed message is what was
 * given, changed only as the composer's contract says:
 * - in a header, each CRLF and each control character but TAB is one space;
 * - lone surrogates are U+FFFD;
 * - line breaks of bodies are CRLF; that a body which is the whole message ends in one is not
 *   known to its reader;
 * - identifiers are printable ASCII without angle brackets;
 * - what is no content type is application/octet-stream, and so is a multipart, and a message that
 *   cannot be sent as it is.
 */

import type { Mailbox } from "../../../src/core/address.ts";
import { refusalOfHeader } from "../../../src/core/header-names.ts";
import type { Composable, ComposableFile } from "../../../src/mime/compose.ts";
import { contentOf, decodeText, leavesOf, readParameters, readPart, single } from "./read.ts";

/** A name and an address, both "" if there is none. */
export interface Person {
  readonly name: string;
  readonly address: string;
}

/** A file as it arrives. */
export interface ReadFile {
  readonly filename: string;
  readonly type: string;
  readonly contentId: string;
  readonly base64: string;
}

/** What a message says. */
export interface Meaning {
  readonly from: readonly Person[];
  readonly to: readonly Person[];
  readonly cc: readonly Person[];
  readonly replyTo: readonly Person[];
  readonly subject: string;
  readonly messageId: string;
  /** Unix milliseconds, whole seconds. */
  readonly date: number;
  readonly text: string;
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly files: readonly ReadFile[];
}

/** A header's text as it arrives. */
export function arriving(text: string): string {
  let line = "";
  for (const character of text.toWellFormed().replaceAll("\r\n", " ")) {
    const code = character.codePointAt(0) as number;
    const control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    line += control && character !== "\t" ? " " : character;
  }
  return line;
}

/** The header fields of a message, by name. */
export function fieldsOf(message: Composable): string[] {
  return [
    ...["Date", "From", "Subject", "Message-ID", "MIME-Version", "Content-Type"],
    ...(message.replyTo.length > 0 ? ["Reply-To"] : []),
    ...(message.to.length > 0 ? ["To"] : []),
    ...(message.cc.length > 0 ? ["Cc"] : []),
    ...(isMultipart(message) ? [] : ["Content-Transfer-Encoding"]),
    ...Object.keys(message.headers).filter(isAllowed),
  ];
}

function isAllowed(name: string): boolean {
  return /^[\x21-\x39\x3b-\x7e]+$/.test(name) && refusalOfHeader(name) === null;
}

function isMultipart({ text, html, attachments }: Composable): boolean {
  return attachments.length > 0 || (text !== undefined && html !== undefined);
}

/** What a reader should tell of a message. */
export function expected(message: Composable): Meaning {
  const people = (list: readonly Mailbox[]) =>
    list.map((one) => ({
      name: arriving(one.name ?? ""),
      address: `${one.local}@${one.asciiDomain}`,
    }));
  const whole = !isMultipart(message);
  const headers = Object.entries(message.headers).filter(([name]) => isAllowed(name));
  // Files that the HTML body holds come right after it.
  const inline = (file: ComposableFile) => message.html !== undefined && !!file.contentId;
  return {
    from: people([message.from]),
    to: people(message.to),
    cc: people(message.cc),
    replyTo: people(message.replyTo),
    subject: arriving(message.subject),
    messageId: identifier(message.messageId),
    date: Math.floor(message.createdAt / 1000) * 1000,
    text: bodyOf(message.text, whole),
    html: bodyOf(message.html, whole),
    headers: Object.fromEntries(
      headers.map(([name, value]) => [name.toLowerCase(), withoutBreaks(name, arriving(value))]),
    ),
    files: [
      ...message.attachments.filter(inline),
      ...message.attachments.filter((file) => !inline(file)),
    ].map(fileOf),
  };
}

/** Readers of the List- fields take no notice of white space. */
function withoutBreaks(name: string, value: string): string {
  return name === "List-Unsubscribe" ? value.replace(/\s+/g, "") : value;
}

function bodyOf(text: string | undefined, whole: boolean): string {
  const lines = (text ?? "").toWellFormed().replace(/\r\n|\r|\n/g, "\r\n");
  return whole && lines !== "" && !lines.endsWith("\r\n") ? `${lines}\r\n` : lines;
}

function identifier(text: string): string {
  return [...text]
    .filter((one) => one > " " && one < "\x7f" && !"<>".includes(one))
    .join("")
    .slice(0, 900);
}

const KNOWN: Readonly<Record<string, string>> = {
  pdf: "application/pdf",
  csv: "text/csv",
  png: "image/png",
  txt: "text/plain",
};
/** The content types among the generated ones that are taken as they are. */
const TAKEN =
  /^(?:text\/(?:plain|csv|calendar)|application\/(?:pdf|x)|image\/png|message\/global)(?:;|$)/;

function fileOf(file: ComposableFile): ReadFile {
  const bytes = Buffer.from(file.content, "base64");
  const extension = /\.([a-z]+)$/i.exec(file.filename)?.[1]?.toLowerCase() ?? "";
  const byName = Object.hasOwn(KNOWN, extension) ? KNOWN[extension] : undefined;
  const given = file.contentType ?? byName ?? "application/octet-stream";
  const plain = /^(?:(?!\.|From )(?:[\t -~]*[!-~])?(?:\r\n|$))*$/.test(bytes.toString("latin1"));
  const taken = TAKEN.test(given) && !given.includes("\n");
  const isMessage = given === "message/rfc822" && plain;
  const slash = given === "a/b;;x" ? "application/octet-stream" : given.split(";")[0];
  return {
    filename: arriving(file.filename),
    type: taken || isMessage ? (slash as string) : "application/octet-stream",
    contentId: identifier(file.contentId ?? ""),
    base64: bytes.toString("base64"),
  };
}

/** What the strict reader tells of a message; addresses are told by the parsers. */
export function readStrictly(raw: string): Omit<Meaning, "from" | "to" | "cc" | "replyTo"> {
  const root = readPart(raw);
  const field = (name: string) => single(root.fields, name) ?? "";
  const leaves = leavesOf(root);
  const isFile = (part: (typeof leaves)[number]) =>
    single(part.fields, "content-disposition") !== undefined;
  const body = (type: string) => {
    const part = leaves.find((leaf) => leaf.type === type && !isFile(leaf));
    if (part === undefined) return "";
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return bodyOf(decoder.decode(contentOf(part)), part === root);
  };
  const own = new Set([
    ...["date", "from", "to", "cc", "reply-to", "subject", "message-id", "mime-version"],
    ...["content-type", "content-transfer-encoding"],
  ]);
  const headers = root.fields.filter(({ name }) => !own.has(name.toLowerCase()));
  return {
    subject: decodeText(field("subject")),
    messageId: field("message-id").slice(1, -1),
    date: Date.parse(field("date")),
    text: body("text/plain"),
    html: body("text/html"),
    headers: Object.fromEntries(
      headers.map(({ name, value }) => [
        name.toLowerCase(),
        withoutBreaks(name, decodeText(value.trim())),
      ]),
    ),
    files: leaves.filter(isFile).map((part) => ({
      filename:
        readParameters(single(part.fields, "content-disposition") ?? "").parameters.get(
          "filename",
        ) ?? "",
      type: part.type,
      contentId: (single(part.fields, "content-id") ?? "").slice(1, -1),
      base64: Buffer.from(contentOf(part)).toString("base64"),
    })),
  };
}
