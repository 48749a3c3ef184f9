/**
 * Sends through SendGrid's Web API v3
 * (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send).
 */
import { z } from "zod";
import { ok } from "../../core/result.ts";
import { call, mailboxesIn, type Request } from "../http.ts";
import type { Outcome, OutgoingMessage, ProviderDefinition, SendDeps } from "../provider.ts";
import { baseUrl, batching, hooked, remote, secretName, secrets } from "../settings.ts";
import { bodyOf } from "./message.ts";
import { batchOutcome, outcomeOf, outcomesOf } from "./outcome.ts";
import { identities, lookup } from "./records.ts";
import { hooks } from "./webhook.ts";

const settings = z.strictObject({
  provider: z.literal("sendgrid"),
  ...remote,
  ...batching,
  ...hooked,
  /** Mail that stays in the European Union goes to https://api.eu.sendgrid.com. */
  base_url: baseUrl("https://api.sendgrid.com"),
  /** The name of the secret that holds the API key. */
  secret: secretName,
  /** The number of the unsubscribe group for streams that leave unsubscribing to SendGrid. */
  unsubscribe_group: z.int().positive().optional(),
  /** Whether the account has bought Email Activity, without which messages cannot be looked up. */
  email_activity: z.boolean().default(false),
});

/** SendGrid takes up to 1,000 recipients in a call, over all of its messages. */
const RECIPIENTS_MAX = 1_000;
/** SendGrid takes 30 MB of a call. */
const BYTES_MAX = 30_000_000;
/**
 * SendGrid takes 1,000. One bad address refuses the whole call, whose other messages are repeated
 * one by one: if one in ten thousand is bad, a hundred together need the fewest calls.
 */
const BATCH_MAX = 100;

/** SendGrid. */
export const sendgrid: ProviderDefinition<typeof settings> = {
  settings,
  lanes: ["transactional", "broadcast"],
  hooks,
  create(source, deps) {
    const given = secrets({ apiKey: source.secret }, deps.secret);
    if (!given.ok) return given;
    const { apiKey } = given.value;
    const { base_url: base, unsubscribe_group: group } = source;
    return ok({
      capabilities: {
        recipientsMax: RECIPIENTS_MAX,
        bytesMax: BYTES_MAX,
        deduplicatesForMs: 0,
        batch: source.batch
          ? { messagesMax: BATCH_MAX, deduplicatesForMs: 0, sharesContent: true }
          : null,
        schedules: true,
        unsubscribes: group !== undefined,
        tracks: true,
        expiryMaxMs: 0,
      },
      timeLimitMs: source.time_limit_ms,
      send: (message, to) => send({ base, apiKey, group }, message, to),
      ...(source.batch
        ? { sendBatch: (messages, _key, to) => sendBatch({ base, apiKey, group }, messages, to) }
        : {}),
      ...(source.email_activity
        ? { lookup: (message, to) => lookup(base, apiKey, message, to) }
        : {}),
      identities: (to) => identities(base, apiKey, to),
    });
  },
};

interface Account {
  readonly base: string;
  readonly apiKey: string;
  readonly group: number | undefined;
}

async function send(account: Account, message: OutgoingMessage, deps: SendDeps): Promise<Outcome> {
  const answer = await call(requestOf(account, message, [message]), deps);
  return answer.ok ? outcomeOf(answer.value, deps.now()) : answer.error;
}

async function sendBatch(
  account: Account,
  messages: readonly OutgoingMessage[],
  deps: SendDeps,
): Promise<readonly Outcome[]> {
  const [first] = messages;
  if (first === undefined) return [];
  const answer = await call(requestOf(account, first, messages), deps);
  if (answer.ok) return outcomesOf(answer.value, messages.length, deps.now());
  const outcome = batchOutcome(answer.error);
  return messages.map(() => outcome);
}

function requestOf(
  { base, apiKey, group }: Account,
  shared: OutgoingMessage,
  messages: readonly OutgoingMessage[],
): Request {
  return {
    service: "SendGrid",
    url: `${base}/v3/mail/send`,
    headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify(bodyOf(shared, messages, group)),
    bytesMax: BYTES_MAX,
    secrets: [apiKey, ...mailboxesIn(...messages)],
  };
}
