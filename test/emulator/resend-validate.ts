/** What Resend refuses in `POST /emails`, and stricter: fields it does not know are refused too. */
import { isBase64, isHeaderName, isLine, isObject, wordsOf } from "./checks.ts";

/** An answer in Resend's error shape. */
export interface ApiError {
  readonly statusCode: number;
  readonly name: string;
  readonly message: string;
}

/** A body that passed: what the emulator needs of it. */
export interface ValidEmail {
  readonly subject: string;
  /** Our message id from the tags, if it is there. */
  readonly posternId: string | undefined;
}

const MAILBOX = /^(?:[^\r\n<>]* ?<[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+>|[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+)$/;
const TAG = /^[A-Za-z0-9_-]{1,256}$/;
const RECIPIENTS_MAX = 50;
const FIELDS = wordsOf(
  "from to cc bcc reply_to subject html text headers tags attachments",
  "scheduled_at template topic_id",
);

const refuse = (name: string, message: string): ApiError => ({ statusCode: 422, name, message });

/** Checks the bearer key; any key that begins with `re_` passes unless one is given. */
export function checkKey(header: string | undefined, expected?: string): ApiError | null {
  const key = /^Bearer (\S+)$/.exec(header ?? "")?.[1];
  if (key === undefined) {
    return { statusCode: 401, name: "missing_api_key", message: "Missing API key" };
  }
  if (expected === undefined ? key.startsWith("re_") : key === expected) return null;
  return { statusCode: 403, name: "invalid_api_key", message: "API key is invalid" };
}

/** Checks a parsed body; the error is what Resend would answer. */
export function checkEmail(value: unknown): ValidEmail | ApiError {
  if (!isObject(value)) return refuse("validation_error", "The body must be an object.");
  for (const field of Object.keys(value)) {
    if (!FIELDS.has(field)) return refuse("invalid_parameter", `Unknown field \`${field}\`.`);
  }
  for (const field of ["from", "to", "subject"]) {
    if (value[field] === undefined) {
      return refuse("missing_required_field", `Missing \`${field}\` field.`);
    }
  }
  if (typeof value.html !== "string" && typeof value.text !== "string") {
    return refuse("missing_required_field", "Missing `html` or `text` field.");
  }
  if (typeof value.subject !== "string") return invalid("subject");
  if (typeof value.from !== "string" || !MAILBOX.test(value.from)) return invalid("from");
  for (const field of ["to", "cc", "bcc", "reply_to"]) {
    if (value[field] === undefined) continue;
    const list = typeof value[field] === "string" ? [value[field]] : value[field];
    if (!Array.isArray(list) || list.length === 0) return invalid(field);
    if (list.length > RECIPIENTS_MAX)
      return refuse("validation_error", `Too many in \`${field}\`.`);
    for (const mailbox of list) {
      if (typeof mailbox !== "string" || !MAILBOX.test(mailbox)) return invalid(field, mailbox);
    }
  }
  return checkHeaders(value.headers) ?? checkAttachments(value.attachments) ?? withTags(value);
}

/** Resend repeats the bad value in its message, so this does too. */
function invalid(field: string, value?: unknown): ApiError {
  const shown = value === undefined ? "" : ` Got: ${String(value)}`;
  return refuse("validation_error", `Invalid \`${field}\` field.${shown}`);
}

function checkHeaders(headers: unknown): ApiError | null {
  if (headers === undefined) return null;
  if (!isObject(headers)) return invalid("headers");
  for (const [name, value] of Object.entries(headers)) {
    if (!isHeaderName(name) || !isLine(value)) return invalid("headers");
  }
  return null;
}

function checkAttachments(attachments: unknown): ApiError | null {
  if (attachments === undefined) return null;
  if (!Array.isArray(attachments)) return invalid("attachments");
  for (const part of attachments) {
    const known = isObject(part) && typeof part.filename === "string" && part.filename !== "";
    if (!known || !isBase64(part.content)) {
      return refuse("invalid_attachment", "An attachment needs `filename` and `content`.");
    }
    for (const field of ["content_type", "content_id"]) {
      const given = part[field];
      if (given !== undefined && !isLine(given)) {
        return refuse("invalid_attachment", `Invalid \`${field}\` of an attachment.`);
      }
    }
  }
  return null;
}

function withTags(value: Record<string, unknown>): ValidEmail | ApiError {
  const tags = value.tags ?? [];
  if (!Array.isArray(tags)) return invalid("tags");
  const seen = new Map<string, string>();
  for (const tag of tags) {
    const { name, value: text } = isObject(tag) ? tag : {};
    if (typeof name !== "string" || typeof text !== "string") return invalid("tags");
    if (!TAG.test(name) || !TAG.test(text) || seen.has(name)) return invalid("tags");
    seen.set(name, text);
  }
  return { subject: String(value.subject), posternId: seen.get("postern_id") };
}
