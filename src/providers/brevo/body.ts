/**
 * A message in the words of Brevo's `POST /v3/smtp/email`
 * (https://developers.brevo.com/reference/send-transac-email), and what of a message has none.
 */
import type { Mailbox } from "../../core/address.ts";
import { ACCOUNT_NAME, addressOf, ID_NAME, listOf } from "../message.ts";
import { rejected } from "../outcomes.ts";
import type { Outcome, OutgoingMessage } from "../provider.ts";

/** The header that each event gives back; it stays on the message, so recipients can read it. */
const CUSTOM_HEADER = "X-Mailin-custom";

/** Brevo's limit for a display name, in characters. */
const NAME_MAX = 70;
/** Octets of a name whose encoded-word is within `NAME_MAX`: 12 around four thirds of 42. */
const ENCODED_NAME_OCTETS_MAX = 42;
/** Headers that are orders to Brevo: the IP to send from, and the idempotency key. */
const ORDERS: ReadonlySet<string> = new Set(["sender.ip", "idempotencykey", "idempotency-key"]);

/**
 * Why Brevo cannot carry this message as it is; null when it can. Nothing has been written then.
 * Its API takes one Reply-To, and has no inline images: a `cid:` link would show a broken image.
 * It writes non-ASCII header values as raw 8-bit octets, decoding RFC 2047 first, and such mail
 * is bounced or lost (https://anymail.dev/en/stable/esps/brevo/#limitations-and-quirks).
 */
export function unsupportedIn(message: OutgoingMessage): Outcome | null {
  const refuse = (code: string, text: string) => rejected("content", code, text);
  if (message.attachments.some(({ contentId }) => contentId !== undefined)) {
    return refuse("inline_unsupported", "Brevo's API takes no inline attachments");
  }
  if (message.replyTo.length > 1) {
    return refuse("reply_to_unsupported", "Brevo takes one reply-to mailbox");
  }
  for (const [name, value] of Object.entries(message.headers)) {
    if (ORDERS.has(name.toLowerCase())) {
      return refuse("header_unsupported", "Brevo takes a header of this message as an order");
    }
    if (!ASCII.test(value)) {
      return refuse("header_unsupported", "Brevo breaks headers that are not ASCII");
    }
  }
  return null;
}

const ASCII = /^[\t\x20-\x7e]*$/;

/**
 * The body; a field without content is left out. Message-ID is left out as well: Brevo takes no
 * standard headers and sets its own. What the account says about open and click tracking and
 * about Brevo's List-Unsubscribe cannot be changed for one message, whatever `extras` says.
 */
export function bodyOf(message: OutgoingMessage): Record<string, unknown> {
  const { attachments, replyTo } = message;
  return {
    sender: mailboxOf(message.from),
    to: message.to.map(mailboxOf),
    cc: listOf(message.cc, mailboxOf),
    bcc: listOf(message.bcc, mailboxOf),
    replyTo: replyTo[0] === undefined ? undefined : mailboxOf(replyTo[0]),
    subject: message.subject,
    htmlContent: htmlOf(message),
    textContent: message.text,
    headers: {
      ...message.headers,
      [CUSTOM_HEADER]: customOf(message),
      idempotencyKey: message.idempotencyKey,
    },
    // The id as a tag is what Brevo's records can be searched by.
    tags: [message.id, ...message.tags.map(({ name, value }) => `${name}:${value}`)],
    attachment: listOf(attachments, ({ filename, content }) => ({ name: filename, content })),
  };
}

/**
 * Brevo turns a message with text alone into one with HTML alone, and leaves one with both as it
 * is (https://github.com/anymail/django-anymail/pull/483), so text gets its own HTML.
 *
 * Brevo reads `{{ }}`, `{% %}` and `{# #}` as its template language; as character references they
 * are text to it and the same to a reader. In styles and scripts there are none, and those,
 * subject and text go as they are (`{% verbatim %}` would show where nothing is rendered).
 */
function htmlOf({ html, text }: OutgoingMessage): string | undefined {
  const whole = html ?? (text === undefined || text === "" ? undefined : htmlOfText(text));
  return whole === undefined ? undefined : withoutTemplates(whole);
}

function withoutTemplates(html: string): string {
  let raw = "";
  return html.replace(TEMPLATE_OR_RAW, (found) => {
    if (found === "{") return raw === "" ? "&#123;" : found;
    const tag = found.toLowerCase();
    if (raw === "" && !tag.startsWith("</")) raw = tag.slice(1);
    else if (tag === `</${raw}`) raw = "";
    return found;
  });
}

const TEMPLATE_OR_RAW = /<\/?(?:style|script)\b|\{(?=[{%#])/gi;

/** The text as it stands, in a proportional font, wrapped to the window. */
function htmlOfText(text: string): string {
  const escaped = text.replace(/[&<>]/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<html><body><div style="white-space:pre-wrap">${escaped}</div></body></html>`;
}

/**
 * Our id and account and the caller's metadata as a JSON object of strings, a space after each
 * comma so that the header can be folded. A value has `%`, `"`, `\` and whatever is not ASCII
 * percent-encoded: decodeURIComponent gives it back.
 */
function customOf({ id, account, metadata }: OutgoingMessage): string {
  const fields = { ...metadata, [ACCOUNT_NAME]: account, [ID_NAME]: id };
  const members = Object.entries(fields).map(([name, value]) => {
    const plain = value.toWellFormed().replace(/[^\x20-\x7e]+|[%"\\]/g, encodeURIComponent);
    return `"${name}":"${plain}"`;
  });
  return `{${members.join(", ")}}`;
}

function mailboxOf(mailbox: Mailbox): Record<string, string> {
  const email = addressOf(mailbox);
  return mailbox.name === null ? { email } : { name: nameOf(mailbox.name), email };
}

/**
 * Brevo drops a name that has both non-ASCII characters and RFC 5322 specials, but takes it as an
 * encoded-word (RFC 2047); where that is too long, the specials give way.
 */
function nameOf(name: string): string {
  if (ASCII.test(name) || !SPECIALS.test(name)) return shortened(name);
  const octets = new TextEncoder().encode(name);
  if (octets.length > ENCODED_NAME_OCTETS_MAX) return shortened(name.split(SPECIALS).join(" "));
  return `=?utf-8?B?${btoa(String.fromCharCode(...octets))}?=`;
}

const SPECIALS = /[()<>[\]:;@\\,."]+/;

/** Cut between characters, not within one. */
const shortened = (name: string): string =>
  name.length > NAME_MAX
    ? name
        .slice(0, NAME_MAX)
        .replace(/\p{Cs}$/u, "")
        .trim()
    : name;
