/** Sends through Postmark's HTTP API (https://postmarkapp.com/developer/api/email-api). */
import { z } from "zod";
import { ok } from "../../core/result.ts";
import { call, mailboxesIn, type Request } from "../http.ts";
import type { Outcome, OutgoingMessage, ProviderDefinition, SendDeps } from "../provider.ts";
import { baseUrl, batching, hooked, remote, secretName, secrets } from "../settings.ts";
import { bodyOf, type MessageStreams } from "./message.ts";
import { batchOutcome, outcomeOf, outcomesOf } from "./outcome.ts";
import { identities, lookup } from "./records.ts";
import { hooks } from "./webhook.ts";

const settings = z.strictObject({
  provider: z.literal("postmark"),
  ...remote,
  ...batching,
  ...hooked,
  base_url: baseUrl("https://api.postmarkapp.com"),
  /** The name of the secret that holds the server's token. */
  secret: secretName,
  /** The name of the secret that holds the account's token; with it, domains can be listed. */
  account_secret: secretName.optional(),
  /** The ids of Postmark's message streams; by default those that every server begins with. */
  message_streams: z
    .strictObject({
      transactional: z.string().min(1).default("outbound"),
      broadcast: z.string().min(1).default("broadcast"),
    })
    .prefault({}),
});

/** Postmark takes up to 50 recipients of a message. */
const RECIPIENTS_MAX = 50;
/**
 * Postmark takes 10 MB of a message after base64
 * (https://postmarkapp.com/support/article/1056-what-are-the-attachment-and-email-size-limits).
 */
const BYTES_MAX = 10_000_000;
/** Of a batch it takes 50 MB. */
const BATCH_BYTES_MAX = 50_000_000;
/** Postmark takes 500; a lost answer leaves all of a call unknown, so a call holds fewer. */
const BATCH_MAX = 100;
/** An answer repeats each message's To: with fifty recipients that is 5 KB. */
const BATCH_ANSWER_MAX_BYTES = BATCH_MAX * 5_120;

/**
 * Postmark. Whether it adds an unsubscribe link is a setting of a message stream and out of a
 * message's reach: by default its broadcast streams do, until they are set to leave that to the
 * sender (https://postmarkapp.com/support/article/managing-your-own-unsubscribe-process).
 */
export const postmark: ProviderDefinition<typeof settings> = {
  settings,
  lanes: ["transactional", "broadcast"],
  hooks,
  create(source, deps) {
    const { secret, account_secret, base_url: base, message_streams: streams } = source;
    const server = secrets({ token: secret }, deps.secret);
    if (!server.ok) return server;
    const { token } = server.value;
    const account =
      account_secret === undefined ? null : secrets({ token: account_secret }, deps.secret);
    if (account?.ok === false) return account;
    const accountToken = account?.value.token;
    const words = accountToken === undefined ? [token] : [token, accountToken];
    const at = { base, token, streams, secrets: words };
    return ok({
      capabilities: {
        recipientsMax: RECIPIENTS_MAX,
        bytesMax: BYTES_MAX,
        deduplicatesForMs: 0,
        batch: source.batch
          ? { messagesMax: BATCH_MAX, deduplicatesForMs: 0, sharesContent: false }
          : null,
        schedules: false,
        unsubscribes: false,
        tracks: true,
        expiryMaxMs: 0,
      },
      timeLimitMs: source.time_limit_ms,
      send: (message, to) => send(at, message, to),
      ...(source.batch ? { sendBatch: (messages, _key, to) => sendBatch(at, messages, to) } : {}),
      lookup: (message, to) => lookup(base, token, Object.values(streams), message, to),
      ...(accountToken === undefined
        ? {}
        : { identities: (to: SendDeps) => identities(base, accountToken, to) }),
    });
  },
};

interface Server {
  readonly base: string;
  readonly token: string;
  readonly streams: MessageStreams;
  readonly secrets: readonly string[];
}

async function send(server: Server, message: OutgoingMessage, deps: SendDeps): Promise<Outcome> {
  const request = requestOf(server, "email", bodyOf(message, server.streams), [message]);
  const answer = await call({ ...request, bytesMax: BYTES_MAX }, deps);
  return answer.ok ? outcomeOf(answer.value, message) : answer.error;
}

async function sendBatch(
  server: Server,
  messages: readonly OutgoingMessage[],
  deps: SendDeps,
): Promise<readonly Outcome[]> {
  const bodies = messages.map((message) => bodyOf(message, server.streams));
  const request = requestOf(server, "email/batch", bodies, messages);
  const limits = { bytesMax: BATCH_BYTES_MAX, answerMaxBytes: BATCH_ANSWER_MAX_BYTES };
  const answer = await call({ ...request, ...limits }, deps);
  if (answer.ok) return outcomesOf(answer.value, messages);
  const outcome = batchOutcome(answer.error);
  return messages.map(() => outcome);
}

function requestOf(
  { base, token, secrets: words }: Server,
  path: string,
  body: unknown,
  messages: readonly OutgoingMessage[],
): Request {
  return {
    service: "Postmark",
    url: `${base}/${path}`,
    headers: {
      Accept: "application/json",
      "Content-Type": "application/json",
      "X-Postmark-Server-Token": token,
    },
    body: JSON.stringify(body),
    secrets: [...words, ...mailboxesIn(...messages)],
  };
}
