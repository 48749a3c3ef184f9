/** Where this reading of a recorded request differs from the recorded one, and why. */

type Listed = readonly [provider: string, what: string, reason: string, tests: readonly string[]];

const SIGNED_AND_BASIC =
  "SendGridSignedWebhookSecurityAndHttpBasicAuthTestCase." +
  "test_successful_signature_check_with_basic_http_auth";

const LISTED: readonly Listed[] = [
  [
    "mailgun",
    "event_id",
    "The recorded one is the signature's token; here it is Mailgun's id of the event, which its " +
      "records (Events API) have as well.",
    [
      "MailgunTestCase.test_complained_event",
      "MailgunTestCase.test_delivered_event",
      "MailgunTestCase.test_unsubscribed_event",
    ],
  ],
  [
    "mailgun",
    "verdict",
    "No signing key is set, but credentials are, and they are presented: one proof suffices.",
    ["MailgunWebhookSettingsTestCase.test_requires_webhook_signing_key"],
  ],
  [
    "postmark",
    "verdict (not_configured)",
    "No secret is set: what nothing proves is not believed.",
    ["PostmarkWebhookSecurityTestCase.test_warns_if_no_auth"],
  ],
  [
    "resend",
    "count (2 for 1)",
    "The message is addressed to two: what is true of both is told of each.",
    ["ResendTestCase.test_sent_event"],
  ],
  [
    "resend",
    "verdict (not_configured)",
    "No secret is set: what nothing proves is not believed.",
    ["ResendWebhookSettingsTestCase.test_basic_auth_required_without_secret"],
  ],
  [
    "sendgrid",
    "message_id",
    "The recorded one is an argument of its own client, or the Message-ID header; here it is the " +
      "call's id, with which SendGrid answers the send.",
    [
      "SendGridDeliveryTestCase.test_bounce_event",
      "SendGridDeliveryTestCase.test_click_event",
      "SendGridDeliveryTestCase.test_compatibility_message_id_from_smtp_id",
      "SendGridDeliveryTestCase.test_deferred_event",
      "SendGridDeliveryTestCase.test_delivered_event",
      "SendGridDeliveryTestCase.test_open_event",
      "SendGridDeliveryTestCase.test_processed_event",
      SIGNED_AND_BASIC,
      `${SIGNED_AND_BASIC} 2`,
      "SendGridSignedWebhookSecurityTestCase.test_successful_signature_check_without_http_auth",
    ],
  ],
  [
    "sendgrid",
    "verdict (not_configured)",
    "No secret is set: what nothing proves is not believed.",
    ["SendGridWebhookSecurityTestCase.test_warns_if_no_auth"],
  ],
];

/** Reasons by `<provider> <test>: <what differs>`. */
export const REASONS: Readonly<Record<string, string>> = Object.fromEntries(
  LISTED.flatMap(([provider, what, reason, tests]) =>
    tests.map((name) => [`${provider} ${name}: ${what}`, reason] as const),
  ),
);
