/**
 * Hands mail to Mailpit, which shows it and delivers nothing: for development and tests
 * (https://mailpit.axllent.org/docs/api-v1/, `POST /api/v1/send`).
 */
import { z } from "zod";
import type { Mailbox } from "../../core/address.ts";
import { ok, type Result } from "../../core/result.ts";
import { type Answer, ask, basicAuth, call, mailboxesIn, unanswered } from "../http.ts";
import { addressOf } from "../message.ts";
import { accepted, ambiguous, outcomeOfStatus, rejected } from "../outcomes.ts";
import type {
  Found,
  Outcome,
  OutgoingMessage,
  ProviderDefinition,
  SendDeps,
  Sought,
  Unanswered,
} from "../provider.ts";
import { baseUrl, remote, secretName, secrets } from "../settings.ts";

const settings = z.strictObject({
  provider: z.literal("mailpit"),
  ...remote,
  base_url: baseUrl("http://127.0.0.1:8025"),
  /** Where Mailpit was started with `--ui-auth-file` or `--send-api-auth-file`. */
  auth: z.strictObject({ user: z.string().min(1), secret: secretName }).optional(),
});

/** Mailpit sets none; in development, more is a mistake. */
const RECIPIENTS_MAX = 1_000;
/** `--max-message-size`, by default 50 MiB of a request's body. */
const BYTES_MAX = 50 * 1024 * 1024;

/** How one Mailpit is reached. */
interface Access {
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

/** Mailpit. */
export const mailpit: ProviderDefinition<typeof settings> = {
  settings,
  lanes: ["transactional", "broadcast"],
  hooks: null,
  create(source, deps) {
    const named: Record<string, string> = source.auth ? { password: source.auth.secret } : {};
    const given = secrets(named, deps.secret);
    if (!given.ok) return given;
    const access = accessOf(source.base_url, source.auth?.user ?? "", given.value.password);
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
      send: (message, to) => send(access, message, to),
      lookup: (message, to) => lookup(access, message, to),
    });
  },
};

function accessOf(base: string, user: string, password: string | undefined): Access {
  if (password === undefined) return { base, headers: {}, secrets: [] };
  const Authorization = basicAuth(user, password);
  return { base, headers: { Authorization }, secrets: [password, Authorization] };
}

async function send(access: Access, message: OutgoingMessage, to: SendDeps): Promise<Outcome> {
  const request = {
    service: "Mailpit",
    url: `${access.base}/api/v1/send`,
    headers: { ...access.headers, "Content-Type": "application/json" },
    body: JSON.stringify(bodyOf(message)),
    bytesMax: BYTES_MAX,
    secrets: [...access.secrets, ...mailboxesIn(message)],
  };
  const answer = await call(request, to);
  return answer.ok ? outcomeOf(answer.value) : answer.error;
}

/** The message in Mailpit's words. Nothing of it leaves the machine, so our facts are shown. */
function bodyOf(message: OutgoingMessage): Record<string, unknown> {
  const facts = Object.entries(message.metadata).map(([name, value]) => {
    return [`X-Postern-Metadata-${name}`, value] as const;
  });
  return {
    From: mailboxOf(message.from),
    To: message.to.map(mailboxOf),
    Cc: message.cc.map(mailboxOf),
    Bcc: message.bcc.map(addressOf),
    ReplyTo: message.replyTo.map(mailboxOf),
    Subject: message.subject,
    Text: message.text,
    HTML: message.html,
    Headers: {
      ...message.headers,
      ...Object.fromEntries(facts),
      "X-Postern-Id": message.id,
      "X-Postern-Account": message.account,
      "Message-ID": `<${message.messageId}>`,
    },
    // A tag of Mailpit's is one word of [A-Za-z0-9 ._-].
    Tags: message.tags.map(({ name, value }) => `${name}.${value}`),
    Attachments: message.attachments.map((attachment) => ({
      Content: attachment.content,
      Filename: attachment.filename,
      ContentType: attachment.contentType,
      ContentID: attachment.contentId,
    })),
  };
}

function mailboxOf(mailbox: Mailbox) {
  return { Name: mailbox.name ?? undefined, Email: addressOf(mailbox) };
}

/** Mailpit names no error: a refusal is a sentence in `Error`. */
function outcomeOf(answer: Answer): Outcome {
  const { status, json } = answer;
  if (status === 200) {
    if (answer.body === null) return ambiguous("Mailpit answered 200, then no readable body");
    return accepted("Mailpit", json?.ID);
  }
  const words = typeof json?.Error === "string" ? json.Error : "";
  const text = answer.redacted(`Mailpit answered ${status}. ${words}`);
  if (status === 400 && /^invalid (To|Cc|Bcc) address/.test(words)) {
    return rejected("recipient", "invalid_address", text);
  }
  return outcomeOfStatus(answer, null, text);
}

/** Mailpit stores before it answers, so what is not found was not taken (or was cleared away). */
async function lookup(
  access: Access,
  { messageId }: Sought,
  deps: SendDeps,
): Promise<Result<Found, Unanswered>> {
  const query = encodeURIComponent(`message-id:${messageId}`);
  const url = `${access.base}/api/v1/search?query=${query}`;
  const answer = await ask({ service: "Mailpit", url, ...access }, deps);
  if (!answer.ok) return answer;
  const { messages } = answer.value;
  if (!Array.isArray(messages)) {
    return unanswered("Mailpit answered without a list of messages");
  }
  // The search finds parts of an id too.
  const found = messages.find((one) => one?.MessageID === messageId);
  if (typeof found?.ID !== "string") return ok({ kind: "none" });
  return ok({ kind: "accepted", providerMessageId: found.ID });
}
