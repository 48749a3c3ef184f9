/**
 * Sends through an SMTP relay (RFC 5321, message submission RFC 6409): Postfix, Exim, Exchange,
 * KumoMTA, or a hosted relay. One connection serves one send, or one batch.
 */
import { z } from "zod";
import { type Mailbox, parseMailbox } from "../../core/address.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { returnRoute } from "../../core/return-path.ts";
import { redact } from "../answer.ts";
import { mailboxesIn } from "../http.ts";
import { failed } from "../outcomes.ts";
import type {
  BatchCapability,
  Connect,
  Outcome,
  OutgoingMessage,
  ProviderDefinition,
  ProviderDeps,
  SendDeps,
} from "../provider.ts";
import { batching, remote, secretName } from "../settings.ts";
import { base64, type Credentials, type Hello, hello } from "./hello.ts";
import { type Address, Line } from "./line.ts";
import { refusalOf } from "./outcome.ts";
import { type Terms, transact } from "./transaction.ts";

/** Relays must take 100 (RFC 5321 section 4.5.3.1.8); hosted ones often stop at 50. */
const RECIPIENTS_MAX = 50;
/** Gmail and Exchange Online take 25 MB; Postfix takes 10 unless told, and then says so. */
const BYTES_MAX = 25_000_000;
/** Mail connections that go on for longer are cut off by some relays, such as Gmail's. */
const BATCH_MAX = 100;
/** Four turns of 100 ms: MAIL, RCPT, DATA and the text. A batch is to end within its time. */
const MESSAGE_MS = 400;
/**
 * RFC 5321 section 4.1.4 wants an address literal of a client without a name, and a Worker has
 * neither name nor known address; this one is what mail programs on private networks send.
 */
const NAMELESS = "[127.0.0.1]";

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i;
const HOST = /^[A-Za-z0-9._:[\]-]{1,253}$/;
/** A domain or an address literal. */
const EHLO_NAME = /^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[A-Za-z0-9.:-]{1,64}\])$/;

const settings = z
  .strictObject({
    provider: z.literal("smtp"),
    ...remote,
    ...batching,
    host: z.string().regex(HOST),
    /** 587: submission. 465: TLS from the start, with `tls` "implicit". */
    port: z
      .number()
      .int()
      .min(1)
      .max(65_535)
      .refine((port) => port !== 25, "Workers cannot connect to port 25; use 587 or 465")
      .default(587),
    tls: z.enum(["starttls", "implicit", "none"]).default("starttls"),
    user: z.string().min(1).max(255).optional(),
    /** The name of the secret that holds the user's password. */
    secret: secretName.optional(),
    /** What this client calls itself: a domain name of yours, if the relay asks for one. */
    ehlo: z.string().regex(EHLO_NAME).default(NAMELESS),
    /**
     * Where bounces go (MAIL FROM): a domain, or an address with a `*`, for an address of each
     * message's own; any other address as it is; the From address if not given.
     */
    return_path: z.string().optional(),
    /** At most 50 MB: a Worker has 128 MB for a message in all its forms. */
    bytes_max: z.number().int().min(1000).max(50_000_000).default(BYTES_MAX),
  })
  .refine(({ user, secret }) => (user === undefined) === (secret === undefined), {
    message: "user and secret go together",
    path: ["secret"],
  })
  .refine(({ tls, user, host }) => tls !== "none" || user === undefined || LOOPBACK.test(host), {
    message: "a password leaves on an encrypted connection only; use starttls or implicit",
    path: ["tls"],
  });

type Settings = z.infer<typeof settings>;

/** Any SMTP relay. */
export const smtp: ProviderDefinition<typeof settings> = {
  settings,
  lanes: ["transactional", "broadcast"],
  hooks: null,
  create(source, deps) {
    const password = source.secret === undefined ? "" : deps.secret(source.secret);
    if (password === null) return err(`the secret ${source.secret} is not set`);
    const { user } = source;
    const sender = senderOf(source.return_path, deps);
    if (!sender.ok) return err(`return_path: ${sender.error}`);
    const relay: Relay = {
      connect: deps.connect,
      source,
      credentials: user === undefined ? null : { user, password },
      terms: { sender: sender.value, bytesMax: source.bytes_max },
    };
    const batch = batchOf(source);
    return ok({
      capabilities: {
        recipientsMax: RECIPIENTS_MAX,
        bytesMax: source.bytes_max,
        deduplicatesForMs: 0,
        batch,
        schedules: false,
        unsubscribes: false,
        tracks: false,
        expiryMaxMs: 0,
      },
      timeLimitMs: source.time_limit_ms,
      send: async (message, to) => {
        const [outcome] = await sendAll(relay, [message], to);
        return outcome ?? failed(true, "not_started", "nothing was sent");
      },
      ...(batch === null
        ? {}
        : {
            sendBatch: (messages: readonly OutgoingMessage[], _key: string, to: SendDeps) =>
              sendAll(relay, messages, to),
          }),
    });
  },
};

