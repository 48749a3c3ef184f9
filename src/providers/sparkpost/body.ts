/** A message as the JSON of SparkPost's transmissions. */
import { formatMailbox, type Mailbox } from "../../core/address.ts";
import {
  ACCOUNT_NAME,
  addressOf,
  emailAndName,
  ID_NAME,
  recipientsOf,
  UNKNOWN_TYPE,
} from "../message.ts";
import type { Attachment, OutgoingMessage } from "../provider.ts";

/** SparkPost takes 1,000 bytes of metadata with a recipient. */
const METADATA_MAX = 1000;
/** SparkPost keeps 10 tags of a recipient and ignores the rest. */
const TAGS_MAX = 10;
/** SparkPost's limit for a campaign's name, in bytes. */
const CAMPAIGN_MAX = 64;
/** The tag whose value names the campaign, which SparkPost's reports group by. */
const CAMPAIGN_TAG = "campaign";

/**
 * The transmission that sends one message; a field without content is left out.
 * https://developers.sparkpost.com/api/transmissions/
 *
 * @param ipPool the source's pool, null for the account's usual one
 */
export function bodyOf(message: OutgoingMessage, ipPool: string | null): Record<string, unknown> {
  const campaign = message.tags.find(({ name }) => name === CAMPAIGN_TAG)?.value;
  return {
    options: optionsOf(message, ipPool),
    ...(campaign === undefined ? {} : { campaign_id: campaign.slice(0, CAMPAIGN_MAX) }),
    metadata: metadataOf(message),
    recipients: copiesOf(message),
    content: contentOf(message),
  };
}

function optionsOf({ lane, extras }: OutgoingMessage, ipPool: string | null) {
  return {
    open_tracking: extras.opens,
    initial_open: extras.opens,
    click_tracking: extras.clicks,
    // SparkPost puts its own List-Unsubscribe in the place of the message's, and keeps a list of
    // those who use it, unless a transmission is called transactional.
    // https://support.sparkpost.com/docs/tech-resources/list-unsubscribe-functionality
    transactional: lane === "transactional" || !extras.unsubscribe,
    // What reads {{so}} in a message means it: nothing of it is a template.
    perform_substitutions: false,
    ...(ipPool === null ? {} : { ip_pool: ipPool }),
  };
}

/**
 * One copy for each recipient, Cc and Bcc too. What makes them one message is the same To in
 * each. Bcc alone has none to show, and then each copy names its own recipient.
 * https://support.sparkpost.com/docs/faq/cc-bcc-with-rest-api
 */
function copiesOf(message: OutgoingMessage) {
  const { to, cc, tags } = message;
  const shown = to.length > 0 ? to : cc;
  const headerTo = shown.length > 0 ? { header_to: listText(shown) } : {};
  const labels = tags.slice(0, TAGS_MAX).map(({ name, value }) => `${name}:${value}`);
  return recipientsOf(message).map((mailbox) => ({
    address: { email: addressOf(mailbox), ...headerTo },
    ...(labels.length > 0 ? { tags: labels } : {}),
  }));
}

/**
 * Ours and, as far as there is room, the caller's; what is left out is with Postern still.
 */
function metadataOf(message: OutgoingMessage): Record<string, string> {
  const kept: Record<string, string> = {
    [ID_NAME]: message.id,
    [ACCOUNT_NAME]: message.account,
  };
  let bytes = octets(JSON.stringify(kept));
  for (const [name, value] of Object.entries(message.metadata)) {
    // A member without its braces, and a comma.
    const more = octets(JSON.stringify({ [name]: value })) - 1;
    if (Object.hasOwn(kept, name) || bytes + more > METADATA_MAX) continue;
    kept[name] = value;
    bytes += more;
  }
  return kept;
}

function contentOf(message: OutgoingMessage) {
  const { from, cc, replyTo, subject, html, text } = message;
  // Only HTML can refer to a file.
  const isInline = ({ contentId }: Attachment) => html !== undefined && contentId !== undefined;
  const inline = message.attachments.filter(isInline);
  const attached = message.attachments.filter((file) => !isInline(file));
  return {
    from: emailAndName(from),
    subject,
    ...(replyTo.length > 0 ? { reply_to: listText(replyTo) } : {}),
    headers: {
      ...message.headers,
      "Message-ID": `<${message.messageId}>`,
      ...(cc.length > 0 ? { Cc: listText(cc) } : {}),
    },
    ...(text === undefined ? {} : { text }),
    ...(html === undefined ? {} : { html }),
    ...(attached.length > 0
      ? { attachments: attached.map((file) => fileOf(file, file.filename)) }
      : {}),
    // An inline file has no name but its content id.
    ...(inline.length > 0
      ? { inline_images: inline.map((file) => fileOf(file, file.contentId ?? file.filename)) }
      : {}),
  };
}

const fileOf = ({ contentType = UNKNOWN_TYPE, content }: Attachment, name: string) => ({
  name,
  type: contentType,
  data: content,
});

/** Several mailboxes as a header field has them; SparkPost encodes the names (RFC 2047). */
const listText = (mailboxes: readonly Mailbox[]): string => mailboxes.map(formatMailbox).join(", ");

const octets = (text: string): number => new TextEncoder().encode(text).length;
