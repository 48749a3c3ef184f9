/** Sends through Resend's HTTP API (https://resend.com/docs/api-reference/emails/send-email). */
import { z } from "zod";
import { formatMailbox } from "../../core/address.ts";
import { ok } from "../../core/result.ts";
import { call, mailboxesIn, type Request } from "../http.ts";
import { ACCOUNT_NAME, ID_NAME, listOf, recipientsOf } from "../message.ts";
import type { Outcome, OutgoingMessage, ProviderDefinition, SendDeps, Tag } from "../provider.ts";
import {
  baseUrl,
  batching,
  deduplication,
  hooked,
  remote,
  secretName,
  secrets,
} from "../settings.ts";
import { outcomesOf } from "./batch.ts";
import { identities } from "./domains.ts";
import { outcomeOf } from "./outcome.ts";
import { COUNT_NAME, hooks } from "./webhook.ts";

const settings = z.strictObject({
  provider: z.literal("resend"),
  ...remote,
  ...deduplication,
  ...batching,
  ...hooked,
  base_url: baseUrl("https://api.resend.com"),
  /** The name of the secret that holds the API key. */
  secret: secretName,
});

/** Resend takes up to 50 recipients in a call. */
const RECIPIENTS_MAX = 50;
/** Resend takes 40 MB of a message after base64. */
const BYTES_MAX = 40_000_000;
/** Resend remembers an idempotency key for 24 hours. */
const DEDUPLICATES_FOR_MS = 24 * 3_600_000;
/** Resend takes up to 100 messages in a call. */
const MESSAGES_MAX = 100;
/** Resend's limit for a tag's value. */
const TAG_MAX = 256;

/** Resend, and services that speak its dialect. */
export const resend: ProviderDefinition<typeof settings> = {
  settings,
  lanes: ["transactional", "broadcast"],
  hooks,
  create(source, deps) {
    const given = secrets({ apiKey: source.secret }, deps.secret);
    if (!given.ok) return given;
    const { apiKey } = given.value;
    const deduplicatesForMs = source.deduplicates ? DEDUPLICATES_FOR_MS : 0;
    return ok({
      capabilities: {
        recipientsMax: RECIPIENTS_MAX,
        bytesMax: BYTES_MAX,
        deduplicatesForMs,
        batch: source.batch
          ? { messagesMax: MESSAGES_MAX, deduplicatesForMs, sharesContent: false }
          : null,
        schedules: true,
        unsubscribes: false,
        tracks: false,
        expiryMaxMs: 0,
      },
      timeLimitMs: source.time_limit_ms,
      identities: (to) => identities(source.base_url, apiKey, to),
      send: (message, to) => send(source.base_url, apiKey, message, to),
      ...(source.batch
        ? { sendBatch: (all, key, to) => sendBatch(source.base_url, apiKey, all, key, to) }
        : {}),
    });
  },
};

async function send(
  base: string,
  apiKey: string,
  message: OutgoingMessage,
  deps: SendDeps,
): Promise<Outcome> {
  const body = JSON.stringify(bodyOf(message));
  const request = requestOf(`${base}/emails`, apiKey, message.idempotencyKey, body, [message]);
  const answer = await call(request, deps);
  return answer.ok ? outcomeOf(answer.value) : answer.error;
}

async function sendBatch(
  base: string,
  apiKey: string,
  messages: readonly OutgoingMessage[],
  key: string,
  deps: SendDeps,
): Promise<readonly Outcome[]> {
  const body = JSON.stringify(messages.map(bodyOf));
  const request = requestOf(`${base}/emails/batch`, apiKey, key, body, messages);
  const headers = { ...request.headers, "x-batch-validation": "permissive" };
  const answer = await call({ ...request, headers }, deps);
  if (!answer.ok) return messages.map(() => answer.error);
  return outcomesOf(answer.value, messages.length);
}

function requestOf(
  url: string,
  apiKey: string,
  key: string,
  body: string,
  messages: readonly OutgoingMessage[],
): Request {
  return {
    service: "Resend",
    url,
    headers: {
      Authorization: `Bearer ${apiKey}`,
      "Content-Type": "application/json",
      "Idempotency-Key": key,
    },
    body,
    bytesMax: BYTES_MAX,
    secrets: [apiKey, ...mailboxesIn(...messages)],
  };
}

/** The message in Resend's words; a field without content is left out. */
function bodyOf(message: OutgoingMessage): Record<string, unknown> {
  return {
    from: formatMailbox(message.from),
    to: message.to.map(formatMailbox),
    cc: listOf(message.cc, formatMailbox),
    bcc: listOf(message.bcc, formatMailbox),
    reply_to: listOf(message.replyTo, formatMailbox),
    subject: message.subject,
    html: message.html,
    text: message.text,
    // Resend writes its own Message-ID and gives it back in its events.
    headers: Object.keys(message.headers).length > 0 ? message.headers : undefined,
    tags: tagsOf(message),
    attachments: listOf(message.attachments, (attachment) => ({
      filename: attachment.filename,
      content: attachment.content,
      content_type: attachment.contentType,
      content_id: attachment.contentId,
    })),
  };
}

/** The caller's tags and our own, which no caller may set. */
function tagsOf(message: OutgoingMessage): Tag[] {
  const count = recipientsOf(message).length;
  const own = [
    { name: ID_NAME, value: tagValue(message.id) },
    { name: ACCOUNT_NAME, value: tagValue(message.account) },
    // Events name those of `to` only, so without it a bounce of Cc's would be theirs.
    ...(count > 1 ? [{ name: COUNT_NAME, value: String(count) }] : []),
  ];
  const given = [
    ...message.tags,
    ...Object.entries(message.metadata).map(([name, value]) => ({ name, value: tagValue(value) })),
  ];
  const names = new Set([...own.map((tag) => tag.name), COUNT_NAME]);
  return [...given.filter((tag) => !names.has(tag.name)), ...own];
}

function tagValue(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, TAG_MAX);
}
