/**
 * Sends through Mailgun's HTTP API
 * (https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages).
 */
import { z } from "zod";
import { ok } from "../../core/result.ts";
import { basicAuth, call, mailboxesIn } from "../http.ts";
import type { Outcome, OutgoingMessage, ProviderDefinition, SendDeps } from "../provider.ts";
import { hooked, regionalUrl, remote, secretName, secrets } from "../settings.ts";
import { BYTES_MAX, formOf } from "./form.ts";
import { outcomeOf } from "./outcome.ts";
import { type Access, eventsSince, identities, lookup } from "./records.ts";
import { hooks } from "./webhook.ts";

const settings = z.strictObject({
  provider: z.literal("mailgun"),
  ...remote,
  ...hooked,
  /** Where the domain is kept; each region has an address of its own. */
  region: z.enum(["us", "eu"]).default("us"),
  base_url: regionalUrl,
  /** The sending domain, as it is named at Mailgun. */
  domain: z
    .string()
    .regex(/^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/i)
    .toLowerCase(),
  /** The name of the secret that holds the API key. */
  secret: secretName,
});

const URLS = { us: "https://api.mailgun.net", eu: "https://api.eu.mailgun.net" };

/** Mailgun takes up to 1,000 recipients in a call. */
const RECIPIENTS_MAX = 1000;
/** `o:deliver-within` takes up to a day. */
const EXPIRY_MAX_MS = 24 * 3_600_000;

/** Mailgun. */
export const mailgun: ProviderDefinition<typeof settings> = {
  settings,
  lanes: ["transactional", "broadcast"],
  hooks,
  create(source, deps) {
    const given = secrets({ apiKey: source.secret }, deps.secret);
    if (!given.ok) return given;
    const { apiKey } = given.value;
    const authorization = basicAuth("api", apiKey);
    const access: Access = {
      base: source.base_url ?? URLS[source.region],
      domain: source.domain,
      authorization,
      secrets: [apiKey, authorization.slice("Basic ".length)],
    };
    return ok({
      capabilities: {
        recipientsMax: RECIPIENTS_MAX,
        bytesMax: BYTES_MAX,
        deduplicatesForMs: 0,
        // With `recipient-variables`, a call sends one content to each recipient alone, but under
        // one Message-ID, and `%recipient.…%` in the content would be replaced.
        batch: null,
        schedules: true,
        // Its unsubscribe links are a setting of the domain, not of a message.
        unsubscribes: false,
        tracks: true,
        expiryMaxMs: EXPIRY_MAX_MS,
      },
      timeLimitMs: source.time_limit_ms,
      send: (message, to) => send(access, message, to),
      lookup: (sought, to) => lookup(access, sought, to),
      eventsSince: (since, to) => eventsSince(access, since, to),
      identities: (to) => identities(access, to),
    });
  },
};

async function send(access: Access, message: OutgoingMessage, deps: SendDeps): Promise<Outcome> {
  const form = formOf(message, deps.now());
  if (!form.ok) return form.error;
  const { path, body } = form.value;
  const answer = await call(
    {
      service: "Mailgun",
      url: `${access.base}/v3/${access.domain}/${path}`,
      // The content type, with the form's boundary, is fetch's to set.
      headers: { Authorization: access.authorization },
      body,
      secrets: [...access.secrets, ...mailboxesIn(message)],
    },
    deps,
  );
  return answer.ok ? outcomeOf(answer.value, deps.now()) : answer.error;
}
