/** A message in Postmark's words (https://postmarkapp.com/developer/api/email-api). */
import { formatMailbox } from "../../core/address.ts";
import type { Lane } from "../../core/custody.ts";
import { ACCOUNT_NAME, ID_NAME, UNKNOWN_TYPE } from "../message.ts";
import type { OutgoingMessage } from "../provider.ts";

/** The id of Postmark's message stream for each kind of stream. */
export type MessageStreams = Readonly<Record<Lane, string>>;

/** https://postmarkapp.com/support/article/1125-custom-metadata-faq: fields, and their length. */
const METADATA_MAX = 10;
const METADATA_VALUE_MAX = 80;

/** The body of `POST /email`, or one element of a batch; a field without content is left out. */
export function bodyOf(
  message: OutgoingMessage,
  streams: MessageStreams,
): Readonly<Record<string, unknown>> {
  const { extras } = message;
  const list = (mailboxes: OutgoingMessage["to"]) =>
    mailboxes.length > 0 ? mailboxes.map(formatMailbox).join(", ") : undefined;
  return {
    From: formatMailbox(message.from),
    To: list(message.to),
    Cc: list(message.cc),
    Bcc: list(message.bcc),
    ReplyTo: list(message.replyTo),
    Subject: message.subject,
    HtmlBody: message.html,
    TextBody: message.text,
    Tag: tagOf(message),
    Metadata: metadataOf(message),
    Headers: headersOf(message),
    TrackOpens: extras.opens,
    TrackLinks: extras.clicks ? "HtmlAndText" : "None",
    MessageStream: streams[message.lane],
    Attachments: attachmentsOf(message),
  };
}

/** A message has one tag: the first. Name and value stay together, as statistics show the tag. */
function tagOf({ tags }: OutgoingMessage): string | undefined {
  const [first] = tags;
  return first === undefined ? undefined : `${first.name}:${first.value}`;
}

/** Our two fields, then the caller's. Postmark refuses two names that differ in case only. */
function metadataOf(message: OutgoingMessage): Record<string, string> {
  const given: Record<string, string> = {
    [ID_NAME]: message.id,
    [ACCOUNT_NAME]: message.account.slice(0, METADATA_VALUE_MAX),
  };
  const taken = new Set(Object.keys(given));
  for (const [name, value] of Object.entries(message.metadata)) {
    if (taken.size >= METADATA_MAX || taken.has(name.toLowerCase())) continue;
    taken.add(name.toLowerCase());
    given[name] = value;
  }
  return given;
}

/**
 * Without X-PM-KeepID Postmark writes a Message-ID of its own
 * (https://postmarkapp.com/developer/user-guide/send-email-with-smtp).
 */
function headersOf(message: OutgoingMessage): { Name: string; Value: string }[] {
  const own = { "Message-ID": `<${message.messageId}>`, "X-PM-KeepID": "true" };
  return Object.entries({ ...message.headers, ...own }).map(([Name, Value]) => ({ Name, Value }));
}

function attachmentsOf({ attachments }: OutgoingMessage) {
  if (attachments.length === 0) return undefined;
  return attachments.map(({ filename, content, contentType, contentId }) => ({
    Name: filename,
    Content: content,
    // Postmark wants a type of each; RFC 2046 section 4.5.1 has this one for any bytes.
    ContentType: contentType ?? UNKNOWN_TYPE,
    ContentID: contentId === undefined ? undefined : `cid:${contentId}`,
  }));
}
