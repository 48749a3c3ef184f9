/**
 * What providers report of the mail that their emulators accepted: each as its own webhook, proved
 * with keys of the emulated account.
 */
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { type Fields, isObject, jsonIn } from "./checks.ts";
import type { Emulator } from "./emulator.ts";

/** What may come of a recipient. */
export type Fate = "delivered" | "bounced" | "complained";

/** A webhook's request. */
export interface Post {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One recipient of a message that was accepted. */
export interface Sent {
  /** The message as it was sent, in the provider's words. */
  readonly message: Fields;
  /** The provider's id of it. */
  readonly id: string;
  readonly address: string;
}

/** How one provider reports. */
export interface Reporter {
  /** The `webhook` table of a source that believes it, and the secrets that it names. */
  readonly webhook: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, string>>;
  /** The messages of a call in the provider's words. */
  readonly messages: (body: Fields) => readonly Fields[];
  /** Our id of a message, by which the emulator counts it. */
  readonly key: (message: Fields) => string;
  /** The fields of a message that hold its recipients. */
  readonly addresses: (message: Fields) => readonly string[];
  /** One event. */
  readonly event: (sent: Sent, fate: Fate, atMs: number) => Fields;
  /** The request with these events. */
  readonly post: (events: readonly Fields[], atMs: number) => Post;
}

const fields = (value: unknown): Fields => (isObject(value) ? value : {});
const list = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isObject) : []);
const emails = (value: unknown, name = "email"): string[] =>
  list(value).map((one) => String(one[name]));

const NO_SUCH_USER = "550 5.1.1 The account does not exist";
const json = { "content-type": "application/json" };
const BASIC = "hook:sesame";
const basic = { authorization: `Basic ${Buffer.from(BASIC).toString("base64")}` };
const byBasic = { webhook: { basic: ["HOOK_BASIC"] }, secrets: { HOOK_BASIC: BASIC } };
const seconds = (ms: number) => Math.floor(ms / 1000);

const postmark: Reporter = {
  ...byBasic,
  messages: (body) => (Array.isArray(body) ? list(body) : [body]),
  key: ({ Metadata }) => String(fields(Metadata).postern_id),
  addresses: ({ To, Cc, Bcc }) =>
    [To, Cc, Bcc].flatMap((text) => String(text ?? "").match(/[^\s<>",]+@[^\s<>",]+/g) ?? []),
  event({ message, id, address }, fate, atMs) {
    const { MessageStream, Metadata } = message;
    const at = new Date(atMs).toISOString();
    const about = { MessageID: id, ServerID: 1, MessageStream, Metadata };
    if (fate === "delivered") {
      const Details = "smtp;250 2.0.0 OK";
      return { ...about, RecordType: "Delivery", Recipient: address, DeliveredAt: at, Details };
    }
    const bounce = { ...about, ID: atMs, Email: address, BouncedAt: at, Inactive: true };
    return fate === "bounced"
      ? { ...bounce, RecordType: "Bounce", Type: "HardBounce", Details: `smtp;${NO_SUCH_USER}` }
      : { ...bounce, RecordType: "SpamComplaint", Type: "SpamComplaint", Details: "" };
  },
  post: ([event]) => ({ headers: { ...json, ...basic }, body: JSON.stringify(event) }),
};

const p256 = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const spkiOf = (key: typeof p256.publicKey): string =>
  key.export({ type: "spki", format: "der" }).toString("base64");

const sendgrid: Reporter = {
  webhook: { signing: ["HOOK_SENDGRID"] },
  secrets: { HOOK_SENDGRID: spkiOf(p256.publicKey) },
  messages: ({ personalizations }) => list(personalizations),
  key: ({ custom_args }) => String(fields(custom_args).postern_id),
  addresses: ({ to, cc, bcc }) => [to, cc, bcc].flatMap((one) => emails(one)),
  event({ message, id, address: email }, fate, atMs) {
    const about = {
      ...fields(message.custom_args),
      email,
      timestamp: seconds(atMs),
      sg_event_id: randomUUID(),
      sg_message_id: `${id}.recvd-5b4c8f-x2v9-1-66A0-5.0`,
    };
    if (fate === "delivered") return { ...about, event: "delivered", response: "250 2.0.0 OK" };
    return fate === "bounced"
      ? { ...about, event: "bounce", type: "bounce", status: "5.1.1", reason: NO_SUCH_USER }
      : { ...about, event: "spamreport" };
  },
  post(events, atMs) {
    const body = JSON.stringify(events);
    const timestamp = String(seconds(atMs));
    const signature = sign("sha256", Buffer.from(timestamp + body), p256.privateKey);
    return {
      headers: {
        ...json,
        "x-twilio-email-event-webhook-timestamp": timestamp,
        "x-twilio-email-event-webhook-signature": signature.toString("base64"),
      },
      body,
    };
  },
};

