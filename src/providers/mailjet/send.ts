/** Sends through Mailjet's Send API v3.1 (https://dev.mailjet.com/email/guides/send-api-v31/). */
import { z } from "zod";
import { ok } from "../../core/result.ts";
import { call, mailboxesIn } from "../http.ts";
import { recipientsOf } from "../message.ts";
import { ambiguous, batchRefused } from "../outcomes.ts";
import type { Outcome, OutgoingMessage, ProviderDefinition, SendDeps } from "../provider.ts";
import { baseUrl, batching, hooked, remote, secretName, secrets } from "../settings.ts";
import { messageOf, unsupportedIn } from "./body.ts";
import { outcomesOf } from "./outcome.ts";
import { type Access, credentialsOf, identities, lookup } from "./records.ts";
import { hooks } from "./webhook.ts";

const settings = z.strictObject({
  provider: z.literal("mailjet"),
  ...remote,
  ...batching,
  ...hooked,
  /** https://api.us.mailjet.com for accounts in the United States. */
  base_url: baseUrl("https://api.mailjet.com"),
  /** The name of the secret that holds the API key. */
  api_key: secretName,
  /** The name of the secret that holds the secret key. */
  secret_key: secretName,
});

/** Mailjet's limit for To, Cc and Bcc, of all the messages in a call together (send-0015). */
const RECIPIENTS_MAX = 50;
/** Mailjet's limit for a call. */
const MESSAGES_MAX = 50;
/** Mailjet takes 15 MB of files, which are 20 MB in base64. */
const BYTES_MAX = 20_000_000;
/** What is said of 50 messages, each with the ids of its recipients or its errors. */
const ANSWER_MAX_BYTES = 1_000_000;

/** Mailjet. */
export const mailjet: ProviderDefinition<typeof settings> = {
  settings,
  lanes: ["transactional", "broadcast"],
  hooks,
  create(source, deps) {
    const named = { apiKey: source.api_key, secretKey: source.secret_key };
    const given = secrets(named, deps.secret);
    if (!given.ok) return given;
    const access: Access = { base: source.base_url, ...given.value };
    return ok({
      capabilities: {
        recipientsMax: RECIPIENTS_MAX,
        bytesMax: BYTES_MAX,
        deduplicatesForMs: 0,
        batch: source.batch
          ? { messagesMax: MESSAGES_MAX, deduplicatesForMs: 0, sharesContent: false }
          : null,
        schedules: false,
        unsubscribes: false,
        tracks: true,
        expiryMaxMs: 0,
      },
      timeLimitMs: source.time_limit_ms,
      send: async (message, to) =>
        unsupportedIn(message) ?? outcomeAt(await sendAll(access, [message], to), 0),
      ...(source.batch
        ? { sendBatch: (messages, _, to) => sendFitting(access, messages, to) }
        : {}),
      lookup: (message, to) => lookup(access, message, to),
      identities: (to) => identities(access, to),
    });
  },
};

const outcomeAt = (outcomes: readonly Outcome[], index: number): Outcome =>
  outcomes[index] ?? ambiguous("Mailjet said nothing of this message");

/** Sends what can share a call; the rest was not sent, and is tried alone. */
async function sendFitting(
  access: Access,
  messages: readonly OutgoingMessage[],
  deps: SendDeps,
): Promise<readonly Outcome[]> {
  const fitting: OutgoingMessage[] = [];
  let recipients = 0;
  const kept = messages.map((message): Outcome | number => {
    const unsupported = unsupportedIn(message);
    if (unsupported !== null) return unsupported;
    const count = recipientsOf(message).length;
    if (recipients + count > RECIPIENTS_MAX) {
      return batchRefused(`Mailjet takes ${RECIPIENTS_MAX} recipients in a call`);
    }
    recipients += count;
    return fitting.push(message) - 1;
  });
  const sent = fitting.length > 0 ? await sendAll(access, fitting, deps) : [];
  return kept.map((one) => (typeof one === "number" ? outcomeAt(sent, one) : one));
}

/** Makes the call: one outcome per message, in their order. */
async function sendAll(
  access: Access,
  messages: readonly OutgoingMessage[],
  deps: SendDeps,
): Promise<readonly Outcome[]> {
  const { headers, secrets } = credentialsOf(access);
  const request = {
    service: "Mailjet",
    url: `${access.base}/v3.1/send`,
    headers,
    body: JSON.stringify({ Messages: messages.map(messageOf) }),
    bytesMax: BYTES_MAX,
    answerMaxBytes: ANSWER_MAX_BYTES,
    secrets: [...secrets, ...mailboxesIn(...messages)],
  };
  const answer = await call(request, deps);
  if (answer.ok) return outcomesOf(answer.value, messages.length);
  const { error } = answer;
  const tooLarge = messages.length > 1 && error.kind === "rejected";
  const outcome = tooLarge ? batchRefused(error.text) : error;
  return messages.map(() => outcome);
}
