/** A message as Internet mail: RFC 5322, MIME (RFC 2045 to 2047, 2183, 2231, 2387). */
import type { Mailbox } from "../core/address.ts";
import { refusalOfHeader } from "../core/header-names.ts";
import { callerField, isFieldName, opaqueField, textField } from "./fields.ts";
import { mailboxField } from "./mailboxes.ts";
import { attachmentPart, identifier, multipart, type Part, textPart, writePart } from "./parts.ts";

/** What a message needs to be composed; an `OutgoingMessage` is one. */
export interface Composable {
  /** `id@domain`, without the angle brackets; with the content, it decides every byte. */
  readonly messageId: string;
  /** Unix milliseconds: the Date field, in UTC. */
  readonly createdAt: number;
  readonly from: Mailbox;
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  readonly replyTo: readonly Mailbox[];
  readonly subject: string;
  readonly html?: string;
  readonly text?: string;
  /** Those that are Postern's to write, or steer a provider, are left out. */
  readonly headers: Readonly<Record<string, string>>;
  readonly attachments: readonly ComposableFile[];
}

/** A file of a message; its content in base64 (RFC 4648 section 4). */
export interface ComposableFile {
  readonly filename: string;
  readonly content: string;
  readonly contentType?: string;
  /** Without angle brackets. Beside an HTML body, the file belongs to it (RFC 2387). */
  readonly contentId?: string;
}

/**
 * The message as RFC 5322 text with CRLF, which also ends it; ASCII unless an address has a UTF-8
 * local part (RFC 6532). There is never a Bcc field, and the same message has the same bytes
 * each time. Nothing in it makes it throw: what cannot stand in a header becomes a space or is
 * left out.
 *
 * @param extra fields of the adapter's own, which take the place of a caller's of the same name
 */
export function compose(message: Composable, extra: Readonly<Record<string, string>> = {}): string {
  const root = structure(message, boundaryMarker(message.messageId));
  const fields = [...headerFields(message, extra), "MIME-Version: 1.0"];
  const written = [...fields, ...writePart(root)].join("\r\n");
  return written.endsWith("\r\n") ? written : `${written}\r\n`;
}

/** RFC 2046 section 5.1.1: a boundary has at most 70 characters; "alternative" comes after this. */
const MARKER_ID_MAX = 50;

/**
 * What all boundaries begin with: `=_`, which no transfer encoding can produce, and the message's
 * own id, so that a message of ours can hold another one.
 */
function boundaryMarker(messageId: string): string {
  return `=_${messageId.replace(/[^a-zA-Z0-9._-]+/g, "").slice(0, MARKER_ID_MAX)}_`;
}

function headerFields(message: Composable, extra: Readonly<Record<string, string>>): string[] {
  const { to, cc, replyTo } = message;
  return [
    `Date: ${new Date(message.createdAt).toUTCString().replace("GMT", "+0000")}`,
    mailboxField("From", [message.from]),
    ...(replyTo.length > 0 ? [mailboxField("Reply-To", replyTo)] : []),
    ...(to.length > 0 ? [mailboxField("To", to)] : []),
    ...(cc.length > 0 ? [mailboxField("Cc", cc)] : []),
    textField("Subject", message.subject),
    `Message-ID: <${identifier(message.messageId)}>`,
    ...furtherFields(message.headers, extra),
  ];
}

/** The caller's fields and the adapter's, each name once whatever its case. */
function furtherFields(
  headers: Readonly<Record<string, string>>,
  extra: Readonly<Record<string, string>>,
): string[] {
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    if (!isFieldName(name) || refusalOfHeader(name) !== null) continue;
    fields.set(name.toLowerCase(), callerField(name, value));
  }
  for (const [name, value] of Object.entries(extra)) {
    if (!isFieldName(name) || refusalOfHeader(name) === "written") continue;
    fields.set(name.toLowerCase(), opaqueField(name, value));
  }
  return [...fields.values()];
}

/**
 * Only the levels that are needed of mixed(alternative(text, related(html, inline files)), files):
 * the order in which RFC 2046 section 5.1.4 and RFC 2387 have them.
 */
function structure(message: Composable, marker: string): Part {
  const { html, text } = message;
  const belongs = (file: ComposableFile) => html !== undefined && Boolean(file.contentId);
  const inline = message.attachments.filter(belongs);
  const attached = message.attachments.filter((file) => !belongs(file));

  const bodies: Part[] = [];
  if (text !== undefined) bodies.push(textPart("plain", text, marker));
  if (html !== undefined) {
    const body = textPart("html", html, marker);
    const files = inline.map((file) => attachmentPart(file, marker));
    bodies.push(files.length === 0 ? body : multipart("related", [body, ...files], marker));
  }
  const files = attached.map((file) => attachmentPart(file, marker));
  if (bodies.length === 0 && files.length === 0) return textPart("plain", "", marker);
  const [only] = bodies;
  const body = bodies.length > 1 ? multipart("alternative", bodies, marker) : only;
  const parts = body === undefined ? files : [body, ...files];
  return body !== undefined && files.length === 0 ? body : multipart("mixed", parts, marker);
}
