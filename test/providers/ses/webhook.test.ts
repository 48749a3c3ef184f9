import { describe, expect, test } from "vitest";
import { eventsOf } from "../../../src/providers/ses/events.ts";
import { SNS_WINDOW_MS } from "../../../src/providers/ses/sns.ts";
import { hooks } from "../../../src/providers/ses/webhook.ts";
import { keysOf, type Posted, postTo, webhookContract } from "../../contract/webhook.ts";
import { type Frame, makeSns } from "../../support/sns.ts";

const ID = "0199b2a4-1c00-7000-8000-000000000001";
const MESSAGE_ID = "0102018f7d0c4d9a-61b59c11-9236-11e6-8f96-7be8aexample-000000";
const EVENT_ID = "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324";
const NOW = Date.UTC(2026, 10, 5, 16, 35);
const TOPIC = "arn:aws:sns:eu-west-1:123456789012:postern";
const URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-events.pem";

const about = {
  messageId: ID,
  account: "acme",
  providerMessageId: MESSAGE_ID,
  address: "ann@example.net",
  eventId: EVENT_ID,
  at: Date.UTC(2026, 10, 5, 16, 33, 54, 907),
};
const timestamp = "2026-11-05T16:33:54.907Z";

const mail = (given: object = {}) => ({
  timestamp: "2026-11-05T16:30:00.000Z",
  source: "Shop <shop@example.com>",
  sourceArn: "arn:aws:ses:eu-west-1:123456789012:identity/example.com",
  sendingAccountId: "123456789012",
  messageId: MESSAGE_ID,
  destination: ["ann@example.net"],
  headersTruncated: false,
  headers: [{ name: "From", value: "Shop <shop@example.com>" }],
  commonHeaders: { subject: "Welcome" },
  tags: {
    "ses:configuration-set": ["events"],
    postern_id: [ID],
    postern_account: ["acme"],
    plan: ["pro"],
  },
  ...given,
});

const event = (eventType: string, detail: object, given: object = {}) => ({
  eventType,
  mail: mail(given),
  ...detail,
});

const bounce = (bounceType: string, bounceSubType: string, recipients: readonly object[]) =>
  event("Bounce", {
    bounce: {
      bounceType,
      bounceSubType,
      bouncedRecipients: recipients,
      timestamp,
      feedbackId: "0100",
      reportingMTA: "dsn; mta.example.com",
    },
  });
const bounced = (bounceType: string, bounceSubType: string, recipient: object = {}) =>
  bounce(bounceType, bounceSubType, [{ emailAddress: "ann@example.net", ...recipient }]);

const complaint = (given: object = {}) =>
  event("Complaint", {
    complaint: {
      complainedRecipients: [{ emailAddress: "ann@example.net" }],
      timestamp,
      feedbackId: "0100",
      complaintSubType: null,
      complaintFeedbackType: "abuse",
      ...given,
    },
  });

const preferences = (unsubscribeAll: boolean, ...out: string[]) => ({
  unsubscribeAll,
  topicSubscriptionStatus: ["news", "offers"].map((topicName) => ({
    topicName,
    subscriptionStatus: out.includes(topicName) ? "OptOut" : "OptIn",
  })),
});
const subscription = (before: object, after: object) =>
  event("Subscription", {
    subscription: {
      contactList: "list",
      timestamp,
      source: "UnsubscribeHeader",
      newTopicPreferences: after,
      oldTopicPreferences: before,
    },
  });

