/** Which header fields a caller may set. The rest is written by Postern, or steers a provider. */

/** Fields that Postern or the provider writes; a caller's own would double or contradict them. */
const WRITTEN: ReadonlySet<string> = new Set([
  ...["from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id"],
  ...["return-path", "received", "delivered-to", "mime-version", "domainkey-signature"],
  ...["authentication-results", "received-spf", "apparently-to"],
]);

/** Families of fields that belong to the transport: RFC 5322 3.6.6, RFC 2045, DKIM, ARC. */
const TRANSPORT = ["resent-", "content-", "dkim-", "arc-"];

/**
 * Fields by which a provider or relay takes orders: recipients, templates, tracking, suppression,
 * accounts. As documented by Amazon SES, SendGrid, Postmark, Mailgun, SparkPost, Mailjet, Brevo,
 * Mandrill, MailChannels, Resend, Elastic Email, KumoMTA, PowerMTA and Exchange; `X-Postern-` is
 * our own.
 */
const STEERING = [
  ...["x-ses-", "x-amz-", "x-smtpapi", "x-sg-", "x-sendgrid-", "x-pm-", "x-postmark-"],
  ...["x-mailgun-", "x-msys-", "x-mj-", "x-mailjet-", "x-mailin-", "x-sib-", "x-mc-"],
  ...["x-mandrill-", "x-mailchannels-", "x-mcid", "x-resend-", "x-elasticemail-", "x-kumo-"],
  ...["x-ms-exchange-", "x-cloudflare-", "x-cf-", "x-postern-"],
];

/** Relays' fields whose names begin like harmless ones, and Brevo's, which are orders too. */
const STEERING_NAMES: ReadonlySet<string> = new Set([
  ...["x-tenant", "x-campaign", "x-virtual-mta", "x-vmta", "x-job", "x-envid", "x-binding"],
  ...["sender.ip", "idempotencykey", "x-sib-sandbox"],
]);

/** Why a caller may not set this field; null when it may. Case does not count. */
export function refusalOfHeader(name: string): "written" | "steers" | null {
  const lower = name.toLowerCase();
  if (WRITTEN.has(lower) || TRANSPORT.some((prefix) => lower.startsWith(prefix))) return "written";
  const steers = STEERING_NAMES.has(lower) || STEERING.some((prefix) => lower.startsWith(prefix));
  return steers ? "steers" : null;
}
