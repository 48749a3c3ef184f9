/** Mail that came in, as far as reports are told by it. */
import PostalMime, { type Email } from "postal-mime";
import { type Fields, groupsOf } from "./fields.ts";

/** Parts within parts: a report has two levels, one that a list has passed on has four. */
const NESTING_MAX = 16;
/** Bytes of the headers of all parts; servers refuse mail with more than 64 KB of them. */
const HEADERS_MAX_BYTES = 262_144;
/** Characters of a text that are looked at: what it says is in front, then comes the original. */
const TEXT_MAX = 20_000;
/**
 * Lines that are read: the parser pays by the line, and a megabyte of files has 14,000 of them.
 */
const LINES_MAX = 20_000;
/** Parts that are looked at: a report has three. */
const PARTS_MAX = 20;

/** Mail that came in. */
export interface InboundMail {
  /** Of the envelope; empty for what must not be answered, as reports are. */
  readonly sender: string;
  readonly header: Fields;
  /** The text for people, without what is a part of its own. */
  readonly text: string;
  /** The fields of the first part of a kind, group by group; null when there is none. */
  readonly delivery: readonly Fields[] | null;
  readonly feedback: Fields | null;
  /** The header of the mail that it is about; empty when it does not come with it. */
  readonly original: Fields;
}

const DELIVERY = /^message\/(?:global-)?delivery-status$/;
const FEEDBACK = /^message\/feedback-report$/;
const ORIGINAL =
  /^(?:message\/(?:rfc822|rfc822-headers|global|global-headers)|text\/rfc822-headers)$/;

/** Reads mail, or its beginning; null for what is nested too deeply or is nothing but headers. */
export async function mailOf(raw: Uint8Array, sender: string): Promise<InboundMail | null> {
  let email: Email;
  try {
    email = await PostalMime.parse(linesOf(raw), {
      // The original stays as it came: what it says of itself proves nothing here.
      forceRfc822Attachments: true,
      maxNestingDepth: NESTING_MAX,
      maxHeadersSize: HEADERS_MAX_BYTES,
    });
  } catch {
    return null;
  }
  const parts = email.attachments.slice(0, PARTS_MAX);
  const part = (kind: RegExp): readonly Fields[] | null => {
    const found = parts.find(({ mimeType }) => kind.test(mimeType));
    return found === undefined ? null : groupsOf(textOf(found.content));
  };
  const header = email.headerLines.map(({ line }) => line).join("\r\n");
  return {
    sender,
    header: groupsOf(header)[0] ?? new Map(),
    text: (email.text ?? stripped(email.html ?? "")).slice(0, TEXT_MAX),
    delivery: part(DELIVERY),
    feedback: part(FEEDBACK)?.[0] ?? null,
    original: part(ORIGINAL)?.[0] ?? new Map(),
  };
}

const LF = 10;

/** The first lines of a mail, `LINES_MAX` at most. */
function linesOf(raw: Uint8Array): Uint8Array {
  let end = 0;
  for (let lines = 0; lines < LINES_MAX; lines++) {
    end = raw.indexOf(LF, end) + 1;
    if (end === 0) return raw;
  }
  return raw.subarray(0, end);
}

/** Bytes of a part that are read; its fields are in front. */
const PART_MAX_BYTES = 262_144;

function textOf(content: ArrayBuffer | Uint8Array | string): string {
  if (typeof content === "string") return content.slice(0, PART_MAX_BYTES);
  return new TextDecoder().decode(new Uint8Array(content).subarray(0, PART_MAX_BYTES));
}

/** What a page says, line by line, near enough to find codes and addresses in it. */
const stripped = (html: string): string =>
  html
    .slice(0, 10 * TEXT_MAX)
    .replace(/<(?:br|\/p|\/div|\/tr|\/h\d)\b[^<>]*>/gi, "\n")
    .replace(/<[^<>]*>/g, "")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&");
