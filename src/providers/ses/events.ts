/**
 * SES's events, as event publishing and as feedback notifications have them
 * (https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html).
 */
import { parseMailbox } from "../../core/address.ts";
import { enhancedCodeOf, replyCodeOf } from "../../core/smtp-reply.ts";
import { fieldsOf, objectsIn, textOf } from "../answer.ts";
import { ACCOUNT_NAME, ID_NAME } from "../message.ts";
import type { FeedEvent } from "../provider.ts";
import { bounceMeaning } from "../ses-words.ts";

type Fields = Readonly<Record<string, unknown>>;
type Meaning = Pick<FeedEvent, "type" | "code" | "text" | "bounce" | "url">;

/** What an event says of one recipient. */
type Said = Meaning & { readonly address: string };

/**
 * One event for each recipient it is about; null for a type that is not known, or when nobody can
 * say about whom it is.
 *
 * @param eventId SNS's id of the message, the same for each repeat
 */
export function eventsOf(type: string, fields: Fields, eventId: string): FeedEvent[] | null {
  const about = Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  if (about === undefined) return null;
  const mail = fieldsOf(fields.mail);
  const detail = fieldsOf(fields[about.member]);
  const said = about.read(detail, mail);
  if (said === null || said.length === 0) return null;
  const at = Date.parse(textOf(detail.timestamp) || textOf(mail.timestamp));
  const tags = fieldsOf(mail.tags);
  return said.map((one) => ({
    messageId: firstOf(tags[ID_NAME]),
    account: firstOf(tags[ACCOUNT_NAME]),
    providerMessageId: textOf(mail.messageId),
    eventId,
    at: Number.isNaN(at) ? 0 : at,
    ...one,
    raw: fields,
  }));
}

type Read = (detail: Fields, mail: Fields) => Said[] | null;

/** By type, where its details are and how they are read. */
const READERS: Readonly<Record<string, { readonly member: string; readonly read: Read }>> = {
  Send: { member: "send", read: (_, mail) => ofAll(mail, { type: "sent", code: "", text: "" }) },
  Delivery: { member: "delivery", read: delivery },
  DeliveryDelay: { member: "deliveryDelay", read: delay },
  Bounce: { member: "bounce", read: bounce },
  Complaint: { member: "complaint", read: complaint },
  // It has a virus.
  Reject: { member: "reject", read: ({ reason }, mail) => rejection(mail, "rejected", reason) },
  "Rendering Failure": {
    member: "failure",
    read: ({ errorMessage }, mail) => rejection(mail, "rendering_failure", errorMessage),
  },
  Open: { member: "open", read: (_, mail) => ofOne(mail, { type: "opened", code: "", text: "" }) },
  Click: {
    member: "click",
    read: ({ link }, mail) =>
      ofOne(mail, { type: "clicked", code: "", text: "", url: textOf(link) }),
  },
  Subscription: { member: "subscription", read: subscription },
};

function delivery({ recipients, smtpResponse }: Fields): Said[] {
  const text = textOf(smtpResponse);
  const meaning: Meaning = { type: "delivered", code: codeOf("", text, ""), text };
  return mailboxesIn(recipients).map((address) => ({ ...meaning, address }));
}

function delay({ delayType, delayedRecipients }: Fields): Said[] {
  return objectsIn(delayedRecipients).map(({ emailAddress, status, diagnosticCode }) => {
    const text = textOf(diagnosticCode);
    const code = codeOf(textOf(status), text, textOf(delayType));
    return { type: "deferred", code, text, address: bare(textOf(emailAddress)) };
  });
}

function bounce({ bounceType, bounceSubType, bouncedRecipients }: Fields): Said[] {
  const [type, subType] = [textOf(bounceType), textOf(bounceSubType)];
  return objectsIn(bouncedRecipients).map(({ emailAddress, status, diagnosticCode }) => {
    const text = textOf(diagnosticCode);
    const code = codeOf(textOf(status), text, subType || type);
    return { code, text, address: bare(textOf(emailAddress)), ...bounceMeaning(type, subType) };
  });
}

/** RFC 5965 section 7.3: the report that something is no spam after all. */
const NOT_SPAM = "not-spam";
/** RFC 6591: a report about SPF or DKIM, of which the recipient knows nothing. */
const AUTHENTICATION = "auth-failure";

function complaint({
  complainedRecipients,
  complaintFeedbackType,
  complaintSubType,
}: Fields): Said[] | null {
  const feedback = textOf(complaintFeedbackType);
  if (feedback === AUTHENTICATION) return null;
  const meaning = complaintMeaning(textOf(complaintSubType), feedback);
  return objectsIn(complainedRecipients).map(({ emailAddress }) => ({
    ...meaning,
    address: bare(textOf(emailAddress)),
  }));
}

function complaintMeaning(subType: string, feedback: string): Meaning {
  // SES took it and did not send it, for a complaint of another time.
  if (subType === "OnAccountSuppressionList") {
    return { type: "suppressed", code: subType, text: "", bounce: { category: "provider_list" } };
  }
  if (feedback === NOT_SPAM) return { type: "delivered", code: NOT_SPAM, text: "" };
  return { type: "complained", code: feedback || "complained", text: "" };
}

function rejection(mail: Fields, code: string, reason: unknown): Said[] {
  return ofAll(mail, { type: "rejected", code, text: textOf(reason) });
}

/** Taken off a contact list, or off a topic of it; whoever comes back is no event of the mail. */
function subscription(detail: Fields, mail: Fields): Said[] | null {
  const [before, after] = [detail.oldTopicPreferences, detail.newTopicPreferences].map(fieldsOf);
  const outOf = (preferences: Fields | undefined): string[] =>
    objectsIn(preferences?.topicSubscriptionStatus)
      .filter(({ subscriptionStatus }) => subscriptionStatus === "OptOut")
      .map(({ topicName }) => textOf(topicName));
  const known = new Set(outOf(before));
  const [topic] = outOf(after).filter((name) => !known.has(name));
  if (after?.unsubscribeAll !== true && topic === undefined) return null;
  const code = textOf(detail.source);
  return ofOne(mail, { type: "unsubscribed", code, text: "" });
}

/** Of everybody that the message was sent to. */
function ofAll(mail: Fields, meaning: Meaning): Said[] {
  return mailboxesIn(mail.destination).map((address) => ({ ...meaning, address }));
}

/** What one person did: of a message to several SES does not say which. */
function ofOne(mail: Fields, meaning: Meaning): Said[] | null {
  const all = ofAll(mail, meaning);
  return all.length === 1 ? all : null;
}

const mailboxesIn = (list: unknown): string[] =>
  Array.isArray(list) ? list.map(textOf).map(bare) : [];

/** The bare mailbox: where an address comes as it was given, it may have a name. */
function bare(text: string): string {
  const parsed = parseMailbox(text);
  return parsed.ok ? parsed.value.address : text;
}

/** A tag's values are a list; we give each name one. */
function firstOf(values: unknown): string {
  return Array.isArray(values) ? textOf(values[0]) : textOf(values);
}

/** 5.0.0 and the like say the class only: the diagnostic may know more. */
const GENERIC = /\.0\.0$/;

function codeOf(status: string, text: string, word: string): string {
  const given = enhancedCodeOf(status);
  const told = enhancedCodeOf(text);
  if (given !== null && !(GENERIC.test(given) && told !== null)) return given;
  return told ?? replyCodeOf(text)?.toString() ?? given ?? word;
}
