/**
 * A message in the words of Mailjet's Send API v3.1
 * (https://dev.mailjet.com/email/guides/send-api-v31/), and what of a message has none.
 */
import type { Mailbox } from "../../core/address.ts";
import { ACCOUNT_NAME, addressOf, listOf, UNKNOWN_TYPE } from "../message.ts";
import { rejected } from "../outcomes.ts";
import type { Attachment, OutgoingMessage } from "../provider.ts";

/**
 * Why Mailjet cannot carry this message as it is; null when it can. Nothing has been written then.
 * It takes one Reply-To, and refuses the header of that name (send-0011).
 */
export function unsupportedIn({ replyTo }: OutgoingMessage): ReturnType<typeof rejected> | null {
  if (replyTo.length < 2) return null;
  return rejected("content", "reply_to_unsupported", "Mailjet takes one reply-to mailbox");
}

/**
 * One element of `Messages`; a field without content is left out. Message-ID is left out as well:
 * Mailjet refuses the header (send-0011) and sets its own.
 */
export function messageOf(message: OutgoingMessage): Record<string, unknown> {
  const { html, extras, headers, replyTo, attachments } = message;
  const isInline = ({ contentId }: Attachment) => contentId !== undefined;
  // Mailjet refuses a word on tracking where there is no HTML to change.
  const tracked = (on: boolean) => {
    if (html === undefined) return undefined;
    return on ? "enabled" : "disabled";
  };
  return {
    From: mailboxOf(message.from),
    To: message.to.map(mailboxOf),
    Cc: listOf(message.cc, mailboxOf),
    Bcc: listOf(message.bcc, mailboxOf),
    ReplyTo: replyTo[0] === undefined ? undefined : mailboxOf(replyTo[0]),
    Subject: message.subject,
    TextPart: message.text,
    HTMLPart: html,
    Headers: Object.keys(headers).length > 0 ? headers : undefined,
    Attachments: listOf(
      attachments.filter((one) => !isInline(one)),
      fileOf,
    ),
    InlinedAttachments: listOf(attachments.filter(isInline), fileOf),
    CustomID: message.id,
    EventPayload: payloadOf(message),
    TrackOpens: tracked(extras.opens),
    TrackClicks: tracked(extras.clicks),
    // Otherwise "{{" and "{%" are instructions. "[[var:...]]" is one either way.
    TemplateLanguage: false,
  };
}

/**
 * Our account and the caller's tags and metadata, as JSON in ASCII: Mailjet carries it in a header
 * on its way.
 */
function payloadOf({ account, tags, metadata }: OutgoingMessage): string {
  const payload = {
    [ACCOUNT_NAME]: account,
    ...(tags.length > 0
      ? { tags: Object.fromEntries(tags.map(({ name, value }) => [name, value])) }
      : {}),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  };
  return JSON.stringify(payload).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function fileOf({ filename, content, contentType, contentId }: Attachment) {
  return {
    ContentType: contentType ?? UNKNOWN_TYPE,
    Filename: filename,
    ContentID: contentId,
    Base64Content: content,
  };
}

function mailboxOf(mailbox: Mailbox): Record<string, string> {
  const Email = addressOf(mailbox);
  return mailbox.name === null ? { Email } : { Email, Name: mailbox.name };
}