/** MAIL FROM of each message. */
function senderOf(
  setting: string | undefined,
  { returnPath }: ProviderDeps,
): Result<Terms["sender"], string> {
  if (setting === undefined) return ok(({ from }) => Promise.resolve(from));
  const route = returnRoute(setting);
  if (!route.ok) return route;
  const { value } = route;
  if (value !== null) {
    if (returnPath === undefined) return err("there is nothing to sign it with");
    return ok(async ({ id }) => mailboxOf(await returnPath(id, value)));
  }
  const fixed = parseMailbox(setting);
  return fixed.ok ? ok(() => Promise.resolve(fixed.value)) : fixed;
}

function mailboxOf(address: string): Mailbox {
  const parsed = parseMailbox(address);
  if (!parsed.ok) throw new Error(`a return path that is none: ${parsed.error}`);
  return parsed.value;
}

/** As many messages as one after another take within the time limit; null for less than two. */
function batchOf({ batch, time_limit_ms }: Settings): BatchCapability | null {
  const messagesMax = Math.min(BATCH_MAX, Math.floor(time_limit_ms / MESSAGE_MS));
  if (!batch || messagesMax < 2) return null;
  return { messagesMax, deduplicatesForMs: 0, sharesContent: false, oneByOne: true };
}

/** A source, ready to connect. */
interface Relay {
  readonly connect: Connect;
  readonly source: Settings;
  readonly credentials: Credentials | null;
  readonly terms: Terms;
}

/** Sends messages one after another over one connection; each has an outcome of its own. */
async function sendAll(
  { connect, source, credentials, terms }: Relay,
  messages: readonly OutgoingMessage[],
  { signal }: SendDeps,
): Promise<Outcome[]> {
  const all = (outcome: Outcome): Outcome[] => messages.map(() => outcome);
  if (signal.aborted) {
    return all(failed(true, "not_started", "the attempt ended before it began"));
  }
  const secrets = [...secretsOf(credentials), ...mailboxesIn(...messages)];
  const how: Hello = {
    tls: source.tls,
    name: source.ehlo,
    credentials,
    redact: (text) => redact(text, secrets),
  };
  const address: Address = { hostname: source.host, port: source.port };
  const line = Line.open(connect, address, TRANSPORTS[source.tls], signal);
  if (line === null) return all(failed(true, "unreachable", "no connection to the relay"));
  try {
    const offered = await hello(line, how);
    if (!offered.ok) return all(offered.error);
    const outcomes: Outcome[] = [];
    for (const message of messages) {
      const { outcome, line: after } = await transact(
        line,
        message,
        offered.value,
        terms,
        how.redact,
      );
      outcomes.push(outcome);
      if (outcomes.length === messages.length) break;
      const stopped = await stoppedAfter(line, outcome, after, how);
      if (stopped === null) continue;
      return [...outcomes, ...messages.slice(outcomes.length).map(() => stopped)];
    }
    // Its answer would tell nothing about a message, and each would wait for it.
    await line.write("QUIT\r\n");
    return outcomes;
  } finally {
    line.close();
  }
}

const TRANSPORTS = { starttls: "starttls", implicit: "on", none: "off" } as const;

/** What becomes of the messages not begun, once the connection is of no use; null while it is. */
async function stoppedAfter(
  line: Line,
  outcome: Outcome,
  after: "open" | "reset" | "gone",
  { redact: redacted }: Hello,
): Promise<Outcome | null> {
  // A relay that is busy or counts its clients' mail refuses the next one too.
  if (outcome.kind === "throttled") return outcome;
  if (after === "open") return null;
  const reply = after === "gone" ? "lost" : await line.command("RSET");
  if (typeof reply === "object" && reply.code === 250) return null;
  if (typeof reply === "object") return refusalOf("mail", reply, redacted);
  return failed(true, "connection_lost", "the relay's connection ended before this message");
}

/** What must not come back in a relay's words: the password, also as it is written. */
function secretsOf(credentials: Credentials | null): string[] {
  if (credentials === null) return [];
  const { user, password } = credentials;
  return [password, base64(password), base64(`\0${user}\0${password}`)];
}
