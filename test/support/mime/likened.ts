/**
 * What readers of mail are known to tell differently although the message is the same to each. All
 * of it is checked exactly by the strict reader, addresses aside.
 */
import { domainToASCII } from "node:url";
import type { Meaning, Person, ReadFile } from "./meaning.ts";
import { decodeText } from "./read.ts";

/** A meaning without the differences between readers; `wanted` is what the message should say. */
export function likened(read: Meaning, wanted: Meaning): Meaning {
  return {
    ...read,
    from: read.from.map(person),
    to: read.to.map(person),
    cc: read.cc.map(person),
    replyTo: read.replyTo.map(person),
    subject: bare(read.subject),
    // Both decode what looks like an encoded-word in an identifier too.
    messageId: decodeText(read.messageId),
    text: body(read.text),
    html: body(read.html),
    headers: Object.fromEntries(
      // Those that fold a List- field at its commas.
      Object.entries(read.headers).map(([name, value]) =>
        name === "list-unsubscribe" ? [name, value.replace(/\s+/g, "")] : [name, value],
      ),
    ),
    files: read.files.map((one, index) => file(one, wanted.files[index])),
  };
}

/** mailparser shows domains as U-labels, postal-mime leaves the quotes of a local part out. */
function person({ name, address }: Person): Person {
  const at = address.lastIndexOf("@");
  const local = address.slice(0, at).replace(/^"(.*)"$/, "$1");
  return { name: bare(name), address: `${local}@${domainToASCII(address.slice(at + 1))}` };
}

/** postal-mime takes U+FEFF at the beginning of an encoded-word for a byte order mark. */
function bare(text: string): string {
  return text.replaceAll("\ufeff", "");
}

/**
 * Both end lines with LF and give a part a last one or not, and give an absent body as an empty
 * one; postal-mime takes U+FEFF at the beginning for a byte order mark.
 */
function body(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(/^\ufeff/, "")
    .replace(/\n+$/, "");
}

function file(read: ReadFile, wanted: ReadFile | undefined): ReadFile {
  // mailparser tells the type of octets by the name's extension.
  const type = wanted?.type === "application/octet-stream" ? wanted.type : read.type;
  const content = Buffer.from(read.base64, "base64");
  // postal-mime reads calendars as text in their charset, and ends them and messages with LF.
  const isText = type === "text/calendar" || type === "message/rfc822";
  const base64 = isText ? "text" : content.toString("base64");
  // postal-mime decodes what looks like an encoded-word.
  return { ...read, filename: bare(decodeText(read.filename)), type, base64 };
}
