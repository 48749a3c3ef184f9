/**
 * Sends through Cloudflare Email Service by a `send_email` binding
 * (https://developers.cloudflare.com/email-service/api/send-emails/workers-api/).
 */
import { z } from "zod";
import type { Mailbox } from "../../core/address.ts";
import { err, ok } from "../../core/result.ts";
import { redact } from "../answer.ts";
import { mailboxesIn } from "../http.ts";
import { addressOf, UNKNOWN_TYPE } from "../message.ts";
import { accepted, ambiguous, failed, rejected } from "../outcomes.ts";
import type {
  Attachment,
  EmailBinding,
  Outcome,
  OutgoingMessage,
  ProviderDefinition,
  SendDeps,
} from "../provider.ts";
import { remote } from "../settings.ts";
import { outcomeOfError } from "./outcome.ts";

const settings = z.strictObject({
  provider: z.literal("cloudflare"),
  ...remote,
  /** The name of the `[[send_email]]` binding in wrangler.toml. */
  binding: z.string().min(1).default("EMAIL"),
  /** The sending domains whose events are this source's; for several sources of this provider. */
  domains: z.array(z.string().toLowerCase()).max(100).default([]),
});

/** "Combined across all recipient fields." */
const RECIPIENTS_MAX = 50;
/** 5 MiB of a message with its attachments. */
const BYTES_MAX = 5 * 1024 * 1024;

/** Header field under which a message, or the part of it that a bounce quotes, names our id. */
const ID_HEADER = "X-Postern-Id";

/**
 * Cloudflare Email Service. For transactional mail only, by its terms. It recognises no repeats,
 * reports nothing on opens and clicks, and its events name a message by its own id alone.
 */
export const cloudflare: ProviderDefinition<typeof settings> = {
  settings,
  lanes: ["transactional"],
  hooks: null,
  anonymous: true,
  create(source, deps) {
    const binding = deps.email(source.binding);
    if (binding === null) return err(`there is no send_email binding ${source.binding}`);
    return ok({
      capabilities: {
        recipientsMax: RECIPIENTS_MAX,
        bytesMax: BYTES_MAX,
        deduplicatesForMs: 0,
        batch: null,
        schedules: false,
        unsubscribes: false,
        tracks: false,
        expiryMaxMs: 0,
      },
      timeLimitMs: source.time_limit_ms,
      send: (message, to) => send(binding, message, to),
    });
  },
};

async function send(
  binding: EmailBinding,
  message: OutgoingMessage,
  { signal }: SendDeps,
): Promise<Outcome> {
  if (signal.aborted) return failed(true, "not_started", "the attempt ended before it began");
  if (sizeOf(message) > BYTES_MAX) {
    return rejected("content", "message_too_large", `Cloudflare takes ${BYTES_MAX} bytes`);
  }
  if (message.replyTo.length > 1) {
    return rejected("content", "reply_to_unsupported", "Cloudflare takes one reply-to mailbox");
  }
  return await within(answerOf(binding, message), signal);
}

async function answerOf(binding: EmailBinding, message: OutgoingMessage): Promise<Outcome> {
  try {
    const result = await binding.send(builderOf(message));
    return accepted("Cloudflare", result?.messageId);
  } catch (error) {
    return outcomeOfError(error, message, (text) => redact(text, mailboxesIn(message)));
  }
}

/** The binding cannot be told to stop: after the time limit its answer is not waited for. */
function within(sent: Promise<Outcome>, signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve) => {
    const end = () => resolve(ambiguous("no answer within the time limit"));
    signal.addEventListener("abort", end, { once: true });
    void sent.then(resolve).finally(() => signal.removeEventListener("abort", end));
  });
}

/** Characters of what is long in a message: exact where it is ASCII, as base64 is. */
function sizeOf({ html = "", text = "", attachments }: OutgoingMessage): number {
  return attachments.reduce((sum, one) => sum + one.content.length, html.length + text.length);
}

/**
 * The message in the words of the binding. What it has no place for is left out: tags and
 * metadata. Message-ID and Date are the service's own; a field of the caller's that is not
 * on its list goes along all the same, and is told in the refusal
 * (https://developers.cloudflare.com/email-service/reference/headers/).
 */
function builderOf(message: OutgoingMessage) {
  const { attachments, bcc, cc, html, replyTo, text } = message;
  const [answerTo] = replyTo;
  return {
    from: mailboxOf(message.from),
    to: message.to.map(mailboxOf),
    ...(cc.length > 0 && { cc: cc.map(mailboxOf) }),
    ...(bcc.length > 0 && { bcc: bcc.map(mailboxOf) }),
    ...(answerTo && { replyTo: mailboxOf(answerTo) }),
    subject: message.subject,
    ...(html !== undefined && { html }),
    ...(text !== undefined && { text }),
    headers: { ...message.headers, [ID_HEADER]: message.id },
    ...(attachments.length > 0 && { attachments: attachments.map(partOf) }),
  };
}

/** An object has a name; without one, the address stands alone. Names are Unicode. */
function mailboxOf(mailbox: Mailbox) {
  const email = addressOf(mailbox);
  return mailbox.name === null ? email : { email, name: mailbox.name };
}

/** An inline part has a `contentId`, any other has none. Both need a type. */
function partOf({ content, contentId, contentType, filename }: Attachment) {
  const part = { content, filename, type: contentType ?? UNKNOWN_TYPE };
  return contentId === undefined
    ? { ...part, disposition: "attachment" }
    : { ...part, disposition: "inline", contentId };
}
