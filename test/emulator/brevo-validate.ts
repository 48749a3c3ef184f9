/** What Brevo refuses in `POST /v3/smtp/email`, and stricter: unknown fields are refused too. */
import { isBase64, isHeaderName, isObject, jsonIn, wordsOf } from "./checks.ts";

/** An answer in Brevo's error shape. */
export interface ApiError {
  readonly code: string;
  readonly message: string;
}

/** A body that passed: what the emulator needs of it. */
export interface ValidEmail {
  readonly subject: string;
  /** Our message id from the header that events give back, if it is there. */
  readonly posternId: string | undefined;
  readonly tags: readonly string[];
  readonly idempotencyKey: string | undefined;
}

const EMAIL = /^[^\s@<>"]+@(?:[a-z0-9-]+\.)+[a-z0-9-]+$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PRINTABLE = /^[\t\x20-\x7e]*$/;
const NAME_MAX = 70;
const RECIPIENTS_MAX = 99;
const EXTENSIONS = wordsOf(
  "xlsx xls ods docx docm doc csv pdf txt gif jpg jpeg png tif tiff rtf bmp cgm css shtml html",
  "htm zip xml ppt pptx tar ez ics mobi msg pub eps odt mp3 m4a m4v wma ogg flac wav aif aifc",
  "aiff mp4 mov avi mkv mpeg mpg wmv pkpass xlsm",
);
const FIELDS = wordsOf(
  "sender to cc bcc replyTo subject htmlContent textContent headers tags attachment",
  "messageVersions params scheduledAt batchId templateId",
);
/** Standard headers, which have fields of their own or are Brevo's to set. */
const STANDARD = wordsOf(
  "from sender to cc bcc reply-to subject date message-id return-path mime-version",
  "content-type content-transfer-encoding received",
);

const invalid = (message: string): ApiError => ({ code: "invalid_parameter", message });
const missing = (message: string): ApiError => ({ code: "missing_parameter", message });

/** Checks a parsed body; the error is what Brevo would answer. */
export function checkEmail(value: unknown): ValidEmail | ApiError {
  if (!isObject(value)) return { code: "bad_request", message: "Input must be an object" };
  for (const field of Object.keys(value)) {
    if (!FIELDS.has(field)) return invalid(`unknown field ${field}`);
  }
  if (value.sender === undefined) return missing("sender is missing");
  if (value.to === undefined) return missing("to is missing");
  if (typeof value.subject !== "string" || value.subject === "") {
    return missing("subject is missing");
  }
  const contents = [value.htmlContent, value.textContent].filter((one) => one !== undefined);
  if (contents.length === 0) return missing("Either of htmlContent or textContent is required");
  if (!contents.every((one) => typeof one === "string" && one !== "")) {
    return missing("textContent is missing");
  }
  return (
    checkMailbox(value.sender, "sender") ??
    checkRecipients(value) ??
    (value.replyTo === undefined ? null : checkMailbox(value.replyTo, "replyTo")) ??
    checkHeaders(value.headers) ??
    checkAttachments(value.attachment) ??
    withTags(value)
  );
}

function checkMailbox(value: unknown, where: string): ApiError | null {
  if (!isObject(value)) return invalid(`${where} should be an object`);
  const { email, name, ...others } = value;
  if (Object.keys(others).length > 0) return invalid(`unknown field in ${where}`);
  if (typeof email !== "string" || !EMAIL.test(email)) {
    return invalid(`email ${String(email)} is not valid in ${where}`);
  }
  if (name === undefined) return null;
  const valid = typeof name === "string" && name !== "" && name.length <= NAME_MAX;
  // The real one accepts it and drops the name.
  const dropped = valid && !PRINTABLE.test(name) && /[()<>[\]:;@\\,."]/.test(name);
  return valid && !dropped ? null : invalid(`name is not valid in ${where}`);
}

function checkRecipients(value: Record<string, unknown>): ApiError | null {
  let count = 0;
  for (const field of ["to", "cc", "bcc"]) {
    const list = value[field];
    if (list === undefined) continue;
    if (!Array.isArray(list) || list.length === 0) return missing(`${field} is missing`);
    count += list.length;
    for (const one of list) {
      const problem = checkMailbox(one, field);
      if (problem !== null) return problem;
    }
  }
  return count > RECIPIENTS_MAX ? invalid(`${count} recipients are too many`) : null;
}

function checkHeaders(headers: unknown): ApiError | null {
  if (headers === undefined) return null;
  if (!isObject(headers)) return invalid("headers should be an object");
  for (const [name, value] of Object.entries(headers)) {
    const printable = typeof value === "string" && PRINTABLE.test(value);
    if (!isHeaderName(name) || !printable) return invalid("headers are not valid");
    if (STANDARD.has(name.toLowerCase())) return invalid(`${name} is a standard header`);
  }
  const key = headers.idempotencyKey;
  if (key !== undefined && !UUID.test(String(key))) return invalid("idempotencyKey is not a UUID");
  return null;
}

function checkAttachments(attachments: unknown): ApiError | null {
  if (attachments === undefined) return null;
  if (!Array.isArray(attachments) || attachments.length === 0) {
    return missing("attachment is missing");
  }
  for (const part of attachments) {
    const { name, content, ...others } = isObject(part) ? part : {};
    if (Object.keys(others).length > 0) return invalid("unknown field in attachment");
    if (typeof name !== "string" || !isBase64(content)) {
      return invalid("attachment needs name and base64 content");
    }
    const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "";
    if (!EXTENSIONS.has(extension)) return invalid(`Unsupported file format: ${extension}`);
  }
  return null;
}

function withTags(value: Record<string, unknown>): ValidEmail | ApiError {
  const tags = value.tags ?? [];
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === "string" && tag !== "")) {
    return invalid("tags are not valid");
  }
  const headers = isObject(value.headers) ? value.headers : {};
  const key = headers.idempotencyKey;
  return {
    subject: String(value.subject),
    posternId: idIn(headers["X-Mailin-custom"]),
    tags,
    idempotencyKey: key === undefined ? undefined : String(key),
  };
}

function idIn(custom: unknown): string | undefined {
  const fields = jsonIn(String(custom));
  return isObject(fields) ? String(fields.postern_id) : undefined;
}
