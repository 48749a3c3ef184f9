/** What Mailjet refuses of one message in `POST /v3.1/send`, and stricter: see `FIELDS`. */
import { isBase64, isHeaderName, isLine, isObject, wordsOf } from "./checks.ts";

/** An error in Mailjet's shape, about one message or about the call. */
export interface ApiError {
  readonly ErrorIdentifier: string;
  readonly ErrorCode: string;
  readonly StatusCode: number;
  readonly ErrorMessage: string;
  readonly ErrorRelatedTo?: readonly string[];
}

const EMAIL = /^[^\s@<>"]+@(?:[a-z0-9-]+\.)+[a-z0-9-]+$/;
const SUBJECT_MAX = 255;
const FIELDS = wordsOf(
  "From Sender To Cc Bcc ReplyTo Subject TextPart HTMLPart TemplateID TemplateLanguage",
  "TemplateErrorReporting TemplateErrorDeliver Attachments InlinedAttachments Priority",
  "CustomCampaign DeduplicateCampaign TrackOpens TrackClicks CustomID EventPayload",
  "MonitoringCategory URLTags Headers Variables",
);
/** Headers that have a property of their own, or are Mailjet's to set. */
const FORBIDDEN = wordsOf(
  "from sender subject to cc bcc reply-to return-path delivered-to dkim-signature date",
  "message-id received received-spf authentication-results domainkey-status user-agent x-mailer",
  "list-id x-csa-complaints x-feedback-id",
);
const STEERING = /^x-(mj|mailjet)-/i;
const TRACKING = new Set(["account_default", "disabled", "enabled"]);

/** Makes an error. */
export const apiError = (
  code: string,
  status: number,
  message: string,
  related?: readonly string[],
): ApiError => ({
  ErrorIdentifier: "06df1144-c6f3-4ca7-8885-7ec5d4344113",
  ErrorCode: code,
  StatusCode: status,
  ErrorMessage: message,
  ...(related === undefined ? {} : { ErrorRelatedTo: related }),
});

const refuse = (code: string, message: string, related: string): ApiError =>
  apiError(code, 400, message, [related]);

/** Every error of one message, in the order of its fields; none if it is valid. */
export function checkMessage(value: unknown): ApiError[] {
  if (!isObject(value)) return [refuse("mj-0004", "Type mismatch.", "Messages")];
  const { TextPart, HTMLPart, Subject, CustomID, EventPayload, TemplateLanguage } = value;
  const errors = Object.keys(value).flatMap((field) =>
    FIELDS.has(field) ? [] : [refuse("mj-0004", `Unknown property ${field}.`, field)],
  );
  for (const field of ["From", "To"]) {
    if (value[field] === undefined) errors.push(refuse("mj-0003", `${field} is mandatory.`, field));
  }
  if (TextPart === undefined && HTMLPart === undefined) {
    const related = ["HTMLPart", "TextPart", "TemplateID"];
    errors.push(apiError("send-0003", 400, 'At least "HTMLPart" must be provided.', related));
  }
  for (const [field, text] of Object.entries({ TextPart, HTMLPart, Subject })) {
    if (text !== undefined && typeof text !== "string") {
      errors.push(refuse("mj-0004", 'Type mismatch. Expected type "string".', field));
    }
  }
  for (const [field, text] of Object.entries({ CustomID, EventPayload })) {
    if (text !== undefined && (typeof text !== "string" || !/^[\x20-\x7e]+$/.test(text))) {
      errors.push(refuse("mj-0004", "Type mismatch.", field));
    }
  }
  if (typeof Subject === "string" && Subject.length > SUBJECT_MAX) {
    errors.push(refuse("mj-0006", "Subject is too long.", "Subject"));
  }
  if (TemplateLanguage !== undefined && typeof TemplateLanguage !== "boolean") {
    errors.push(refuse("mj-0004", 'Type mismatch. Expected type "bool".', "TemplateLanguage"));
  }
  return [
    ...errors,
    ...["From", "ReplyTo"].flatMap((field) =>
      value[field] === undefined ? [] : checkMailbox(value[field], field),
    ),
    ...["To", "Cc", "Bcc"].flatMap((field) => checkList(value[field], field, checkMailbox)),
    ...checkTracking(value),
    ...checkHeaders(value.Headers),
    ...checkList(value.Attachments, "Attachments", checkFile),
    ...checkList(value.InlinedAttachments, "InlinedAttachments", checkFile),
  ];
}

function checkList(
  list: unknown,
  field: string,
  check: (value: unknown, where: string) => ApiError[],
): ApiError[] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) return [refuse("mj-0004", "Type mismatch.", field)];
  if (list.length === 0) return [refuse("mj-0007", "An empty array.", field)];
  return list.flatMap((one, index) => check(one, `${field}[${index}]`));
}

function checkMailbox(value: unknown, where: string): ApiError[] {
  const { Email, Name, ...others } = isObject(value) ? value : {};
  if (Object.keys(others).length > 0) return [refuse("mj-0004", "Unknown property.", where)];
  if (typeof Email !== "string" || !EMAIL.test(Email)) {
    const message = `"${String(Email)}" is an invalid email address.`;
    return [refuse("mj-0013", message, `${where}.Email`)];
  }
  const named = Name === undefined || (typeof Name === "string" && Name !== "");
  return named ? [] : [refuse("mj-0012", "An empty string.", `${where}.Name`)];
}

function checkTracking({ HTMLPart, TrackOpens, TrackClicks }: Record<string, unknown>): ApiError[] {
  return Object.entries({ TrackOpens, TrackClicks }).flatMap(([field, value]) => {
    if (value === undefined) return [];
    const allowed = HTMLPart !== undefined && TRACKING.has(String(value));
    return allowed ? [] : [refuse("mj-0005", "Not an allowed value.", field)];
  });
}

function checkHeaders(headers: unknown): ApiError[] {
  if (headers === undefined) return [];
  if (!isObject(headers)) return [refuse("mj-0004", "Type mismatch.", "Headers")];
  return Object.entries(headers).flatMap(([name, value]) => {
    if (FORBIDDEN.has(name.toLowerCase()) || STEERING.test(name)) {
      const message = `Header cannot be customized using the "Headers" collection. "${name}"`;
      return [refuse("send-0011", message, `Headers["${name}"]`)];
    }
    const valid = isHeaderName(name) && isLine(value);
    return valid ? [] : [refuse("mj-0004", "Type mismatch.", "Headers")];
  });
}

function checkFile(value: unknown, where: string): ApiError[] {
  const { ContentType, Filename, Base64Content, ContentID, ...others } = isObject(value)
    ? value
    : {};
  if (Object.keys(others).length > 0) return [refuse("mj-0004", "Unknown property.", where)];
  for (const [field, text] of Object.entries({ ContentType, Filename, Base64Content })) {
    if (typeof text !== "string" || text === "") {
      return [refuse("mj-0012", "An empty string.", `${where}.${field}`)];
    }
  }
  const inline = where.startsWith("Inlined");
  const named = ContentID === undefined ? !inline : inline && typeof ContentID === "string";
  if (!named) return [refuse("mj-0004", "Type mismatch.", `${where}.ContentID`)];
  if (isBase64(Base64Content)) return [];
  return [refuse("mj-0004", "Type mismatch.", `${where}.Base64Content`)];
}
