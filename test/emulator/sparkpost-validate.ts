/** What SparkPost refuses in `POST /transmissions`; stricter, it refuses unknown fields too. */
import { type Fields, isBase64, isHeaderName, isLine, isObject } from "./checks.ts";

/** One error in SparkPost's shape. */
export interface ApiError {
  readonly message: string;
  readonly description?: string;
  readonly code?: string;
}

/** A refusal: the status, and the error in the list. */
export interface Refusal {
  readonly status: number;
  readonly error: ApiError;
}

/** A transmission that passed: what the emulator needs of it. */
export interface ValidTransmission {
  readonly posternId: string | undefined;
  readonly subject: string;
  readonly recipients: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

const SENDING_DOMAINS = new Set(["acme.example", "example.com"]);
const ADDRESS = /^[^\s@<>,]+@[a-z0-9-]+(\.[a-z0-9-]+)+$/i;
const LIST =
  /^(?:(?:(?:"(?:[^"\\]|\\.)*"|[^<>",;@]+) <[^\s<>@]+@[^\s<>@]+>|[^\s<>@,]+@[^\s<>@,]+)(?:, |$))+$/;
/** Written from other fields, or when the message is built. */
const HEADERS_REFUSED = /^(subject|from|to|reply-to|content-.*|mime-version)$/i;
const METADATA_MAX = 1000;
const CAMPAIGN_MAX = 64;
const TAGS_MAX = 10;
const NAME_MAX = 255;
const OPTIONS = ["open_tracking", "initial_open", "click_tracking", "transactional"];

const refuse = (code: string, description: string, status = 422): Refusal => {
  const message = code === "1400" ? "required field is missing" : "invalid data format/type";
  return { status, error: { message, description, code } };
};

/** Checks a parsed body; an error is what SparkPost would answer. */
export function checkTransmission(value: unknown): ValidTransmission | Refusal {
  if (!isObject(value)) return refuse("1300", "The body must be an object");
  const { options, campaign_id, metadata, recipients, content } = value;
  const unknown = unknownOf(value, "options campaign_id metadata recipients content");
  if (unknown !== null) return refuse("1300", `Unknown field ${unknown}`);
  if (!isObject(content)) return refuse("1400", "content object or template_id required");
  if (campaign_id !== undefined && !isText(campaign_id, CAMPAIGN_MAX)) {
    return refuse("1300", "campaign_id is a string of up to 64 bytes");
  }
  if (metadata !== undefined && !isObject(metadata)) return refuse("1300", "metadata is an object");
  if (Buffer.byteLength(JSON.stringify(metadata ?? {})) > METADATA_MAX) {
    return refuse("1300", "metadata has more than 1000 bytes");
  }
  const problem = checkOptions(options) ?? checkContent(content) ?? checkRecipients(recipients);
  if (problem !== null) return problem;
  const literal = isObject(options) && options.perform_substitutions === false;
  if (!literal && JSON.stringify(content).includes("{{")) {
    return refuse("3000", "substitution language syntax error in part text");
  }
  const id = metadata?.postern_id;
  return {
    posternId: typeof id === "string" ? id : undefined,
    subject: String(content.subject),
    recipients: (recipients as { address: { email: string } }[]).map(
      ({ address }) => address.email,
    ),
    metadata: metadata ?? {},
  };
}

function checkOptions(options: unknown): Refusal | null {
  if (options === undefined) return null;
  if (!isObject(options)) return refuse("1300", "options is an object");
  const unknown = unknownOf(options, [...OPTIONS, "perform_substitutions", "ip_pool"].join(" "));
  if (unknown !== null) return refuse("1300", `Unknown option ${unknown}`);
  for (const name of [...OPTIONS, "perform_substitutions"]) {
    if (options[name] !== undefined && typeof options[name] !== "boolean") {
      return refuse("1300", `options.${name} is a boolean`);
    }
  }
  if (options.ip_pool !== undefined && !isText(options.ip_pool)) {
    return refuse("1300", "options.ip_pool is a string");
  }
  return null;
}

