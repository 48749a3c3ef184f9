/** What Postmark's own records say: of a message, and of the domains of an account. */
import { ok, type Result } from "../../core/result.ts";
import { ask, unanswered } from "../http.ts";
import { ID_NAME } from "../message.ts";
import type { Found, SendDeps, Sought, Unanswered } from "../provider.ts";

/** Domains in one answer, of 200 bytes each: what fits an answer well. */
const PAGE = 200;
/** More domains than that no account is known to have; it bounds the calls. */
const PAGES_MAX = 20;

/**
 * Asks for a message by our id in its metadata, in each message stream, as a search without one is
 * not said to cover all (https://postmarkapp.com/developer/api/messages-api).
 */
export async function lookup(
  base: string,
  token: string,
  streams: readonly string[],
  { id }: Sought,
  deps: SendDeps,
): Promise<Result<Found, Unanswered>> {
  for (const stream of new Set(streams)) {
    const query = new URLSearchParams({
      count: "1",
      offset: "0",
      messagestream: stream,
      [`metadata_${ID_NAME}`]: id,
    });
    const answer = await ask(
      {
        service: "Postmark",
        url: `${base}/messages/outbound?${query}`,
        headers: { Accept: "application/json", "X-Postmark-Server-Token": token },
        secrets: [token],
      },
      deps,
    );
    if (!answer.ok) return answer;
    const found = foundIn(answer.value, id);
    if (!found.ok || found.value.kind === "accepted") return found;
  }
  return ok({ kind: "none" });
}

function foundIn(json: Readonly<Record<string, unknown>>, id: string): Result<Found, Unanswered> {
  const unclear = unanswered("Postmark's answer to a search is not clear");
  if (!Array.isArray(json.Messages)) return unclear;
  const [first] = json.Messages;
  if (first === undefined) return json.TotalCount === 0 ? ok({ kind: "none" }) : unclear;
  const { MessageID, Metadata } = Object(first);
  // A filter that was not applied would find any other message.
  if (Object(Metadata)[ID_NAME] !== id || typeof MessageID !== "string") return unclear;
  return ok({ kind: "accepted", providerMessageId: MessageID });
}

/**
 * The domains with a verified DKIM key, from any address of which mail may be sent
 * (https://postmarkapp.com/developer/api/domains-api). Single addresses that were confirmed as
 * sender signatures are not among them.
 */
export async function identities(
  base: string,
  accountToken: string,
  deps: SendDeps,
): Promise<Result<readonly string[], Unanswered>> {
  const names: string[] = [];
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer = await ask(
      {
        service: "Postmark",
        url: `${base}/domains?count=${PAGE}&offset=${page * PAGE}`,
        headers: { Accept: "application/json", "X-Postmark-Account-Token": accountToken },
        secrets: [accountToken],
      },
      deps,
    );
    if (!answer.ok) return answer;
    const { Domains: domains } = answer.value;
    if (!Array.isArray(domains)) {
      return unanswered("Postmark's list of domains cannot be read");
    }
    for (const { Name: name, DKIMVerified: verified } of domains.map(Object)) {
      if (verified === true && typeof name === "string") names.push(name.toLowerCase());
    }
    if (domains.length < PAGE) break;
  }
  return ok(names);
}
