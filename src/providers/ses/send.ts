/**
 * Sends through Amazon SES's HTTP API, version 2
 * (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html). SES recognises no
 * repeated request, and finds no message by an id of ours: its GetMessageInsights asks for SES's.
 */
import { z } from "zod";
import { err, ok, type Result } from "../../core/result.ts";
import { call, mailboxesIn } from "../http.ts";
import { recipientsOf } from "../message.ts";
import { rejected } from "../outcomes.ts";
import type { Outcome, OutgoingMessage, ProviderDefinition, SendDeps } from "../provider.ts";
import { hooked, regionalUrl, remote, secretName, secrets } from "../settings.ts";
import { identities } from "./identities.ts";
import { isAsciiLocal, sesMailbox } from "./mailbox.ts";
import { bodyOf, type Envelope } from "./message.ts";
import { outcomeOf } from "./outcome.ts";
import { type Signing, secretsOf, signed } from "./sign.ts";
import { hooks } from "./webhook.ts";

const name = (max: number) =>
  z
    .string()
    .regex(/^[\w .-]+$/)
    .max(max)
    .optional();

const settings = z.strictObject({
  provider: z.literal("ses"),
  ...remote,
  ...hooked,
  /** Where the account sends from, as in `eu-west-1`. */
  region: z.string().regex(/^[a-z]{2,4}(-[a-z]+){1,3}-\d{1,2}$/, "a region is like eu-west-1"),
  /** The region's own endpoint unless it is given: a FIPS or VPC endpoint, or an emulator. */
  base_url: regionalUrl,
  /** The names of the secrets that hold the credentials of an IAM user or role. */
  access_key_id: secretName,
  secret_access_key: secretName,
  /** The name of the secret that holds a temporary credential's token. */
  session_token: secretName.optional(),
  /** Needed to get events: its event destination is where SES publishes them. */
  configuration_set: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional(),
  /** Another account's identity that this one is authorized to send from. */
  identity_arn: z
    .string()
    .regex(/^arn:aws[a-z-]*:ses:[a-z0-9-]+:\d{12}:identity\/\S+$/)
    .optional(),
  tenant: name(64),
  /** Where SES keeps unsubscribes of streams that leave them to the provider; topic of it. */
  contact_list: name(64),
  contact_list_topic: name(64),
});

/** To, Cc and Bcc together (https://docs.aws.amazon.com/ses/latest/dg/quotas.html). */
const RECIPIENTS_MAX = 50;
/** The same page, for a message after base64; the JSON around it is held to it as well. */
const BYTES_MAX = 40_000_000;

/** What is asked of the credentials, so that a slip while pasting is told at the start. */
const ACCESS_KEY_ID = /^\w{16,128}$/;
const NO_SPACES = /^[!-~]+$/;

/** Amazon SES, version 2 of its API. */
export const ses: ProviderDefinition<typeof settings> = {
  settings,
  lanes: ["transactional", "broadcast"],
  hooks,
  create(source, deps) {
    const given = credentials(source, deps.secret);
    if (!given.ok) return given;
    const signing: Signing = { ...given.value, region: source.region, keys: new Map() };
    const base = source.base_url ?? `https://email.${source.region}.amazonaws.com`;
    const { contact_list: list } = source;
    const envelope: Envelope = {
      configurationSet: source.configuration_set ?? null,
      identityArn: source.identity_arn ?? null,
      tenant: source.tenant ?? null,
      contactList:
        list === undefined ? null : { name: list, topic: source.contact_list_topic ?? null },
    };
    return ok({
      capabilities: {
        recipientsMax: RECIPIENTS_MAX,
        bytesMax: BYTES_MAX,
        deduplicatesForMs: 0,
        batch: null,
        schedules: false,
        unsubscribes: list !== undefined,
        tracks: true,
        // How long SES tries is a property of the configuration set.
        expiryMaxMs: 0,
      },
      timeLimitMs: source.time_limit_ms,
      send: (message, to) => send(base, signing, envelope, message, to),
      identities: (to) => identities(base, signing, to),
    });
  },
};

type Credentials = Pick<Signing, "accessKeyId" | "secretAccessKey" | "sessionToken">;

function credentials(
  source: z.infer<typeof settings>,
  read: (name: string) => string | null,
): Result<Credentials, string> {
  const { access_key_id, secret_access_key, session_token } = source;
  const keys = secrets({ id: access_key_id, key: secret_access_key }, read);
  if (!keys.ok) return keys;
  const { id, key } = keys.value;
  const token = session_token === undefined ? null : read(session_token);
  if (session_token !== undefined && token === null) {
    return err(`the secret ${session_token} is not set`);
  }
  const broken = (name: string) => err(`the secret ${name} is not a value that AWS gives`);
  if (!ACCESS_KEY_ID.test(id)) return broken(access_key_id);
  if (!NO_SPACES.test(key)) return broken(secret_access_key);
  if (token !== null && !NO_SPACES.test(token)) return broken(session_token ?? "");
  return ok({ accessKeyId: id, secretAccessKey: key, sessionToken: token });
}

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Destination.html */
const UTF8_CODE = "smtputf8_unsupported";
const UTF8_TEXT = "SES takes only ASCII before the @ of an address";

async function send(
  base: string,
  signing: Signing,
  envelope: Envelope,
  given: OutgoingMessage,
  deps: SendDeps,
): Promise<Outcome> {
  const unsupported = (fault: "recipient" | "sender" | "content") =>
    rejected(fault, UTF8_CODE, UTF8_TEXT);
  if (!isAsciiLocal(given.from)) return unsupported("sender");
  if (!given.replyTo.every(isAsciiLocal)) return unsupported("content");
  const [to, cc, bcc] = [given.to, given.cc, given.bcc].map((list) => list.filter(isAsciiLocal));
  const message = { ...given, to: to ?? [], cc: cc ?? [], bcc: bcc ?? [] };
  if (recipientsOf(message).length === 0) return unsupported("recipient");
  const refused = recipientsOf(given)
    .filter((mailbox) => !isAsciiLocal(mailbox))
    .map(({ address }) => ({ address, code: UTF8_CODE, text: UTF8_TEXT }));

  const url = `${base}/v2/email/outbound-emails`;
  const json = JSON.stringify(bodyOf(message, envelope));
  // Encoded once: what is signed and measured is what is sent.
  const body = new TextEncoder().encode(json) as Uint8Array<ArrayBuffer>;
  const answer = await call(
    {
      service: "SES",
      url,
      headers: await signed({ method: "POST", url, body }, signing, deps.now()),
      body,
      bytesMax: BYTES_MAX,
      secrets: [...secretsOf(signing), ...namesOf(given), ...mailboxesIn(given)],
    },
    deps,
  );
  return answer.ok ? outcomeOf(answer.value, message.from.asciiDomain, refused) : answer.error;
}

/** The mailboxes as they were sent, encoded names among them. */
const namesOf = (message: OutgoingMessage): string[] =>
  [message.from, ...recipientsOf(message), ...message.replyTo].map(sesMailbox);
