/**
 * What SendGrid refuses in `POST /v3/mail/send`, and stricter: fields it does not name are refused
 * too (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors).
 */
import { type Fields, isBase64, isLine, isObject } from "./checks.ts";

/** One error of SendGrid's list. */
export interface SendGridError {
  readonly message: string;
  readonly field: string | null;
  readonly help?: string | null;
}

/** One personalization that passed. */
export interface ValidPersonalization {
  /** Our message id from the custom arguments, if it is there. */
  readonly posternId: string | undefined;
}

const FIELDS = new Set([
  ...["personalizations", "from", "reply_to", "reply_to_list", "subject", "content"],
  ...["attachments", "categories", "headers", "custom_args", "asm", "mail_settings"],
  ...["tracking_settings", "send_at", "batch_id", "ip_pool_name"],
]);
const PERSONALIZATION = new Set([
  ...["to", "cc", "bcc", "from", "subject", "headers", "custom_args", "send_at"],
  "substitutions",
]);
const RESERVED = new Set([
  ...["x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type"],
  ...["content-transfer-encoding", "to", "from", "subject", "reply-to", "cc", "bcc"],
]);
const TRACKING = ["click_tracking", "open_tracking", "subscription_tracking", "ganalytics"];
const EMAIL = /^(?:"[^"]*"|[!-~]+)@[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i;
const RECIPIENTS_MAX = 1_000;
const ARGS_MAX_BYTES = 10_000;

const bad = (field: string, message: string): SendGridError[] => [{ message, field, help: null }];

/** Checks a parsed body: its personalizations, or every kind of error that SendGrid would name. */
export function checkMail(value: unknown): ValidPersonalization[] | { errors: SendGridError[] } {
  if (!isObject(value)) return { errors: [{ message: "Bad Request", field: null }] };
  const errors = [
    ...unknown(value, FIELDS, ""),
    ...address(value.from, "from"),
    ...checkReplyTo(value),
    ...text(value.subject, "subject"),
    ...checkContent(value.content),
    ...checkAttachments(value.attachments),
    ...checkCategories(value.categories),
    ...checkHeaders(value.headers, "headers"),
    ...checkSettings(value),
  ];
  const { personalizations } = value;
  if (!Array.isArray(personalizations) || personalizations.length === 0) {
    return { errors: bad("personalizations", "You must have at least one personalization.") };
  }
  let recipients = 0;
  for (const [index, one] of personalizations.entries()) {
    const place = `personalizations.${index}`;
    if (!isObject(one)) errors.push(...bad(place, "It must be an object."));
    else errors.push(...checkPersonalization(one, place, value.custom_args));
    for (const kind of ["to", "cc", "bcc"]) recipients += listOf(Object(one)[kind]).length;
  }
  if (personalizations.length > 1_000 || recipients > RECIPIENTS_MAX) {
    const message = "There is a limit of 1000 total recipients (to + cc + bcc) per request.";
    errors.push(...bad("personalizations", message));
  }
  if (errors.length > 0) return { errors };
  return personalizations.map(({ custom_args: args }) => {
    const id = { ...Object(value.custom_args), ...Object(args) }.postern_id;
    return { posternId: id === undefined ? undefined : String(id) };
  });
}

function checkPersonalization(one: Fields, place: string, shared: unknown): SendGridError[] {
  const errors = unknown(one, PERSONALIZATION, `${place}.`);
  if (listOf(one.to).length === 0) {
    errors.push(...bad(`${place}.to`, "The to array is required for all personalization objects."));
  }
  const seen = new Set<string>();
  for (const kind of ["to", "cc", "bcc"]) {
    if (one[kind] === undefined) continue;
    if (listOf(one[kind]).length === 0) errors.push(...bad(`${place}.${kind}`, "It is empty."));
    for (const [index, given] of listOf(one[kind]).entries()) {
      errors.push(...address(given, `${place}.${kind}.${index}`));
      const email = String(Object(given).email).toLowerCase();
      if (seen.has(email)) {
        const message = `Each email address should be unique. We found [${email}] twice.`;
        errors.push(...bad(place, message));
      }
      seen.add(email);
    }
  }
  if (one.subject !== undefined) errors.push(...text(one.subject, `${place}.subject`));
  errors.push(...checkHeaders(one.headers, `${place}.headers`));
  return [...errors, ...checkArguments({ ...Object(shared), ...Object(one.custom_args) }, place)];
}

function checkArguments(args: Fields, place: string): SendGridError[] {
  const field = `${place}.custom_args`;
  if (!Object.values(args).every((value) => typeof value === "string")) {
    return bad(field, "All values of custom arguments object must be strings");
  }
  const bytes = Buffer.byteLength(JSON.stringify(args));
  return bytes > ARGS_MAX_BYTES ? bad(field, "They may not exceed 10,000 bytes.") : [];
}