const events = {
  "a message that SES sends": [
    event("Send", { send: {} }),
    [{ ...about, type: "sent", at: Date.UTC(2026, 10, 5, 16, 30) }],
  ],
  "a delivery": [
    event("Delivery", {
      delivery: {
        timestamp,
        processingTimeMillis: 11_893,
        recipients: ["ann@example.net"],
        smtpResponse: "250 2.6.0 Message received",
        reportingMTA: "mta.example.com",
      },
    }),
    [{ ...about, type: "delivered", code: "2.6.0", text: "250 2.6.0 Message received" }],
  ],
  "a delay as a deferral": [
    event("DeliveryDelay", {
      deliveryDelay: {
        timestamp,
        delayType: "TransientCommunicationFailure",
        expirationTime: "2026-11-06T04:33:54.907Z",
        delayedRecipients: [
          {
            emailAddress: "ann@example.net",
            status: "4.4.1",
            diagnosticCode: "smtp; 421 4.4.1 Unable to connect",
          },
        ],
      },
    }),
    [{ ...about, type: "deferred", code: "4.4.1", text: /Unable to connect/ }],
  ],
  "a hard bounce, its reason in the diagnostic": [
    bounced("Permanent", "General", {
      action: "failed",
      status: "5.1.1",
      diagnosticCode: "smtp; 550 5.1.1 user unknown",
    }),
    [{ ...about, type: "bounced", code: "5.1.1", text: /user unknown/, bounce: { kind: "hard" } }],
  ],
  "a generic status gives way to the diagnostic's": [
    bounced("Permanent", "General", { status: "5.0.0", diagnosticCode: "smtp; 554 5.7.1 no" }),
    [{ ...about, type: "bounced", code: "5.7.1" }],
  ],
  "a bounce without a diagnostic, under its own word": [
    bounced("Permanent", "NoEmail"),
    [
      {
        ...about,
        type: "bounced",
        code: "NoEmail",
        text: "",
        bounce: { kind: "hard", category: "recipient" },
      },
    ],
  ],
  "a full mailbox": [
    bounced("Transient", "MailboxFull", { diagnosticCode: "smtp; 452 full" }),
    [
      {
        ...about,
        type: "bounced",
        code: "452",
        bounce: { kind: "soft", category: "mailbox_full" },
      },
    ],
  ],
  "a soft bounce": [
    bounced("Transient", "General", { status: "4.3.0" }),
    [{ ...about, type: "bounced", code: "4.3.0", bounce: { kind: "soft" } }],
  ],
  "a message that is too large": [
    bounced("Transient", "MessageTooLarge"),
    [{ ...about, type: "bounced", bounce: { kind: "block", category: "too_large" } }],
  ],
  "refused content": [
    bounced("Transient", "ContentRejected"),
    [{ ...about, type: "bounced", bounce: { kind: "block", category: "content" } }],
  ],
  "a refused attachment": [
    bounced("Transient", "AttachmentRejected"),
    [{ ...about, type: "bounced", bounce: { kind: "block", category: "content" } }],
  ],
  "SES's own list": [
    bounced("Permanent", "Suppressed"),
    [{ ...about, type: "suppressed", bounce: { category: "provider_list" } }],
  ],
  "the account's list": [
    bounced("Permanent", "OnAccountSuppressionList"),
    [
      {
        ...about,
        type: "suppressed",
        code: "OnAccountSuppressionList",
        bounce: { category: "provider_list" },
      },
    ],
  ],
  "a complaint": [complaint(), [{ ...about, type: "complained", code: "abuse" }]],
  "a complaint of another time, which kept the mail back": [
    complaint({ complaintSubType: "OnAccountSuppressionList" }),
    [{ ...about, type: "suppressed", bounce: { category: "provider_list" } }],
  ],
  "a report that it is no spam": [
    complaint({ complaintFeedbackType: "not-spam" }),
    [{ ...about, type: "delivered", code: "not-spam" }],
  ],
  "a message with a virus": [
    event("Reject", { reject: { reason: "Bad content" } }),
    [{ ...about, type: "rejected", code: "rejected", text: "Bad content", at: 1_793_896_200_000 }],
  ],
  "a template that cannot be rendered": [
    event("Rendering Failure", { failure: { errorMessage: "no name", templateName: "t" } }),
    [
      {
        ...about,
        type: "rejected",
        code: "rendering_failure",
        text: "no name",
        at: 1_793_896_200_000,
      },
    ],
  ],
  "an open": [
    event("Open", { open: { timestamp, ipAddress: "192.0.2.1", userAgent: "M" } }),
    [{ ...about, type: "opened" }],
  ],
  "a click, with its link": [
    event("Click", { click: { timestamp, link: "https://example.com/a?b=c", linkTags: null } }),
    [{ ...about, type: "clicked", url: "https://example.com/a?b=c" }],
  ],
  "an unsubscription from all": [
    subscription(preferences(false), preferences(true)),
    [{ ...about, type: "unsubscribed", code: "UnsubscribeHeader" }],
  ],
  "an unsubscription from a topic": [
    subscription(preferences(false, "news"), preferences(false, "news", "offers")),
    [{ ...about, type: "unsubscribed" }],
  ],
} as const;

const sns = await makeSns();
const other = await makeSns();
const pem = sns.pem({ notBefore: NOW - 86_400_000 * 60, notAfter: NOW + 86_400_000 * 60 });

const frame = (Message: string, at = NOW): Frame => ({
  Type: "Notification",
  MessageId: EVENT_ID,
  TopicArn: TOPIC,
  Subject: "Amazon SES Email Event Notification",
  Message,
  Timestamp: new Date(at).toISOString(),
  SignatureVersion: "1",
  SigningCertURL: URL,
  UnsubscribeURL: "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
});
const posted = (signed: object): Posted => ({
  headers: {
    "content-type": "text/plain; charset=UTF-8",
    "x-amz-sns-message-type": "Notification",
  },
  body: JSON.stringify(signed),
});
const said = (all: readonly unknown[]) => JSON.stringify(all.length === 1 ? all[0] : all);
const postText = async (message: string) => posted(await sns.sign(frame(message)));
const post = (all: readonly unknown[]) => postText(said(all));
const edited = ({ headers, body }: Posted, change: (given: Frame) => object): Posted => ({
  headers,
  body: JSON.stringify(change(JSON.parse(String(body)) as Frame)),
});