function checkRecipients(recipients: unknown): Refusal | null {
  if (!Array.isArray(recipients) || recipients.length === 0) {
    return refuse("1400", "recipients or list_id required");
  }
  for (const recipient of recipients) {
    if (!isObject(recipient) || unknownOf(recipient, "address tags metadata") !== null) {
      return refuse("1300", "A recipient is malformed");
    }
    const { address, tags = [] } = recipient;
    if (!isObject(address) || unknownOf(address, "email name header_to") !== null) {
      return refuse("1300", "The address of a recipient is malformed");
    }
    const { email, header_to } = address;
    if (typeof email !== "string" || !ADDRESS.test(email)) {
      return refuse("1300", `address.email '${String(email)}' of a recipient is invalid`);
    }
    if (header_to !== undefined && !(typeof header_to === "string" && LIST.test(header_to))) {
      return refuse("1300", `header_to '${String(header_to)}' is invalid`);
    }
    if (!Array.isArray(tags) || tags.length > TAGS_MAX || !tags.every((tag) => isText(tag))) {
      return refuse("1300", "tags are up to 10 strings");
    }
  }
  return null;
}

function checkContent(content: Fields): Refusal | null {
  const known = "from subject reply_to headers text html attachments inline_images";
  const unknown = unknownOf(content, known);
  if (unknown !== null) return refuse("1300", `Unknown field content.${unknown}`);
  const { from, subject, reply_to, headers = {}, text, html } = content;
  if (typeof subject !== "string") return refuse("1400", "content.subject is required");
  if (typeof text !== "string" && typeof html !== "string") {
    return refuse("1400", "At least one of text or html is required");
  }
  if (!isObject(from) || unknownOf(from, "email name") !== null || !isText(from.email)) {
    return refuse("1400", "content.from.email is required");
  }
  if (!SENDING_DOMAINS.has(String(from.email).split("@").at(-1) ?? "")) {
    const description = "Unconfigured or unverified sending domain.";
    return { status: 400, error: { message: "Invalid domain", description, code: "7001" } };
  }
  if (reply_to !== undefined && !(typeof reply_to === "string" && LIST.test(reply_to))) {
    return refuse("1300", "content.reply_to is invalid");
  }
  return checkHeaders(headers) ?? checkFiles(content.attachments) ?? checkInline(content);
}

function checkHeaders(headers: unknown): Refusal | null {
  if (!isObject(headers)) return refuse("1300", "content.headers is an object");
  for (const [name, value] of Object.entries(headers)) {
    const bad = !isHeaderName(name) || HEADERS_REFUSED.test(name);
    if (bad || !isLine(value)) return refuse("3002", `Invalid header ${name}`);
    if (/^cc$/i.test(name) && !LIST.test(value)) return refuse("3002", "Invalid header Cc");
  }
  return null;
}

function checkInline({ html, inline_images }: Fields): Refusal | null {
  if (inline_images === undefined) return null;
  if (html === undefined) return refuse("1301", "inline_images need html");
  const problem = checkFiles(inline_images);
  if (problem !== null) return problem;
  const names = (inline_images as { name: string }[]).map(({ name }) => name);
  return new Set(names).size === names.length ? null : refuse("1300", "names are unique");
}

function checkFiles(files: unknown): Refusal | null {
  if (files === undefined) return null;
  if (!Array.isArray(files) || files.length === 0) return refuse("1300", "files are an array");
  for (const file of files) {
    if (!isObject(file) || unknownOf(file, "name type data") !== null) {
      return refuse("1300", "a file is malformed");
    }
    const { name, type, data } = file;
    if (!isText(name, NAME_MAX) || !isText(type) || typeof data !== "string") {
      return refuse("1400", "a file needs name, type and data");
    }
    if (!isBase64(data)) return refuse("1300", "data is base64 without line breaks");
  }
  return null;
}

function isText(value: unknown, bytesMax = Number.POSITIVE_INFINITY): boolean {
  return typeof value === "string" && value !== "" && Buffer.byteLength(value) <= bytesMax;
}

/** The first field that is not known, or null. */
function unknownOf(value: Fields, known: string): string | null {
  const names = new Set(known.split(" "));
  return Object.keys(value).find((name) => !names.has(name)) ?? null;
}
