/**
 * Messages in SendGrid's words. What it refuses is listed in
 * https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors.
 */
import type { Mailbox } from "../../core/address.ts";
import { ACCOUNT_NAME, emailAndName, ID_NAME, listOf } from "../message.ts";
import type { Attachment, OutgoingMessage } from "../provider.ts";

const CATEGORIES_MAX = 10;
const CATEGORY_MAX = 255;

/**
 * SendGrid refuses an empty subject, and a part or a body that is empty: one space is the shortest
 * text that reads as none.
 */
const NOTHING = " ";

/**
 * The body of `POST /v3/mail/send` for one message, or for several that share everything but
 * recipients, headers and metadata; a field without content is left out.
 *
 * @param shared the message, or any of the several
 * @param group the account's unsubscribe group, if it has one
 */
export function bodyOf(
  shared: OutgoingMessage,
  messages: readonly OutgoingMessage[],
  group: number | undefined,
): Readonly<Record<string, unknown>> {
  const { from, replyTo, subject, attachments, extras } = shared;
  const [first, ...others] = replyTo.map(emailAndName);
  const several = others.length > 0;
  return {
    personalizations: messages.map(personalizationOf),
    from: emailAndName(from),
    // One of the two fields, never both.
    reply_to: several ? undefined : first,
    reply_to_list: several ? [first, ...others] : undefined,
    subject: subject === "" ? NOTHING : subject,
    content: contentOf(shared),
    attachments: listOf(attachments, attachmentOf),
    categories: categoriesOf(shared),
    asm: extras.unsubscribe && group !== undefined ? { group_id: group } : undefined,
    // What the account has switched on by itself holds unless a message says otherwise.
    mail_settings: { footer: { enable: false } },
    tracking_settings: {
      click_tracking: { enable: extras.clicks, enable_text: extras.clicks },
      open_tracking: { enable: extras.opens },
      subscription_tracking: { enable: false },
      ganalytics: { enable: false },
    },
  };
}

/**
 * What is one message's own. The headers are all here, as those of a personalization may replace
 * those of the call. Message-ID is not among the names that SendGrid reserves, and it keeps the one
 * it is given (https://github.com/anymail/django-anymail/issues/108).
 */
function personalizationOf(message: OutgoingMessage): Record<string, unknown> {
  return {
    to: listOf(message.to, recipientOf),
    cc: listOf(message.cc, recipientOf),
    bcc: listOf(message.bcc, recipientOf),
    headers: { ...message.headers, "Message-ID": `<${message.messageId}>` },
    custom_args: argumentsOf(message),
  };
}

/**
 * SendGrid writes custom arguments beside the fields of an event
 * (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event), so a caller's name
 * that is one of those gets a prefix: it must not pass for what happened to the message.
 */
function argumentsOf(message: OutgoingMessage): Record<string, string> {
  const given = Object.entries(message.metadata).map(([name, value]) => {
    return [EVENT_FIELDS.has(name.toLowerCase()) ? `metadata_${name}` : name, value];
  });
  const own = { [ID_NAME]: message.id, [ACCOUNT_NAME]: message.account };
  return { ...Object.fromEntries(given), ...own };
}

const EVENT_FIELDS: ReadonlySet<string> = new Set([
  ...["email", "timestamp", "event", "smtp-id", "sg_event_id", "sg_message_id", "category"],
  ...["reason", "status", "response", "attempt", "type", "tls", "cert_err", "useragent", "ip"],
  ...["url", "url_offset", "asm_group_id", "bounce_classification", "pool", "send_at"],
  ...["sg_machine_open", "sg_content_type", "sg_template_id", "sg_template_name", "newsletter"],
  ...["marketing_campaign_id", "marketing_campaign_name", "marketing_campaign_version"],
]);

/**
 * SendGrid takes a comma or semicolon in a recipient's name for the end of the mailbox, unless the
 * name is quoted (https://github.com/sendgrid/sendgrid-python/issues/578).
 */
function recipientOf(mailbox: Mailbox): { email: string; name?: string } {
  const { name } = mailbox;
  if (name === null || !/[,;]/.test(name)) return emailAndName(mailbox);
  return emailAndName({ ...mailbox, name: `"${name.replace(/[\\"]/g, "\\$&")}"` });
}

/** Text before HTML, as SendGrid wants it. */
function contentOf({ text, html }: OutgoingMessage): { type: string; value: string }[] {
  const parts = [
    { type: "text/plain", value: text ?? "" },
    { type: "text/html", value: html ?? "" },
  ].filter(({ value }) => value !== "");
  const type = text === undefined ? "text/html" : "text/plain";
  return parts.length > 0 ? parts : [{ type, value: NOTHING }];
}

/** Neither a filename nor a type may hold a comma or semicolon: a type goes without parameters. */
function attachmentOf({ filename, content, contentType, contentId }: Attachment) {
  return {
    content,
    filename: filename.replace(/[,;]/g, "_"),
    type: contentType?.split(/[,;]/)[0]?.trim() || undefined,
    disposition: contentId === undefined ? "attachment" : "inline",
    content_id: contentId,
  };
}

/** The first ten tags; name and value stay together, as statistics show the category. */
function categoriesOf({ tags }: OutgoingMessage): string[] | undefined {
  const names = tags.map(({ name, value }) => `${name}:${value}`.slice(0, CATEGORY_MAX));
  const different = [...new Set(names)].slice(0, CATEGORIES_MAX);
  return different.length > 0 ? different : undefined;
}
