/** A message as the multipart/form-data of Mailgun's two sending calls. */
import { formatMailbox, type Mailbox } from "../../core/address.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { compose } from "../../mime/compose.ts";
import { ACCOUNT_NAME, addressOf, ID_NAME, recipientsOf } from "../message.ts";
import { rejected } from "../outcomes.ts";
import type { Attachment, Outcome, OutgoingMessage } from "../provider.ts";

/** Mailgun takes messages of up to 25 MB, files in base64. */
export const BYTES_MAX = 25_000_000;
/** Mailgun's limit for the fields that begin with o:, h:, v: and t: together, 16 kB. */
const OPTIONS_MAX = 16_000;
/** Mailgun takes 10 tags of up to 128 ASCII characters with a message. */
const TAGS_MAX = 10;
const TAG_MAX = 128;
/** `o:deliver-within` takes 5 minutes to 24 hours. */
const WITHIN_MIN = 5;
const WITHIN_MAX = 24 * 60;

type Field = readonly [name: string, value: string];

/** What is posted, and below which path of the domain. */
export interface Form {
  readonly path: "messages" | "messages.mime";
  readonly body: FormData;
}

/**
 * The form of a message: Mailgun builds it from its parts, or, where the parts cannot say
 * everything, takes it as we built it.
 * https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages
 *
 * @param now Unix milliseconds, for the time that is left until the message expires
 * @returns an error is the refusal of what Mailgun would not take either
 */
export function formOf(message: OutgoingMessage, now: number): Result<Form, Outcome> {
  if (sizeOf(message) > BYTES_MAX) {
    return err(rejected("content", "message_too_large", `Mailgun takes ${BYTES_MAX} bytes`));
  }
  const options = optionsOf(message, now);
  if (octetsOf(options) > OPTIONS_MAX) {
    const text = `Mailgun takes ${OPTIONS_MAX} bytes of tags and metadata`;
    return err(rejected("content", "options_too_large", text));
  }
  const headers = headersOf(message);
  if (needsMime(message) || octetsOf([...headers, ...options]) > OPTIONS_MAX) {
    return ok({ path: "messages.mime", body: mimeForm(message, options) });
  }
  const body = new FormData();
  for (const [name, value] of [...partsOf(message), ...headers, ...options]) {
    body.append(name, value);
  }
  for (const file of message.attachments) {
    const bytes = decode(file.content);
    if (bytes === null) return err(rejected("content", "invalid_attachment", "not base64"));
    const type = file.contentType === undefined ? {} : { type: file.contentType };
    body.append(
      isInline(message, file) ? "inline" : "attachment",
      new Blob([bytes], type),
      file.filename,
    );
  }
  return ok({ path: "messages", body });
}

/**
 * Whether only a message that is already built says what is meant. Mailgun takes an inline file's
 * name as its content id, a form has no parameters of a content type and no quote in a filename,
 * and it must have a `to`.
 */
function needsMime(message: OutgoingMessage): boolean {
  return (
    message.to.length === 0 ||
    message.attachments.some(
      (file) =>
        /["\r\n]/.test(file.filename) ||
        (file.contentType !== undefined && !PLAIN_TYPE.test(file.contentType)) ||
        (isInline(message, file) && file.contentId !== file.filename),
    )
  );
}

/** What a Blob keeps as it is. */
const PLAIN_TYPE = /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/;

/** Only HTML can refer to a file. */
const isInline = (message: OutgoingMessage, file: Attachment): boolean =>
  message.html !== undefined && file.contentId !== undefined;

/**
 * The built message. Here `to` is the envelope alone: it has every recipient, and To and Cc are
 * those of the message.
 */
function mimeForm(message: OutgoingMessage, options: readonly Field[]): FormData {
  const body = new FormData();
  for (const mailbox of recipientsOf(message)) body.append("to", addressOf(mailbox));
  for (const [name, value] of options) body.append(name, value);
  body.append("message", new Blob([compose(message)], { type: "message/rfc822" }), "message.eml");
  return body;
}

function partsOf(message: OutgoingMessage): Field[] {
  const each = (name: string, list: readonly Mailbox[]): Field[] =>
    list.map((mailbox) => [name, formatMailbox(mailbox)]);
  return [
    ["from", formatMailbox(message.from)],
    ...each("to", message.to),
    ...each("cc", message.cc),
    ...each("bcc", message.bcc),
    ["subject", message.subject],
    ...(message.text === undefined ? [] : [["text", message.text] as const]),
    ...(message.html === undefined ? [] : [["html", message.html] as const]),
  ];
}

function headersOf(message: OutgoingMessage): Field[] {
  const replyTo = message.replyTo.map(formatMailbox).join(", ");
  return [
    ["h:Message-Id", `<${message.messageId}>`],
    ...(replyTo === "" ? [] : [["h:Reply-To", replyTo] as const]),
    ...Object.entries(message.headers).map(([name, value]): Field => [`h:${name}`, value]),
  ];
}

/** What steers Mailgun: the same in both calls. */
function optionsOf(message: OutgoingMessage, now: number): Field[] {
  const { opens, clicks } = message.extras;
  const yes = (wanted: boolean) => (wanted ? "yes" : "no");
  const within = withinOf(message.expiresAt - now);
  return [
    // First, for events carry no more than 4 kB of variables.
    [`v:${ID_NAME}`, message.id],
    [`v:${ACCOUNT_NAME}`, message.account],
    ...Object.entries(message.metadata)
      .filter(([name]) => name !== ID_NAME && name !== ACCOUNT_NAME)
      .map(([name, value]): Field => [`v:${name}`, value]),
    ...message.tags
      .slice(0, TAGS_MAX)
      .map(({ name, value }): Field => ["o:tag", `${name}:${value}`.slice(0, TAG_MAX)]),
    // Said of each, as a domain's own settings hold for what is left out.
    ["o:tracking", yes(opens || clicks)],
    ["o:tracking-opens", yes(opens)],
    ["o:tracking-clicks", yes(clicks)],
    ...(within === null ? [] : [["o:deliver-within", within] as const]),
  ];
}

/** The time left as `1h30m`, rounded down; null when it is more than Mailgun can be told. */
function withinOf(leftMs: number): string | null {
  const minutes = Math.max(WITHIN_MIN, Math.floor(leftMs / 60_000));
  if (minutes > WITHIN_MAX) return null;
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return `${hours > 0 ? `${hours}h` : ""}${rest > 0 ? `${rest}m` : ""}`;
}

const octets = (text: string): number => new TextEncoder().encode(text).length;

const octetsOf = (fields: readonly Field[]): number =>
  fields.reduce((sum, [name, value]) => sum + octets(name) + octets(value), 0);

function sizeOf({ attachments, html = "", text = "" }: OutgoingMessage): number {
  const files = attachments.reduce((sum, file) => sum + file.content.length, 0);
  return files + html.length + text.length;
}

/** Null when it is not base64. */
function decode(base64: string): Uint8Array<ArrayBuffer> | null {
  let binary: string;
  try {
    binary = atob(base64);
  } catch {
    return null;
  }
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
