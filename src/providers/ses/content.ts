/**
 * A message's content for SES: as fields that SES composes where those carry it without doubt, as
 * MIME that we compose where they may not.
 */
import { compose } from "../../mime/compose.ts";
import { listOf } from "../message.ts";
import type { Attachment, OutgoingMessage } from "../provider.ts";

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_EmailContent.html */
export type Content = { readonly Simple: unknown } | { readonly Raw: { readonly Data: string } };

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Message.html */
const HEADERS_MAX = 15;
/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html */
const HEADER_NAME_MAX = 126;
/** As the first editions of that page have it; newer ones allow 995, with the name 996. */
const HEADER_VALUE_MAX = 870;
/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Attachment.html, for both. */
const FILENAME_MAX = 255;
const CONTENT_ID_MAX = 78;
const CONTENT_TYPE_MAX = 78;

/**
 * Fields that SES may be given beside its own. It refuses those that it sets itself
 * (https://docs.aws.amazon.com/ses/latest/dg/header-fields.html); what is not here may be one.
 */
const KNOWN_HEADER = /^(x-|list-|(in-reply-to|references|auto-submitted|precedence|feedback-id)$)/i;
const PRINTABLE = /^[!-~]([ -~]*[!-~])?$/;
/** SES reads the type from the extension where none is given, and so asks for one. */
const FILENAME = /^[A-Za-z0-9_][A-Za-z0-9_ .()+-]*\.[A-Za-z0-9]{1,10}$/;
/** Without parameters; composite types must not be base64 (RFC 2045 section 6.4). */
const CONTENT_TYPE = /^(?!multipart\/|message\/)[a-z0-9][a-z0-9.+-]*\/[a-z0-9][a-z0-9.+-]*$/i;
const CONTENT_ID = /^[A-Za-z0-9._@+-]+$/;
/** With a length divisible by four; a repeated group would overflow the stack on large files. */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/** RFC 5322 section 2.1.1: a line has 998 characters, and CR and LF stand only together. */
const UNWIELDY_LINE = /[^\r\n]{999}|\r(?!\n)/;

/** The content of a message, the local parts of whose addresses are ASCII, in SES's words. */
export function contentOf(message: OutgoingMessage): Content {
  if (fitsSimple(message)) return { Simple: simpleOf(message) };
  // ASCII, since the local parts of all addresses are.
  return { Raw: { Data: btoa(compose(message)) } };
}

function fitsSimple({ subject, text, html, headers, attachments }: OutgoingMessage): boolean {
  const fields = Object.entries(headers);
  const bodies = [text, html].filter((body) => body !== undefined);
  return (
    subject !== "" &&
    subject.length <= HEADER_VALUE_MAX &&
    bodies.length > 0 &&
    bodies.every((body) => body !== "" && !UNWIELDY_LINE.test(body)) &&
    fields.length <= HEADERS_MAX &&
    fields.every(([name, value]) => fitsHeader(name, value)) &&
    attachments.every(fitsAttachment)
  );
}

function fitsHeader(name: string, value: string): boolean {
  if (name.length > HEADER_NAME_MAX || value.length > HEADER_VALUE_MAX) return false;
  return KNOWN_HEADER.test(name) && PRINTABLE.test(name) && PRINTABLE.test(value);
}

function fitsAttachment({ filename, content, contentType, contentId }: Attachment): boolean {
  if (content.length % 4 !== 0 || !BASE64.test(content)) return false;
  if (filename.length > FILENAME_MAX || !FILENAME.test(filename)) return false;
  if (contentType !== undefined) {
    if (contentType.length > CONTENT_TYPE_MAX || !CONTENT_TYPE.test(contentType)) return false;
  }
  if (contentId === undefined) return true;
  return contentId.length <= CONTENT_ID_MAX && CONTENT_ID.test(contentId);
}

function simpleOf({ subject, text, html, headers, attachments }: OutgoingMessage): unknown {
  return {
    Subject: utf8(subject),
    Body: { Text: utf8(text), Html: utf8(html) },
    Headers: listOf(Object.entries(headers), ([Name, Value]) => ({ Name, Value })),
    Attachments: listOf(attachments, attachmentOf),
  };
}

const utf8 = (text: string | undefined) =>
  text === undefined ? undefined : { Data: text, Charset: "UTF-8" };

function attachmentOf({ filename, content, contentType, contentId }: Attachment): unknown {
  return {
    FileName: filename,
    RawContent: content,
    ContentType: contentType,
    ContentDisposition: contentId === undefined ? "ATTACHMENT" : "INLINE",
    ContentId: contentId,
    // SES's own choice is 7-bit (https://docs.aws.amazon.com/ses/latest/dg/attachments.html).
    ContentTransferEncoding: "BASE64",
  };
}