function checkReplyTo({ reply_to: one, reply_to_list: several }: Fields): SendGridError[] {
  if (one !== undefined && several !== undefined) {
    return bad("reply_to", "reply_to and reply_to_list cannot be used together.");
  }
  if (one !== undefined) return address(one, "reply_to");
  return listOf(several).flatMap((given, index) => address(given, `reply_to_list.${index}`));
}

function checkContent(content: unknown): SendGridError[] {
  const parts = listOf(content);
  if (parts.length === 0) return bad("content", "There must be at least one content block.");
  const errors = parts.flatMap((part, index) => [
    ...text(Object(part).type, `content.${index}.type`),
    ...text(Object(part).value, `content.${index}.value`),
  ]);
  const types = parts.map((part) => Object(part).type);
  if (types.indexOf("text/plain") > 0) {
    errors.push(...bad("content", "text/plain needs to be first, followed by text/html."));
  }
  return errors;
}

function checkAttachments(attachments: unknown): SendGridError[] {
  if (attachments === undefined) return [];
  const known = new Set(["content", "filename", "type", "disposition", "content_id"]);
  return listOf(attachments).flatMap((given, index) => {
    const place = `attachments.${index}`;
    const part = Object(given) as Fields;
    const errors = unknown(part, known, `${place}.`);
    errors.push(...text(part.filename, `${place}.filename`));
    errors.push(...text(part.content, `${place}.content`));
    if (!isBase64(part.content)) {
      errors.push(...bad(`${place}.content`, "The attachment content must be base64 encoded."));
    }
    for (const name of ["filename", "type", "content_id"]) {
      const value = part[name];
      if (value === undefined) continue;
      if (typeof value !== "string" || value === "" || /[;,\r\n]/.test(value)) {
        errors.push(...bad(`${place}.${name}`, "It cannot contain ';', ',' or CRLF characters."));
      }
    }
    if (!["inline", "attachment", undefined].includes(part.disposition as string | undefined)) {
      errors.push(...bad(`${place}.disposition`, 'It can be "inline" or "attachment".'));
    }
    return errors;
  });
}

function checkCategories(categories: unknown): SendGridError[] {
  if (categories === undefined) return [];
  const list = listOf(categories);
  if (list.length === 0 || list.length > 10) return bad("categories", "There is a limit of 10.");
  const fine = list.every((one) => typeof one === "string" && /^[ -~]{1,255}$/.test(one));
  if (!fine) return bad("categories", "Each is ASCII and not longer than 255 characters.");
  return new Set(list).size < list.length ? bad("categories", "They must be unique.") : [];
}

function checkHeaders(headers: unknown, place: string): SendGridError[] {
  if (headers === undefined) return [];
  if (!isObject(headers)) return bad(place, "The headers must be an object.");
  return Object.entries(headers).flatMap(([name, value]) => {
    if (!isLine(value)) return bad(place, "The header values must be strings.");
    if (!/^[!-9;-~]+$/.test(name)) return bad(place, "Header keys cannot contain non-ASCII.");
    return RESERVED.has(name.toLowerCase())
      ? bad(place, "Header can not be one of the reserved keys.")
      : [];
  });
}

function checkSettings({ asm, mail_settings: mail, tracking_settings: tracking }: Fields) {
  const errors: SendGridError[] = [];
  if (asm !== undefined && Object(asm).group_id !== 42) {
    const message = "The ASM group ID must be a valid Group ID on your account.";
    errors.push(...bad("asm.group_id", message));
  }
  const switches = { ...Object(mail), ...Object(tracking) } as Fields;
  for (const [name, value] of Object.entries(switches)) {
    const known = [...TRACKING, "footer", "sandbox_mode"].includes(name);
    const { enable, enable_text: enableText = false } = Object(value);
    if (!known || typeof enable !== "boolean" || typeof enableText !== "boolean") {
      errors.push(...bad(`tracking_settings.${name}.enable`, "It should be a boolean value."));
    }
  }
  return errors;
}

function address(value: unknown, place: string): SendGridError[] {
  const { email, name = "", ...others } = Object(value) as Fields;
  const fine = typeof email === "string" && EMAIL.test(email) && email.length <= 320;
  if (!fine) return bad(`${place}.email`, `Does not contain a valid address. [${email}]`);
  const known = typeof name === "string" && Object.keys(others).length === 0;
  return known ? [] : bad(`${place}.name`, "The name must be a string.");
}

const text = (value: unknown, place: string): SendGridError[] =>
  typeof value === "string" && value.length > 0
    ? []
    : bad(place, "It must be a string at least one character in length.");

const unknown = (value: Fields, known: ReadonlySet<string>, place: string): SendGridError[] =>
  Object.keys(value)
    .filter((field) => !known.has(field))
    .flatMap((field) => bad(`${place}${field}`, "Additional property is not allowed"));

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
