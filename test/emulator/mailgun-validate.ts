/** What Mailgun refuses in its two sending calls, and stricter: unknown fields are refused too. */
import { isHeaderName } from "./checks.ts";
import type { FormPart } from "./multipart.ts";

/** A form that passed: what the emulator needs of it. */
export interface ValidForm {
  readonly posternId: string | undefined;
  readonly subject: string;
  /** Without angle brackets; undefined when Mailgun is to make one. */
  readonly messageId: string | undefined;
  readonly recipients: readonly string[];
}

const ADDRESS = /^[^\s@<>,]+@[a-z0-9-]+(\.[a-z0-9-]+)+$/i;
const MAILBOX = /^(?:(?:"(?:[^"\\\r\n]|\\.)*"|[^\r\n<>",;]*) )?<([^<>]+)>$/;
const WITHIN = /^(?:(\d+)h)?(?:(\d+)m)?$/;
const RECIPIENTS_MAX = 1000;
const OPTIONS_MAX = 16_384;
const TAGS_MAX = 10;
const YES_NO: Readonly<Record<string, RegExp>> = {
  "o:tracking": /^(yes|no|true|false|htmlonly)$/,
  "o:tracking-clicks": /^(yes|no|true|false|htmlonly)$/,
  "o:tracking-opens": /^(yes|no|true|false)$/,
};
const PLAIN = new Set("from to cc bcc subject text html".split(" "));
const FILES = new Set(["attachment", "inline"]);

/** Checks the form of `messages`; a text is the message of a 400. */
export function checkParts(parts: readonly FormPart[]): ValidForm | string {
  for (const part of parts) {
    const isFile = part.filename !== undefined;
    if (FILES.has(part.name) ? !isFile || part.filename === "" : isFile) {
      return `${part.name} parameter is malformed`;
    }
    if (!PLAIN.has(part.name) && !FILES.has(part.name) && !isOption(part.name)) {
      return `${part.name} parameter is unknown`;
    }
  }
  const recipients: string[] = [];
  for (const field of ["from", "to", "cc", "bcc"]) {
    const values = valuesOf(parts, field);
    if (values.length === 0 && (field === "from" || field === "to")) {
      return `${field} parameter is missing`;
    }
    const addresses = values.flatMap(mailboxesOf);
    if (addresses.some((address) => !ADDRESS.test(address))) {
      return `${field} parameter is not a valid address. please check documentation: ${values}`;
    }
    if (field !== "from") recipients.push(...addresses);
  }
  if (valuesOf(parts, "from").length > 1 || valuesOf(parts, "subject").length !== 1) {
    return "from and subject are given once";
  }
  if (!parts.some(({ name, text }) => (name === "text" || name === "html") && text !== "")) {
    return "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified";
  }
  const messageId = valuesOf(parts, "h:Message-Id")[0];
  if (messageId !== undefined && !/^<[^\s@<>]+@[^\s@<>]+>$/.test(messageId)) {
    return "h:Message-Id is malformed";
  }
  return withOptions(parts, {
    subject: valuesOf(parts, "subject")[0] ?? "",
    messageId: messageId?.slice(1, -1),
    recipients,
  });
}

/** Checks the form of `messages.mime`: `to` is the envelope, the rest is in the message. */
export function checkMime(parts: readonly FormPart[]): ValidForm | string {
  const unknown = parts.find(({ name }) => name !== "to" && name !== "message" && !isOption(name));
  if (unknown !== undefined) return `${unknown.name} parameter is unknown`;
  const recipients = valuesOf(parts, "to").flatMap(mailboxesOf);
  if (recipients.length === 0) return "to parameter is missing";
  if (recipients.some((address) => !ADDRESS.test(address))) {
    return "to parameter is not a valid address. please check documentation";
  }
  const message = parts.find(({ name }) => name === "message");
  if (message === undefined) return "message parameter is missing";
  if (message.filename === undefined) return "'message' parameter is not a file";
  if (/(^|[^\r])\n/.test(message.text)) return "message has bare line feeds";
  const header = message.text.split("\r\n\r\n")[0]?.replace(/\r\n[ \t]/g, " ") ?? "";
  const fieldOf = (name: string) => new RegExp(`^${name}: (.*)$`, "im").exec(header)?.[1]?.trim();
  if (fieldOf("From") === undefined) return "from parameter is missing";
  if (fieldOf("Bcc") !== undefined) return "message shows its Bcc";
  return withOptions(parts, {
    subject: fieldOf("Subject") ?? "",
    messageId: fieldOf("Message-ID")?.slice(1, -1),
    recipients,
  });
}

function withOptions(
  parts: readonly FormPart[],
  form: Omit<ValidForm, "posternId">,
): ValidForm | string {
  if (form.recipients.length > RECIPIENTS_MAX) return "Too many recipients; max is 1000";
  const options = parts.filter(({ name }) => isOption(name));
  const size = options.reduce((sum, { name, bytes }) => sum + name.length + bytes.length, 0);
  if (size > OPTIONS_MAX) {
    return "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total";
  }
  for (const { name, text } of options) {
    const header = name.startsWith("h:") ? name.slice(2) : null;
    if (header !== null && (!isHeaderName(header) || /[\r\n]/.test(text))) {
      return `Header name must be pure ASCII: ${header}`;
    }
    if (YES_NO[name]?.test(text) === false) return `${name} parameter is not yes or no`;
    if (name === "o:tag" && !/^[ -~]{1,128}$/.test(text)) return "o:tag parameter is not valid";
    if (name === "o:deliver-within" && !isWithin(text)) return "invalid delivery time format";
  }
  if (valuesOf(parts, "o:tag").length > TAGS_MAX) return "Too many tags";
  return { ...form, posternId: valuesOf(parts, "v:postern_id")[0] };
}

const OPTIONS = new Set([...Object.keys(YES_NO), "o:tag", "o:deliver-within"]);

function isOption(name: string): boolean {
  return /^[hv]:./.test(name) || OPTIONS.has(name);
}

/** Five minutes to a day, as `1h30m`. */
function isWithin(text: string): boolean {
  const found = WITHIN.exec(text);
  if (found === null || text === "") return false;
  const minutes = Number(found[1] ?? 0) * 60 + Number(found[2] ?? 0);
  return minutes >= 5 && minutes <= 24 * 60;
}

const valuesOf = (parts: readonly FormPart[], wanted: string): string[] =>
  parts.filter(({ name }) => name === wanted).map(({ text }) => text);

/** The addresses of one field, which may hold several mailboxes between commas. */
function mailboxesOf(text: string): string[] {
  const list = text.match(/(?:"(?:[^"\\]|\\.)*"|[^",])+/g) ?? [text];
  return list.map((one) => MAILBOX.exec(one.trim())?.[1] ?? one.trim());
}
