/**
 * One message as SES's `SendEmail` takes it
 * (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html).
 */
import { ACCOUNT_NAME, ID_NAME, listOf } from "../message.ts";
import type { OutgoingMessage, Tag } from "../provider.ts";
import { contentOf } from "./content.ts";
import { sesMailbox } from "./mailbox.ts";

/** What a source adds to each of its messages; null where it is not configured. */
export interface Envelope {
  /** Where the message's events are published, and by which rules it is sent. */
  readonly configurationSet: string | null;
  /** The ARN of another account's identity that this account may send from. */
  readonly identityArn: string | null;
  readonly tenant: string | null;
  /** Where SES keeps who has unsubscribed, used only for streams that ask for it. */
  readonly contactList: { readonly name: string; readonly topic: string | null } | null;
}

/** The name under which a message's events give its stream back. */
const STREAM_TAG = "postern_stream";

/** Both: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html */
const TAG_MAX = 256;
/** AWS documents no number for a message's tags; of a resource's it takes this many. */
const TAGS_MAX = 50;

/** Header fields of RFC 2369 and RFC 8058, which SES writes itself for a contact list. */
const UNSUBSCRIBE = /^list-unsubscribe(-post)?$/i;

/**
 * The request's body; a member without a value is left out. Our Message-ID is not among them: SES
 * gives each message one of its own, whatever it is sent
 * (https://docs.aws.amazon.com/ses/latest/dg/header-fields.html).
 */
export function bodyOf(given: OutgoingMessage, envelope: Envelope): Record<string, unknown> {
  const list = given.extras.unsubscribe ? envelope.contactList : null;
  const message = list === null ? given : { ...given, headers: withoutUnsubscribe(given.headers) };
  const content = contentOf(message);
  return {
    FromEmailAddress: sesMailbox(message.from),
    FromEmailAddressIdentityArn: envelope.identityArn ?? undefined,
    Destination: {
      ToAddresses: listOf(message.to, sesMailbox),
      CcAddresses: listOf(message.cc, sesMailbox),
      BccAddresses: listOf(message.bcc, sesMailbox),
    },
    // Raw content has a Reply-To of its own.
    ReplyToAddresses: "Raw" in content ? undefined : listOf(message.replyTo, sesMailbox),
    Content: content,
    EmailTags: tagsOf(message).map(({ name, value }) => ({ Name: name, Value: value })),
    ConfigurationSetName: envelope.configurationSet ?? undefined,
    TenantName: envelope.tenant ?? undefined,
    ListManagementOptions:
      list === null
        ? undefined
        : { ContactListName: list.name, TopicName: list.topic ?? undefined },
    // Said each time: without it the account, the configuration set or the identity's default
    // configuration set decides, and a rewritten link is a changed message
    // (https://docs.aws.amazon.com/ses/latest/dg/configuration-overrides.html).
    ConfigurationOverrides: {
      Tracking: {
        OpenTrackingEnabled: message.extras.opens ? "ENABLED" : "DISABLED",
        ClickTrackingEnabled: message.extras.clicks ? "ENABLED" : "DISABLED",
      },
    },
  };
}

const withoutUnsubscribe = (headers: OutgoingMessage["headers"]): OutgoingMessage["headers"] =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !UNSUBSCRIBE.test(name)));

/** Our tags, then the caller's, then its metadata; each name once, as far as there is room. */
function tagsOf(message: OutgoingMessage): Tag[] {
  const all = [
    { name: ID_NAME, value: message.id },
    { name: ACCOUNT_NAME, value: message.account },
    { name: STREAM_TAG, value: message.stream },
    ...message.tags,
    ...Object.entries(message.metadata).map(([name, value]) => ({ name, value })),
  ];
  const tags = new Map<string, Tag>();
  for (const { name, value } of all) {
    const tag = { name: tagText(name), value: tagText(value) };
    // An empty name or value is not a tag that SES takes.
    if (tag.name !== "" && tag.value !== "" && !tags.has(tag.name)) tags.set(tag.name, tag);
  }
  return [...tags.values()].slice(0, TAGS_MAX);
}

function tagText(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, TAG_MAX);
}