const brevo: Reporter = {
  ...byBasic,
  messages: (body) => [body],
  key: ({ tags }) => String(Array.isArray(tags) ? tags[0] : ""),
  addresses: ({ to, cc, bcc }) => [to, cc, bcc].flatMap((one) => emails(one)),
  event({ message, id, address: email }, fate, atMs) {
    const custom = fields(message.headers)["X-Mailin-custom"];
    const { subject, tags } = message;
    const about = {
      ...{ email, id: 814_002, "message-id": id, subject, tags, tag: JSON.stringify(tags) },
      "X-Mailin-custom": custom,
      // Hours off, as the account's time zone may be.
      ts: seconds(atMs) - 18_000,
      ts_event: seconds(atMs) - 18_000,
      ts_epoch: atMs,
    };
    if (fate === "delivered") return { ...about, event: "delivered", reason: "sent" };
    return fate === "bounced"
      ? { ...about, event: "hard_bounce", reason: NO_SUCH_USER }
      : { ...about, event: "spam" };
  },
  post: (events) => ({ headers: { ...json, ...basic }, body: JSON.stringify(events) }),
};

const mailjet: Reporter = {
  ...byBasic,
  messages: ({ Messages }) => list(Messages),
  key: ({ CustomID }) => String(CustomID),
  addresses: ({ To, Cc, Bcc }) => [To, Cc, Bcc].flatMap((one) => emails(one, "Email")),
  event({ message, address: email }, fate, atMs) {
    const about = {
      ...{ time: seconds(atMs), email, MessageID: 1_152_921_525_000_001 },
      ...{ Message_GUID: randomUUID(), mj_campaign_id: 0, mj_contact_id: 4, customcampaign: "" },
      CustomID: message.CustomID,
      Payload: message.EventPayload,
    };
    if (fate === "delivered") {
      return { ...about, event: "sent", smtp_reply: "sent (250 2.0.0 OK - gsmtp)" };
    }
    const unknown = { error_related_to: "recipient", error: "user unknown", comment: NO_SUCH_USER };
    return fate === "bounced"
      ? { ...about, event: "bounce", blocked: true, hard_bounce: true, ...unknown }
      : { ...about, event: "spam", source: "JMRPP" };
  },
  post: (events) => ({ headers: { ...json, ...basic }, body: JSON.stringify(events) }),
};

const ed25519 = generateKeyPairSync("ed25519");

const mailchannels: Reporter = {
  webhook: { handles: ["acme1"], signing: ["HOOK_MAILCHANNELS"] },
  secrets: { HOOK_MAILCHANNELS: spkiOf(ed25519.publicKey) },
  messages: (body) => [body],
  key: ({ campaign_id }) => String(campaign_id),
  addresses: ({ personalizations }) =>
    list(personalizations).flatMap(({ to, cc, bcc }) =>
      [to, cc, bcc].flatMap((one) => emails(one)),
    ),
  event({ message, id, address }, fate, atMs) {
    const about = {
      ...{ email: fields(message.from).email, customer_handle: "acme1", timestamp: seconds(atMs) },
      ...{ request_id: id, campaign_id: message.campaign_id, recipients: [address] },
    };
    if (fate === "delivered") return { ...about, event: "delivered" };
    return fate === "bounced"
      ? { ...about, event: "hard-bounced", status: "550", reason: NO_SUCH_USER }
      : { ...about, event: "complained" };
  },
  post(events, atMs) {
    const body = JSON.stringify(events);
    const digest = `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;
    const params = `("content-digest");created=${seconds(atMs)};alg="ed25519";keyid="mckey"`;
    const base = `"content-digest": ${digest}\n"@signature-params": ${params}`;
    const signature = sign(null, Buffer.from(base), ed25519.privateKey).toString("base64");
    return {
      headers: {
        ...json,
        "content-digest": digest,
        "signature-input": `sig=${params}`,
        signature: `sig=:${signature}:`,
      },
      body,
    };
  },
};

/** By the provider's name in the configuration. */
export const REPORTERS: Readonly<Record<string, Reporter>> = {
  postmark,
  sendgrid,
  brevo,
  mailjet,
  mailchannels,
};

/** Each recipient of what an emulator accepted, of its last 100 calls. */
export function sentThrough(reporter: Reporter, emulator: Emulator): readonly Sent[] {
  const ids = new Map(emulator.counts().accepted.map((one) => [one.key, one.providerIds]));
  return emulator.received().flatMap(({ body }) =>
    reporter.messages(jsonIn(body) as Fields).flatMap((message) => {
      const [id] = ids.get(reporter.key(message)) ?? [];
      if (id === undefined) return [];
      return reporter.addresses(message).map((address) => ({ message, id, address }));
    }),
  );
}

/** The requests that report what `fateOf` says of each recipient; no fate, no report. */
export function reports(
  reporter: Reporter,
  emulator: Emulator,
  fateOf: (address: string) => Fate | null,
  atMs: number,
): readonly Post[] {
  const events = sentThrough(reporter, emulator).flatMap((sent) => {
    const fate = fateOf(sent.address);
    return fate === null ? [] : [reporter.event(sent, fate, atMs)];
  });
  return events.map((event) => reporter.post([event], atMs));
}
