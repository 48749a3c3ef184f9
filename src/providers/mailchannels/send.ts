/** Sends through MailChannels' Email API (https://docs.mailchannels.net/email-api/). */
import { z } from "zod";
import type { Mailbox } from "../../core/address.ts";
import { ok } from "../../core/result.ts";
import { call, mailboxesIn } from "../http.ts";
import { emailAndName, listOf, UNKNOWN_TYPE } from "../message.ts";
import { rejected } from "../outcomes.ts";
import type {
  Attachment,
  Outcome,
  OutgoingMessage,
  ProviderDefinition,
  SendDeps,
} from "../provider.ts";
import { baseUrl, hooked, remote, secretName, secrets } from "../settings.ts";
import { outcomeOf } from "./outcome.ts";
import { hooks } from "./webhook.ts";

const dkim = z.strictObject({
  /** The d= of the signature; the domain of From when it is left out. */
  domain: z.string().min(1).optional(),
  /** A DNS label (RFC 1035 section 2.3.4). */
  selector: z.string().min(1).max(63),
  /** The secret with the private key in Base64; without it, MailChannels uses the one it keeps. */
  secret: secretName.optional(),
});

const settings = z.strictObject({
  provider: z.literal("mailchannels"),
  ...remote,
  ...hooked,
  base_url: baseUrl("https://api.mailchannels.net"),
  /** The name of the secret that holds the API key. */
  secret: secretName,
  /** Signs with this key; left out, MailChannels decides whether and how a message is signed. */
  dkim: dkim.optional(),
});

/** MailChannels takes 1,000 in each of to, cc and bcc; together, it names no limit. */
const RECIPIENTS_MAX = 1_000;
/** "The total message size should not exceed 30MB", headers and attachments included. */
const BYTES_MAX = 30_000_000;

/** One account of MailChannels, and how its messages are signed. */
interface Access {
  readonly base: string;
  readonly apiKey: string;
  readonly dkim: z.infer<typeof dkim> | undefined;
  readonly privateKey: string | undefined;
}

/**
 * MailChannels. One message a call, though a call may hold many: what its events say of a delivery
 * or a bounce names the call (`request_id`, `campaign_id`) and not the message in it, so that the
 * fate of a batch without an answer could never be told from its events.
 */
export const mailchannels: ProviderDefinition<typeof settings> = {
  settings,
  lanes: ["transactional", "broadcast"],
  hooks,
  create(source, deps) {
    const named: Record<string, string> = source.dkim?.secret
      ? { privateKey: source.dkim.secret }
      : {};
    const given = secrets({ apiKey: source.secret, ...named }, deps.secret);
    if (!given.ok) return given;
    const { apiKey, privateKey } = given.value as { apiKey: string; privateKey?: string };
    const access = { base: source.base_url, apiKey, dkim: source.dkim, privateKey };
    return ok({
      capabilities: {
        recipientsMax: RECIPIENTS_MAX,
        bytesMax: BYTES_MAX,
        deduplicatesForMs: 0,
        batch: null,
        schedules: false,
        unsubscribes: true,
        tracks: true,
        expiryMaxMs: 0,
      },
      timeLimitMs: source.time_limit_ms,
      send: (message, to) => send(access, message, to),
    });
  },
};

async function send(access: Access, message: OutgoingMessage, deps: SendDeps): Promise<Outcome> {
  const { base, apiKey, privateKey } = access;
  if (message.replyTo.length > 1) {
    return rejected("content", "reply_to_unsupported", "MailChannels takes one reply-to mailbox");
  }
  const request = {
    service: "MailChannels",
    url: `${base}/tx/v1/send`,
    headers: { "X-Api-Key": apiKey, "Content-Type": "application/json" },
    body: JSON.stringify(bodyOf(message, access)),
    bytesMax: BYTES_MAX,
    secrets: [apiKey, privateKey ?? "", ...mailboxesIn(message)],
  };
  const answer = await call(request, deps);
  return answer.ok ? outcomeOf(answer.value, message) : answer.error;
}

/**
 * The message in MailChannels' words. What it has no place for is left out: tags
 * and metadata (its events give back one word, which is our id). Message-ID is its own to write.
 */
function bodyOf(message: OutgoingMessage, access: Access): Record<string, unknown> {
  const { extras, html, text } = message;
  const [replyTo] = message.replyTo;
  return {
    personalizations: [
      {
        to: message.to.map(emailAndName),
        cc: listOf(message.cc, emailAndName),
        bcc: listOf(message.bcc, emailAndName),
      },
    ],
    from: emailAndName(message.from),
    reply_to: replyTo && emailAndName(replyTo),
    subject: message.subject,
    // A reader shows the last part that it can (RFC 2046 section 5.1.4).
    content: [
      ...(text === undefined ? [] : [{ type: "text/plain", value: text }]),
      ...(html === undefined ? [] : [{ type: "text/html", value: html }]),
    ],
    headers: Object.keys(message.headers).length > 0 ? message.headers : undefined,
    attachments: listOf(message.attachments, partOf),
    // The one word of ours that every event gives back: up to 48 characters without a space.
    campaign_id: message.id,
    // Anything else makes MailChannels add List-Unsubscribe fields and keep its own list.
    transactional: !extras.unsubscribe,
    tracking_settings: {
      click_tracking: { enable: extras.clicks },
      open_tracking: { enable: extras.opens },
    },
    ...signing(message.from, access),
  };
}

function signing(from: Mailbox, { dkim, privateKey }: Access): Record<string, unknown> {
  if (dkim === undefined) return {};
  return {
    dkim_domain: dkim.domain ?? from.asciiDomain,
    dkim_selector: dkim.selector,
    dkim_private_key: privateKey,
  };
}

/** `content_id` is of the official clients only; the reference does not list it. */
function partOf({ content, contentId, contentType, filename }: Attachment) {
  return {
    content,
    filename,
    type: contentType ?? UNKNOWN_TYPE,
    content_id: contentId,
  };
}
