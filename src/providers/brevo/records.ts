/** What Brevo's own records say: whether it has a message of ours, and which domains are ours. */
import { ok, type Result } from "../../core/result.ts";
import { objectsIn } from "../answer.ts";
import { ask, unanswered } from "../http.ts";
import type { Found, SendDeps, Sought, Unanswered } from "../provider.ts";

/** How the records are reached. */
export interface Access {
  readonly base: string;
  readonly apiKey: string;
}

/** An account with thousands of domains is within this; a domain is about 300 bytes. */
const DOMAINS_MAX_BYTES = 1_000_000;

/**
 * Looks among the events of the last 30 days for our id, which is a tag of each message
 * (https://developers.brevo.com/reference/get-email-event-report). "none" is certain only after
 * the first event ("requests") has been recorded, which takes seconds to minutes.
 */
export async function lookup(
  { base, apiKey }: Access,
  { id }: Sought,
  deps: SendDeps,
): Promise<Result<Found, Unanswered>> {
  const query = new URLSearchParams({ tags: JSON.stringify([id]), limit: "10" });
  const asked = await ask(requestOf(`${base}/v3/smtp/statistics/events?${query}`, apiKey), deps);
  if (!asked.ok) return asked;
  const events = objectsIn(asked.value.events);
  if (events.length === 0) return ok({ kind: "none" });
  // An event of another message would mean that the filter was not understood.
  const ours = events.find(({ tag, tags }) => JSON.stringify([tag, tags]).includes(id));
  const providerMessageId = ours?.messageId;
  if (typeof providerMessageId !== "string" || providerMessageId === "") {
    return unanswered("Brevo answered with events of other messages");
  }
  return ok({ kind: "accepted", providerMessageId });
}

/** The authenticated domains (https://developers.brevo.com/reference/get-domains). */
export async function identities(
  { base, apiKey }: Access,
  deps: SendDeps,
): Promise<Result<readonly string[], Unanswered>> {
  const request = requestOf(`${base}/v3/senders/domains`, apiKey);
  const asked = await ask({ ...request, answerMaxBytes: DOMAINS_MAX_BYTES }, deps);
  if (!asked.ok) return asked;
  const domains = objectsIn(asked.value.domains);
  return ok(
    domains.flatMap(({ domain_name: name, authenticated }) =>
      authenticated === true && typeof name === "string" ? [name.toLowerCase()] : [],
    ),
  );
}

const requestOf = (url: string, apiKey: string) => ({
  service: "Brevo",
  url,
  headers: { "api-key": apiKey, Accept: "application/json" },
  secrets: [apiKey],
});
