/** What SendGrid's own records say: of a message, and of the domains of an account. */
import { ok, type Result } from "../../core/result.ts";
import { ask, askForList, unanswered } from "../http.ts";
import { ID_NAME } from "../message.ts";
import type { Found, SendDeps, Sought, Unanswered } from "../provider.ts";

/** SendGrid's own page; a domain with its DNS records is about 1 KB. */
const PAGE = 50;
/** SendGrid keeps up to 3,000 domains for a user. */
const PAGES_MAX = 60;

/**
 * Asks Email Activity for a message by our id in its arguments
 * (https://www.twilio.com/docs/sendgrid/api-reference/email-activity/filter-all-messages).
 */
export async function lookup(
  base: string,
  apiKey: string,
  { id }: Sought,
  deps: SendDeps,
): Promise<Result<Found, Unanswered>> {
  const query = new URLSearchParams({ limit: "1", query: `unique_args['${ID_NAME}']="${id}"` });
  const answer = await ask(questionOf(`${base}/v3/messages?${query}`, apiKey), deps);
  if (!answer.ok) return answer;
  const { messages } = answer.value;
  if (!Array.isArray(messages)) return unclear("a search");
  if (messages.length === 0) return ok({ kind: "none" });
  const { msg_id: found } = Object(messages[0]) as { msg_id?: unknown };
  // A message's id here is one recipient's: the id of the call, a dot, and more.
  const providerMessageId = typeof found === "string" ? found.split(".")[0] : "";
  return providerMessageId ? ok({ kind: "accepted", providerMessageId }) : unclear("a search");
}

/**
 * The authenticated domains whose DNS records SendGrid has found valid
 * (https://www.twilio.com/docs/sendgrid/api-reference/domain-authentication). Single senders that
 * were verified are not among them.
 */
export async function identities(
  base: string,
  apiKey: string,
  deps: SendDeps,
): Promise<Result<readonly string[], Unanswered>> {
  const names = new Set<string>();
  for (let page = 0; page < PAGES_MAX; page++) {
    const url = `${base}/v3/whitelabel/domains?limit=${PAGE}&offset=${page * PAGE}`;
    const answer = await askForList(questionOf(url, apiKey), deps);
    if (!answer.ok) return answer;
    for (const entry of answer.value) {
      const { domain, valid } = Object(entry) as { domain?: unknown; valid?: unknown };
      if (valid === true && typeof domain === "string") names.add(domain.toLowerCase());
    }
    if (answer.value.length < PAGE) break;
  }
  return ok([...names]);
}

const questionOf = (url: string, apiKey: string) => ({
  service: "SendGrid",
  url,
  headers: { Accept: "application/json", Authorization: `Bearer ${apiKey}` },
  // A domain with many users of its own is longer than most.
  answerMaxBytes: 262_144,
  secrets: [apiKey],
});

const unclear = (what: string): Result<never, Unanswered> =>
  unanswered(`SendGrid's answer to ${what} is not clear`);