const subject = {
  hooks,
  keys: keysOf({ topics: [`${TOPIC}-other`, TOPIC] }),
  now: NOW,
  fetch: (async () => new Response(pem)) as typeof fetch,
  post,
  postAged: async (all: readonly unknown[], ageMs: number) =>
    posted(await sns.sign(frame(said(all), NOW - ageMs))),
  windowMs: SNS_WINDOW_MS,
  events,
  several: [
    [
      bounce("Permanent", "General", [
        { emailAddress: "ann@example.net" },
        { emailAddress: "Bob <bob@example.net>" },
      ]),
      event("Send", { send: {} }, { destination: ["Cyd <cyd@example.net>", "dan@example.net"] }),
    ],
    [
      ...["ann@example.net", "bob@example.net"].map((address) => ({
        type: "bounced" as const,
        address,
      })),
      ...["cyd@example.net", "dan@example.net"].map((address) => ({
        type: "sent" as const,
        address,
      })),
    ],
  ] as const,
  batches: false,
  unknown: { notificationType: "Received", mail: mail() },
  malformed: async () => [
    ...["", "null", "[]", "5", '"text"', "{", "[".repeat(40_000)].map((body) => ({
      headers: {},
      body,
    })),
    ...(await Promise.all(
      ["null", "[]", "5", "{}", "{", `${"[".repeat(40)}${"]".repeat(40)}`].map(postText),
    )),
  ],
  proofHeaders: [],
  stripProof: (given: Posted) => edited(given, ({ Signature: _, ...rest }) => rest),
  forge: async (all: readonly unknown[]) => posted(await other.sign(frame(said(all)))),
  tamper: (given: Posted) => edited(given, (one) => ({ ...one, Message: `${one.Message} ` })),
};

webhookContract("SES", subject);

const read = async (message: unknown) => {
  const text = typeof message === "string" ? message : JSON.stringify(message);
  const result = await postTo(subject, await postText(text));
  if (!result.ok) throw new Error(result.error.reason);
  return result.value;
};

describe("feedback of an identity, without event publishing", () => {
  test("is read the same, without our id, which only tags give back", async () => {
    const { eventType, ...rest } = events["a delivery"][0];
    const { tags: _, ...bare } = mail();
    const { events: told } = await read({ ...rest, mail: bare, notificationType: eventType });
    expect(told).toMatchObject([{ ...about, messageId: "", account: "", type: "delivered" }]);
  });

  test("what is said when a topic is set up is about no mail", async () => {
    const nothing = { events: [], unknown: [] };
    const notice = { notificationType: "AmazonSnsSubscriptionSucceeded", message: "You have" };
    expect(await read(notice)).toEqual(nothing);
    const text = "Successfully validated SNS topic for Amazon SES event publishing.";
    expect(await read(text)).toEqual(nothing);
    expect((await read("hello")).unknown).toEqual([{ type: "text", raw: "hello" }]);
  });
});

describe("what nobody can say about one recipient is kept, and nobody's", () => {
  const destination = ["ann@example.net", "bob@example.net"];
  test.each([
    ["an open of one of several", event("Open", { open: { timestamp } }, { destination })],
    ["a click of one of several", event("Click", { click: { link: "x" } }, { destination })],
    ["a report on authentication", complaint({ complaintFeedbackType: "auth-failure" })],
    ["a subscription that comes back", subscription(preferences(true), preferences(false))],
    ["a bounce of no one", bounce("Permanent", "General", [])],
  ])("%s", async (_title, given) => {
    expect(await read(given)).toEqual({
      events: [],
      unknown: [{ type: given.eventType, raw: given }],
    });
  });
});

test("words of JavaScript's own are no types, and strange fields throw nothing", async () => {
  for (const word of ["__proto__", "constructor", "toString"]) {
    expect((await read(event(word, {}))).unknown).toHaveLength(1);
    expect((await read(bounced(word, word))).events).toMatchObject([{ type: "bounced" }]);
  }
  for (const strange of [null, 5, "x", [], [null], {}, { timestamp: {}, recipients: [{}] }]) {
    for (const [given] of Object.values(events)) {
      for (const key of Object.keys(given)) {
        const told = eventsOf(given.eventType, { ...given, [key]: strange }, "") ?? [];
        for (const { address } of told) expect(typeof address).toBe("string");
      }
    }
  }
});
