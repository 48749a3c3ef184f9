/** Sends through Brevo's API (https://developers.brevo.com/reference/send-transac-email). */
import { z } from "zod";
import { ok } from "../../core/result.ts";
import { call, mailboxesIn } from "../http.ts";
import type { Outcome, OutgoingMessage, ProviderDefinition, SendDeps } from "../provider.ts";
import { baseUrl, deduplication, hooked, remote, secretName, secrets } from "../settings.ts";
import { bodyOf, unsupportedIn } from "./body.ts";
import { outcomeOf } from "./outcome.ts";
import { type Access, identities, lookup } from "./records.ts";
import { hooks } from "./webhook.ts";

const settings = z.strictObject({
  provider: z.literal("brevo"),
  ...remote,
  ...deduplication,
  ...hooked,
  base_url: baseUrl("https://api.brevo.com"),
  /** The name of the secret that holds the API key (v3, not an SMTP key). */
  secret: secretName,
});

/** Brevo's limit for one version of a message; it states none for a message without versions. */
const RECIPIENTS_MAX = 99;
/** Brevo states no limit for a body; mail above 20 MB is refused by most operators anyway. */
const BYTES_MAX = 20_000_000;
/** Brevo remembers an idempotency key for 30 minutes. */
const DEDUPLICATES_FOR_MS = 30 * 60_000;

/** Brevo, formerly Sendinblue. */
export const brevo: ProviderDefinition<typeof settings> = {
  settings,
  lanes: ["transactional", "broadcast"],
  hooks,
  create(source, deps) {
    const given = secrets({ apiKey: source.secret }, deps.secret);
    if (!given.ok) return given;
    const access: Access = { base: source.base_url, apiKey: given.value.apiKey };
    return ok({
      capabilities: {
        recipientsMax: RECIPIENTS_MAX,
        bytesMax: BYTES_MAX,
        deduplicatesForMs: source.deduplicates ? DEDUPLICATES_FOR_MS : 0,
        // Per version of `messageVersions` the reference has neither headers nor tags: our ids and
        // a recipient's own List-Unsubscribe would not arrive.
        batch: null,
        schedules: true,
        // Both as the account is set, for all of its messages alike.
        unsubscribes: true,
        tracks: true,
        expiryMaxMs: 0,
      },
      timeLimitMs: source.time_limit_ms,
      send: (message, to) => send(access, message, to),
      lookup: (message, to) => lookup(access, message, to),
      identities: (to) => identities(access, to),
    });
  },
};

async function send(
  { base, apiKey }: Access,
  message: OutgoingMessage,
  deps: SendDeps,
): Promise<Outcome> {
  const unsupported = unsupportedIn(message);
  if (unsupported !== null) return unsupported;
  const request = {
    service: "Brevo",
    url: `${base}/v3/smtp/email`,
    headers: {
      "api-key": apiKey,
      "Content-Type": "application/json",
      Accept: "application/json",
    },
    body: JSON.stringify(bodyOf(message)),
    bytesMax: BYTES_MAX,
    secrets: [apiKey, ...mailboxesIn(message)],
  };
  const answer = await call(request, deps);
  return answer.ok ? outcomeOf(answer.value) : answer.error;
}
