/** Questions to Mailgun's own records: what it accepted, what became of it, who may send. */
import { ok, type Result } from "../../core/result.ts";
import { fieldsOf } from "../answer.ts";
import { ask, unanswered } from "../http.ts";
import { ID_NAME } from "../message.ts";
import type { FeedEvent, Found, SendDeps, Sought, Unanswered } from "../provider.ts";
import { EVENTS_WANTED, readEvent } from "./events.ts";

/** Where to ask, and as whom. */
export interface Access {
  /** Where the API answers, without a trailing slash. */
  readonly base: string;
  readonly domain: string;
  /** The value of the Authorization field. */
  readonly authorization: string;
  /** What must not come back in an answer's words. */
  readonly secrets: readonly string[];
}

/** Mailgun gives up to 300 events in an answer. */
const EVENTS_MAX = 300;
/** Pages of other people's mail that are passed over in one question: a domain may be shared. */
const FOREIGN_PAGES_MAX = 10;
/** Mailgun gives up to 1,000 domains in an answer. */
const DOMAINS_MAX = 1000;
/** More domains than this are not one team's. */
const DOMAIN_PAGES_MAX = 10;
/** An event has up to 4 kB of variables and as much of everything else, a domain 1 kB. */
const ANSWER_MAX_BYTES = 4_000_000;
/** Clocks differ: the event of an acceptance may seem to come before it. */
const CLOCK_SKEW_MS = 60_000;

function get(
  access: Access,
  path: string,
  query: Readonly<Record<string, string>>,
  deps: SendDeps,
) {
  const { base, authorization, secrets } = access;
  return ask(
    {
      service: "Mailgun",
      url: `${base}${path}?${new URLSearchParams(query)}`,
      headers: { Authorization: authorization },
      answerMaxBytes: ANSWER_MAX_BYTES,
      secrets,
    },
    deps,
  );
}

function events(access: Access, query: Readonly<Record<string, string>>, deps: SendDeps) {
  return get(access, `/v3/${access.domain}/events`, { ascending: "yes", ...query }, deps);
}

const seconds = (ms: number): string => String(Math.floor(Math.max(0, ms) / 1000));

/**
 * Whether Mailgun accepted a message under the Message-ID that is ours.
 * https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/events
 */
export async function lookup(
  access: Access,
  sought: Sought,
  deps: SendDeps,
): Promise<Result<Found, Unanswered>> {
  const begin = seconds(sought.createdAt - CLOCK_SKEW_MS);
  const query = { event: "accepted", "message-id": sought.messageId, begin, limit: "10" };
  const answer = await events(access, query, deps);
  if (!answer.ok) return answer;
  const { items } = answer.value;
  if (!Array.isArray(items)) return noList("events");
  const ours = items.some(
    (item) => fieldsOf(fieldsOf(item)["user-variables"])[ID_NAME] === sought.id,
  );
  return ok(ours ? { kind: "accepted", providerMessageId: sought.messageId } : { kind: "none" });
}

/**
 * What became of messages since a time (Unix ms): up to 300 events, oldest first. A full page
 * without any event of ours is not the end of them: the next begins with its last second.
 */
export async function eventsSince(
  access: Access,
  since: number,
  deps: SendDeps,
): Promise<Result<readonly FeedEvent[], Unanswered>> {
  let begin = Number(seconds(since));
  for (let page = 0; page < FOREIGN_PAGES_MAX; page++) {
    const query = { event: EVENTS_WANTED, begin: String(begin), limit: String(EVENTS_MAX) };
    const answer = await events(access, query, deps);
    if (!answer.ok) return answer;
    const { items } = answer.value;
    if (!Array.isArray(items)) return noList("events");
    const ours = items.flatMap((item) => readEvent(item));
    if (ours.length > 0 || items.length < EVENTS_MAX) return ok(ours);
    const last = Math.floor(Number(fieldsOf(items.at(-1)).timestamp));
    begin = last > begin ? last : begin + 1;
  }
  return unanswered("Mailgun has more events of other mail than can be searched");
}

/**
 * The active domains of the account; a key that may only send is refused here.
 * https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/domains/get-v4-domains
 */
export async function identities(
  access: Access,
  deps: SendDeps,
): Promise<Result<readonly string[], Unanswered>> {
  const names: string[] = [];
  for (let page = 0; page < DOMAIN_PAGES_MAX; page++) {
    const query = { state: "active", limit: String(DOMAINS_MAX), skip: String(page * DOMAINS_MAX) };
    const answer = await get(access, "/v4/domains", query, deps);
    if (!answer.ok) return answer;
    const { items } = answer.value;
    if (!Array.isArray(items)) return noList("domains");
    for (const item of items) {
      const { name, state, is_disabled } = fieldsOf(item);
      if (typeof name === "string" && state === "active" && is_disabled !== true) {
        names.push(name.toLowerCase());
      }
    }
    if (items.length < DOMAINS_MAX) break;
  }
  return ok(names);
}

const noList = (what: string) => unanswered(`Mailgun answered without a list of ${what}`);
