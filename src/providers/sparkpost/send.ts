/** Sends through SparkPost's HTTP API (https://developers.sparkpost.com/api/transmissions/). */
import { z } from "zod";
import { ok } from "../../core/result.ts";
import { call, mailboxesIn } from "../http.ts";
import type { Outcome, OutgoingMessage, ProviderDefinition, SendDeps } from "../provider.ts";
import { hooked, regionalUrl, remote, secretName, secrets } from "../settings.ts";
import { bodyOf } from "./body.ts";
import { outcomeOf } from "./outcome.ts";
import { type Access, eventsSince, identities } from "./records.ts";
import { hooks } from "./webhook.ts";

const settings = z.strictObject({
  provider: z.literal("sparkpost"),
  ...remote,
  ...hooked,
  /** Where the account is kept; each region has an address and accounts of its own. */
  region: z.enum(["us", "eu"]).default("us"),
  base_url: regionalUrl,
  /** The id of a dedicated IP pool to send from. */
  ip_pool: z.string().min(1).optional(),
  /** The number of the subaccount to send as. */
  subaccount: z.number().int().min(0).optional(),
  /** The name of the secret that holds the API key. */
  secret: secretName,
});

const URLS = { us: "https://api.sparkpost.com", eu: "https://api.eu.sparkpost.com" };

/** Each recipient is sent with the To of all, so that a body grows with their square. */
const RECIPIENTS_MAX = 500;
/** SparkPost takes 20 MB of text, HTML, attachments and inline images, in base64. */
const BYTES_MAX = 20_000_000;

/**
 * SparkPost. There is no `lookup`: its events can be searched by its own ids, by recipient or by
 * subject, but not by metadata.
 */
export const sparkpost: ProviderDefinition<typeof settings> = {
  settings,
  lanes: ["transactional", "broadcast"],
  hooks,
  create(source, deps) {
    const given = secrets({ apiKey: source.secret }, deps.secret);
    if (!given.ok) return given;
    const { apiKey } = given.value;
    const subaccount =
      source.subaccount === undefined ? {} : { "X-MSYS-SUBACCOUNT": String(source.subaccount) };
    const access: Access = {
      base: source.base_url ?? URLS[source.region],
      headers: { Authorization: apiKey, ...subaccount },
      secrets: [apiKey],
    };
    const ipPool = source.ip_pool ?? null;
    return ok({
      capabilities: {
        recipientsMax: RECIPIENTS_MAX,
        bytesMax: BYTES_MAX,
        deduplicatesForMs: 0,
        // A transmission to the recipients of several messages is answered with the number of
        // those refused; which ones is not said, so that no message would have its own outcome.
        batch: null,
        schedules: true,
        unsubscribes: true,
        tracks: true,
        expiryMaxMs: 0,
      },
      timeLimitMs: source.time_limit_ms,
      send: (message, to) => send(access, ipPool, message, to),
      eventsSince: (since, to) => eventsSince(access, since, to),
      identities: (to) => identities(access, to),
    });
  },
};

async function send(
  access: Access,
  ipPool: string | null,
  message: OutgoingMessage,
  deps: SendDeps,
): Promise<Outcome> {
  const answer = await call(
    {
      service: "SparkPost",
      url: `${access.base}/api/v1/transmissions`,
      headers: { ...access.headers, "Content-Type": "application/json" },
      body: JSON.stringify(bodyOf(message, ipPool)),
      bytesMax: BYTES_MAX,
      secrets: [...access.secrets, ...mailboxesIn(message)],
    },
    deps,
  );
  return answer.ok ? outcomeOf(answer.value, message) : answer.error;
}
