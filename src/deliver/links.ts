/**
 * A message's own links, made anew for each attempt from what was frozen at acceptance: the same
 * message has the same ones, so that a repeat has the same bytes.
 */
import type { Head } from "../core/custody.ts";
import { targetOf } from "../core/html-links.ts";
import { type Link, linkUrl, type MessageLinks } from "../core/links.ts";
import type { OutgoingMessage } from "../providers/provider.ts";
import type { LaneDeps } from "./ports.ts";

/**
 * Links of one message that are counted, in their order; the rest stays as it is. A click link is
 * a few hundred characters long, and so much HTML is in memory for each message of a call.
 */
export const CLICKS_MAX = 250;

/** Whom a message's links are about, and under which origin they lie. */
interface Place {
  readonly links: MessageLinks;
  readonly account: string;
  readonly messageId: string;
  readonly no: number;
}

/**
 * The message with its header fields of RFC 2369 and RFC 8058 and its HTML rewritten, as far as it
 * is to have that. HTML that cannot be parsed goes as it is.
 */
export async function linked(
  message: OutgoingMessage,
  { envelope, addressees }: Head,
  deps: Pick<LaneDeps, "links" | "log">,
): Promise<OutgoingMessage> {
  const { links } = envelope;
  const [no] = message.recipientNumbers;
  const hash = addressees[no ?? -1]?.hash;
  // None but messages to one recipient have links.
  if (links === undefined || no === undefined || hash === undefined) return message;
  const place: Place = { links, account: message.account, messageId: message.id, no };
  const unsubscribe: Link = {
    purpose: "unsubscribe",
    ...whose(place),
    hash,
    stream: message.stream,
  };
  const headers = links.unsubscribe
    ? {
        ...message.headers,
        "List-Unsubscribe": `<${await urlOf(place, unsubscribe, deps)}>`,
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
      }
    : message.headers;
  const html = await tracked(message.html, place, deps);
  return { ...message, headers, ...(html === undefined ? {} : { html }) };
}

const whose = ({ account, messageId, no }: Place) => ({ account, messageId, no });

async function urlOf({ links }: Place, link: Link, deps: Pick<LaneDeps, "links">): Promise<string> {
  return linkUrl(await deps.links.signer(), links.base, link);
}

async function tracked(
  html: string | undefined,
  place: Place,
  deps: Pick<LaneDeps, "links" | "log">,
): Promise<string | undefined> {
  const { base, opens, clicks } = place.links;
  if (html === undefined || !(opens || clicks)) return html;
  let count = 0;
  const link = async (href: string): Promise<string | null> => {
    const url = clicks && count < CLICKS_MAX ? targetOf(href, base) : null;
    if (url === null) return null;
    count += 1;
    return urlOf(place, { purpose: "click", ...whose(place), url }, deps);
  };
  const pixel = opens ? await urlOf(place, { purpose: "open", ...whose(place) }, deps) : null;
  // Nothing of it needs escaping: the URL is an origin and base64url.
  const tail = pixel === null ? "" : `<img src="${pixel}" width="1" height="1" alt="">`;
  try {
    return await deps.links.rewrite(html, { link, tail });
  } catch (error) {
    // The same HTML fails in the same way each time, so a repeat has the same bytes here too.
    deps.log("html_not_tracked", { reason: error instanceof Error ? error.name : "error" });
    return html;
  }
}
