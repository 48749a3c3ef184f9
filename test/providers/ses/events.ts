/** Every event that SES publishes, in its own words, with how it is read. */

const ID = "0199b2a4-1c00-7000-8000-000000000001";
const MESSAGE_ID = "0102018f7d0c4d9a-61b59c11-9236-11e6-8f96-7be8aexample-000000";
export const EVENT_ID = "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324";

export const about = {
  messageId: ID,
  account: "acme",
  providerMessageId: MESSAGE_ID,
  address: "ann@example.net",
  eventId: EVENT_ID,
  at: Date.UTC(2026, 10, 5, 16, 33, 54, 907),
};
export const timestamp = "2026-11-05T16:33:54.907Z";

export const mail = (given: object = {}) => ({
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

export const event = (eventType: string, detail: object, given: object = {}) => ({
  eventType,
  mail: mail(given),
  ...detail,
});

export const bounce = (bounceType: string, bounceSubType: string, recipients: readonly object[]) =>
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
export const bounced = (bounceType: string, bounceSubType: string, recipient: object = {}) =>
  bounce(bounceType, bounceSubType, [{ emailAddress: "ann@example.net", ...recipient }]);

export const complaint = (given: object = {}) =>
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

export const preferences = (unsubscribeAll: boolean, ...out: string[]) => ({
  unsubscribeAll,
  topicSubscriptionStatus: ["news", "offers"].map((topicName) => ({
    topicName,
    subscriptionStatus: out.includes(topicName) ? "OptOut" : "OptIn",
  })),
});
export const subscription = (before: object, after: object) =>
  event("Subscription", {
    subscription: {
      contactList: "list",
      timestamp,
      source: "UnsubscribeHeader",
      newTopicPreferences: after,
      oldTopicPreferences: before,
    },
  });

export const events = {
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
