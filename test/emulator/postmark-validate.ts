/**
 * What Postmark refuses of one message, and stricter: whatever its documentation does not name is
 * refused too (https://postmarkapp.com/developer/api/email-api).
 */
import { isBase64, isObject } from "./checks.ts";

/** An error of Postmark's table. */
export interface PostmarkError {
  readonly ErrorCode: number;
  readonly Message: string;
}

/** A message that passed: what the emulator needs of it. */
export interface ValidMessage {
  readonly subject: string;
  readonly to: string;
  /** The bare addresses of To, Cc and Bcc, in this order, as Postmark lists them. */
  readonly recipients: readonly string[];
  /** Our message id from the metadata, if it is there. */
  readonly posternId: string | undefined;
}

const STRINGS = [
  ...["From", "To", "Cc", "Bcc", "ReplyTo", "Subject", "HtmlBody", "TextBody", "Tag"],
  ...["TrackLinks", "MessageStream"],
];
const FIELDS = new Set([...STRINGS, "Metadata", "Headers", "TrackOpens", "Attachments"]);
const STREAMS = new Set(["outbound", "broadcast"]);
const LINKS = new Set(["None", "HtmlAndText", "HtmlOnly", "TextOnly"]);
const RECIPIENTS_MAX = 50;
const LENGTHS: Readonly<Record<string, number>> = { From: 255, Subject: 2_000, Tag: 1_000 };
/** With or without a name before it, which is quoted if it has a comma. */
const MAILBOX = /^(?:(?:"(?:[^"\\]|\\.)*"|[^"<>,\r\n]*) ?<([^<>]+)>|([^<>]+))$/;
const ADDRESS = /^[^\s@<>,]+@[^\s@<>,]+\.[^\s@<>,]+$/;
/** Fields that have a place of their own, or are Postmark's to write. */
const NOT_A_HEADER = /^(from|to|cc|bcc|subject|reply-to|date|return-path|received|content-.*)$/i;
const HEADER_NAME = /^[!-9;-~]+$/;
const FORBIDDEN_FILE = /\.(vbs|exe|bin|bat|com|cpl|js|jse|lnk|msi|pif|reg|scr|wsf)$/i;

const refuse = (Message: string, ErrorCode = 300): PostmarkError => ({ ErrorCode, Message });

/** Checks one message; the error is what Postmark would answer. */
export function checkMessage(value: unknown): ValidMessage | PostmarkError {
  if (!isObject(value)) return refuse("Invalid JSON.", 402);
  for (const field of Object.keys(value)) {
    const wrong = STRINGS.includes(field) && typeof value[field] !== "string";
    if (!FIELDS.has(field) || wrong) return refuse(`Invalid request field(s): '${field}'.`, 403);
  }
  const { MessageStream: stream = "outbound", From: from, To: to } = value;
  if (!STREAMS.has(String(stream))) {
    return refuse(`The stream provided: '${stream}' does not exist on this server.`, 1235);
  }
  if (typeof from !== "string" || listOf(from)?.length !== 1) {
    return refuse(`Invalid 'From' address: '${from}'.`);
  }
  const recipients: string[] = [];
  for (const field of ["To", "Cc", "Bcc", "ReplyTo"]) {
    if (value[field] === undefined) continue;
    const list = listOf(String(value[field]));
    if (list === null) return refuse(`Invalid '${field}' address: '${value[field]}'.`);
    if (field !== "ReplyTo") recipients.push(...list);
  }
  if (typeof to !== "string" || recipients.length === 0) return refuse("Zero recipients specified");
  if (recipients.length > RECIPIENTS_MAX) return refuse("You exceeded 50 recipients.");
  if (!value.HtmlBody && !value.TextBody) {
    return refuse("Provide either email TextBody or HtmlBody or both.");
  }
  return checkLengths(value) ?? checkRest(value) ?? { ...shown(value), to, recipients };
}

function shown(value: Record<string, unknown>): Pick<ValidMessage, "subject" | "posternId"> {
  const id = isObject(value.Metadata) ? value.Metadata.postern_id : undefined;
  return { subject: String(value.Subject ?? ""), posternId: id === undefined ? id : String(id) };
}

