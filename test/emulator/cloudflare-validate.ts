/**
 * What Cloudflare Email Service refuses of a message, and stricter: fields it does not know are
 * refused too (https://developers.cloudflare.com/email-service/reference/headers/ and
 * https://developers.cloudflare.com/email-service/platform/limits/).
 */
import { type Fields, isBase64, isLine, isObject, wordsOf } from "./checks.ts";

/** An error as `send()` throws it. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

const FIELDS = "from to cc bcc replyTo subject html text headers attachments".split(" ");
const ADDRESS = /^(?:[^\s@"<>]+|"[^"\r\n]*")@[a-z0-9.-]+$/;
const RECIPIENTS_MAX = 50;
const SUBJECT_MAX = 998;
const BYTES_MAX = 5 * 1024 * 1024;
const HEADERS_MAX = 20;
const HEADER_NAME_MAX = 100;
const HEADER_VALUE_MAX = 2_048;
const HEADERS_BYTES_MAX = 16 * 1024;

const API_FIELDS = new Set(["from", "to", "cc", "bcc", "subject", "reply-to"]);
/** The fields that may be set besides `X-`. */
const ALLOWED = wordsOf(
  "in-reply-to references list-unsubscribe list-unsubscribe-post list-id list-archive list-help",
  "list-owner list-post list-subscribe precedence auto-submitted content-language keywords",
  "comments importance priority sensitivity organization require-recipient-valid-since expires",
  "reply-by archived-at",
);

const refuse = (code: string, message: string): Refusal => ({ code, message });
const invalid = (message: string): Refusal => refuse("E_VALIDATION_ERROR", message);

/** The first thing that is wrong with a message; null when nothing is. */
export function refusalOf(message: Fields): Refusal | null {
  const unknown = Object.keys(message).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) return invalid(`unknown field '${unknown}'`);
  for (const field of ["from", "to", "subject"]) {
    if (message[field] === undefined) return refuse("E_FIELD_MISSING", `'${field}' is missing`);
  }
  if (!isLine(message.subject) || message.subject.length > SUBJECT_MAX) {
    return invalid("'subject' is not valid");
  }
  for (const field of ["html", "text"]) {
    if (typeof (message[field] ?? "") !== "string") return invalid(`'${field}' is not valid`);
  }
  if (message.html === undefined && message.text === undefined) {
    return refuse("E_FIELD_MISSING", "'html' or 'text' is missing");
  }
  if (JSON.stringify(message).length > BYTES_MAX) {
    return refuse("E_CONTENT_TOO_LARGE", "Total message size exceeds the maximum");
  }
  return (
    refusalOfMailboxes(message) ?? refusalOfHeaders(message.headers) ?? refusalOfParts(message)
  );
}

function refusalOfMailboxes(message: Fields): Refusal | null {
  for (const field of ["from", "replyTo"]) {
    const value = message[field];
    if (value !== undefined && !isMailbox(value)) return invalid(`'${field}' is not valid`);
  }
  let recipients = 0;
  for (const field of ["to", "cc", "bcc"]) {
    const value = message[field];
    if (value === undefined) continue;
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.length === 0 || !list.every(isMailbox)) return invalid(`'${field}' is not valid`);
    recipients += list.length;
  }
  if (recipients <= RECIPIENTS_MAX) return null;
  return refuse("E_TOO_MANY_RECIPIENTS", `${recipients} recipients, maximum is 50.`);
}

/** An address, or an object with a name. */
function isMailbox(value: unknown): boolean {
  if (typeof value === "string") return ADDRESS.test(value);
  if (!isObject(value) || Object.keys(value).sort().join() !== "email,name") return false;
  return isLine(value.name) && typeof value.email === "string" && ADDRESS.test(value.email);
}

function refusalOfHeaders(headers: unknown): Refusal | null {
  if (headers === undefined) return null;
  if (!isObject(headers)) return invalid("'headers' is not valid");
  let bytes = 0;
  let listed = 0;
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    const own = lower.startsWith("x-");
    if (name.length > HEADER_NAME_MAX || !(own ? /^[\w-]+$/ : /^[A-Za-z0-9-]+$/).test(name)) {
      return refuse("E_HEADER_NAME_INVALID", `Header name '${name}' is not valid.`);
    }
    if (API_FIELDS.has(lower)) {
      return refuse("E_HEADER_USE_API_FIELD", `Header '${name}' has an API field.`);
    }
    if (!own && !ALLOWED.has(lower)) {
      return refuse("E_HEADER_NOT_ALLOWED", `Header '${name}' is not allowed.`);
    }
    if (!isLine(value) || value === "" || !isTrue(lower, value, headers)) {
      return refuse("E_HEADER_VALUE_INVALID", `Header '${name}' is not valid.`);
    }
    if (Buffer.byteLength(value) > HEADER_VALUE_MAX) {
      return refuse("E_HEADER_VALUE_TOO_LONG", `Header '${name}' value exceeds 2048 byte limit.`);
    }
    bytes += name.length + Buffer.byteLength(value) + 4;
    listed += own ? 0 : 1;
  }
  if (listed > HEADERS_MAX) return refuse("E_HEADERS_TOO_MANY", `${listed}, maximum is 20.`);
  if (bytes <= HEADERS_BYTES_MAX) return null;
  return refuse("E_HEADERS_TOO_LARGE", "Total custom headers payload exceeds 16KB limit.");
}

/** What the service says of the values of List-Unsubscribe and its companion (RFC 8058). */
function isTrue(name: string, value: string, headers: Fields): boolean {
  if (name === "list-unsubscribe") return /^<(https|mailto):[^<>]+>/.test(value);
  if (name !== "list-unsubscribe-post") return true;
  return value === "List-Unsubscribe=One-Click" && "List-Unsubscribe" in headers;
}

function refusalOfParts({ attachments }: Fields): Refusal | null {
  if (attachments === undefined) return null;
  if (!Array.isArray(attachments)) return invalid("'attachments' is not valid");
  for (const part of attachments) {
    if (!isObject(part)) return invalid("an attachment is not valid");
    const { content, contentId, disposition, filename, type, ...rest } = part;
    const named = isLine(filename) && filename !== "" && isLine(type) && type.includes("/");
    const placed =
      disposition === "inline"
        ? isLine(contentId)
        : disposition === "attachment" && !("contentId" in part);
    if (!named || !placed || !isBase64(content) || Object.keys(rest).length > 0) {
      return invalid("an attachment is not valid");
    }
  }
  return null;
}
