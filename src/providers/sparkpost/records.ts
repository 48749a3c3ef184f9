/** Questions to SparkPost's own records: what became of messages, and who may send. */
import { ok, type Result } from "../../core/result.ts";
import { fieldsOf } from "../answer.ts";
import { ask, unanswered } from "../http.ts";
import type { FeedEvent, SendDeps, Unanswered } from "../provider.ts";
import { EVENTS_WANTED, readEvent } from "./events.ts";

/** Where to ask, and as whom. */
export interface Access {
  /** Where the API answers, without a trailing slash. */
  readonly base: string;
  /** The header fields that say who asks. */
  readonly headers: Readonly<Record<string, string>>;
  /** What must not come back in an answer's words. */
  readonly secrets: readonly string[];
}

/** Events asked for at once, at 1 to 2 KB each. */
const EVENTS_MAX = 1000;
const ANSWER_MAX_BYTES = 8_000_000;
/** The time of a query is in minutes. */
const MINUTE_MS = 60_000;
/** SparkPost searches up to a minute ago: until then, events may still be missing. */
const LAG_MS = 60_000;
/** SparkPost keeps events for 10 days. */
const KEPT_MS = 10 * 24 * 3_600_000;
/** Enough to halve 10 days down to one minute, twice. */
const ASKS_MAX = 28;

function get(
  access: Access,
  path: string,
  query: Readonly<Record<string, string>>,
  deps: SendDeps,
) {
  return ask(
    {
      service: "SparkPost",
      url: `${access.base}/api/v1/${path}?${new URLSearchParams(query)}`,
      headers: access.headers,
      answerMaxBytes: ANSWER_MAX_BYTES,
      secrets: access.secrets,
    },
    deps,
  );
}

const minute = (ms: number): number => Math.floor(ms / MINUTE_MS) * MINUTE_MS;
const timeText = (ms: number): string => new Date(ms).toISOString().slice(0, 16);

/**
 * What became of messages since a time (Unix ms): up to 1,000 events, oldest first. SparkPost
 * begins with the newest, so the time that is asked about is halved until one page has all of it;
 * of a single minute with more, a page is all that is given.
 * https://developers.sparkpost.com/api/events/
 */
export async function eventsSince(
  access: Access,
  since: number,
  deps: SendDeps,
): Promise<Result<readonly FeedEvent[], Unanswered>> {
  const end = minute(deps.now() - LAG_MS);
  let from = minute(Math.max(since, end - KEPT_MS));
  let to = end;
  for (let asks = 0; asks < ASKS_MAX; asks++) {
    if (from >= to) return ok([]);
    const page = await pageOf(access, from, to, deps);
    if (!page.ok) return page;
    if (page.value.more && to - from > MINUTE_MS) {
      to = from + minute(Math.max(MINUTE_MS, (to - from) / 2));
      continue;
    }
    const events = page.value.events.filter(({ at }) => at >= since);
    if (events.length > 0) return ok(events.sort((a, b) => a.at - b.at));
    // Nothing of ours in this part; the next one begins where it ends.
    from = to;
    to = end;
  }
  return unanswered("SparkPost has more events than can be searched");
}

async function pageOf(
  access: Access,
  from: number,
  to: number,
  deps: SendDeps,
): Promise<Result<{ readonly events: FeedEvent[]; readonly more: boolean }, Unanswered>> {
  const query = {
    from: timeText(from),
    to: timeText(to),
    events: EVENTS_WANTED.join(","),
    per_page: String(EVENTS_MAX),
  };
  const answer = await get(access, "events/message", query, deps);
  if (!answer.ok) return answer;
  const { results, total_count } = answer.value;
  if (!Array.isArray(results)) return noList("events");
  const events = results.flatMap((event) => readEvent(event) ?? []);
  return ok({ events, more: Number(total_count) > results.length });
}

/**
 * The domains that are verified and not blocked.
 * https://developers.sparkpost.com/api/sending-domains/
 */
export async function identities(
  access: Access,
  deps: SendDeps,
): Promise<Result<readonly string[], Unanswered>> {
  const answer = await get(access, "sending-domains", { ownership_verified: "true" }, deps);
  if (!answer.ok) return answer;
  const { results } = answer.value;
  if (!Array.isArray(results)) return noList("domains");
  return ok(
    results.flatMap((result) => {
      const { domain, status } = fieldsOf(result);
      const { ownership_verified, compliance_status } = fieldsOf(status);
      const maySend = ownership_verified === true && compliance_status === "valid";
      return typeof domain === "string" && maySend ? [domain.toLowerCase()] : [];
    }),
  );
}

const noList = (what: string) => unanswered(`SparkPost answered without a list of ${what}`);