function checkLengths(value: Record<string, unknown>): PostmarkError | null {
  for (const [field, most] of Object.entries(LENGTHS)) {
    if (String(value[field] ?? "").length > most) return refuse(`'${field}' is too long.`);
  }
  for (const field of ["HtmlBody", "TextBody"]) {
    if (String(value[field] ?? "").length > 5_000_000) return refuse(`'${field}' exceeds 5 MB.`);
  }
  return null;
}

function checkRest(value: Record<string, unknown>): PostmarkError | null {
  const { TrackOpens: opens = false, TrackLinks: links = "None" } = value;
  if (typeof opens !== "boolean") return refuse("Invalid request field(s): 'TrackOpens'.", 403);
  if (!LINKS.has(String(links))) return refuse("Invalid request field(s): 'TrackLinks'.", 403);
  return (
    checkMetadata(value.Metadata) ??
    checkHeaders(value.Headers) ??
    checkAttachments(value.Attachments)
  );
}

function checkMetadata(metadata: unknown): PostmarkError | null {
  if (metadata === undefined) return null;
  if (!isObject(metadata)) return refuse("Invalid request field(s): 'Metadata'.", 403);
  const names = Object.keys(metadata);
  if (names.length > 10) return refuse("Metadata may contain at most 10 fields.");
  if (new Set(names.map((name) => name.toLowerCase())).size < names.length) {
    return refuse("Metadata names must be unique.");
  }
  for (const [name, field] of Object.entries(metadata)) {
    if (typeof field !== "string") return refuse("Invalid request field(s): 'Metadata'.", 403);
    if (name.length > 20 || field.length > 80) return refuse(`Metadata '${name}' is too long.`);
  }
  return null;
}

function checkHeaders(headers: unknown): PostmarkError | null {
  if (headers === undefined) return null;
  if (!Array.isArray(headers)) return refuse("Invalid request field(s): 'Headers'.", 403);
  const seen = new Set<string>();
  for (const header of headers) {
    const { Name: name, Value: field, ...others } = Object(header) as Record<string, unknown>;
    const known = typeof name === "string" && typeof field === "string";
    if (!known || Object.keys(others).length > 0 || seen.has(name.toLowerCase())) {
      return refuse("Invalid request field(s): 'Headers'.", 403);
    }
    seen.add(name.toLowerCase());
    if (NOT_A_HEADER.test(name)) return refuse(`Header '${name}' not allowed.`);
    if (!HEADER_NAME.test(name) || /[\r\n]/.test(field)) return refuse("A header is invalid.");
  }
  return null;
}

function checkAttachments(attachments: unknown): PostmarkError | null {
  if (attachments === undefined) return null;
  if (!Array.isArray(attachments)) return refuse("Invalid request field(s): 'Attachments'.", 403);
  for (const attachment of attachments) {
    const {
      Name: name,
      Content: content,
      ContentType: type,
      ContentID: id,
      ...others
    } = Object(attachment) as Record<string, unknown>;
    const strings = typeof name === "string" && typeof type === "string" && type !== "";
    if (!strings || name === "" || typeof content !== "string" || Object.keys(others).length > 0) {
      return refuse("Invalid request field(s): 'Attachments'.", 403);
    }
    if (!isBase64(content)) return refuse("Attachment content is not valid base64.");
    if (FORBIDDEN_FILE.test(name)) return refuse("Attachment file type not allowed.", 411);
    if (id !== undefined && id !== null && !/^cid:\S+$/.test(String(id))) {
      return refuse("A ContentID begins with 'cid:'.");
    }
  }
  return null;
}

/** The bare addresses of a list, lower-cased; null when one is none. */
function listOf(text: string): string[] | null {
  const found = text.match(/(?:"(?:[^"\\]|\\.)*"|[^",])+/g)?.map((one) => MAILBOX.exec(one.trim()));
  const addresses = (found ?? []).map((match) => match?.[1] ?? match?.[2]);
  const fine = addresses.length > 0 && addresses.every((one) => ADDRESS.test(one ?? ""));
  return fine ? addresses.map((address) => String(address).toLowerCase()) : null;
}
