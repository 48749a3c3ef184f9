/**
 * A message's own links, made anew for each attempt from what was frozen at acceptance: the same
 * message has the same ones, so that a repeat has the same bytes.
 */
import type { Head } from "../core/custody.ts";
import { targetOf } from "../core/html-links.ts";
import { type Link, linkUrl, type MessageLinks, UNSUBSCRIBE_MARK } from "../core/links.ts";
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
 * The message with its header fields of RFC 2369 and RFC 8058, its marks filled in and its HTML
 * rewritten, as far as it is to have that. HTML that cannot be parsed is not rewritten.
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
  const { stream } = message;
  const unsubscribe: Link = { purpose: "unsubscribe", ...whose(place), hash, stream };
  const url = await urlOf(place, unsubscribe, deps);
  const headers = links.unsubscribe
    ? {
        ...message.headers,
        "List-Unsubscribe": `<${url}>`,
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
      }
    : message.headers;
  const filled = (content: string | undefined): string | undefined =>
    links.marked ? content?.replaceAll(UNSUBSCRIBE_MARK, url) : content;
  const text = filled(message.text);
  const html = await tracked(filled(message.html), place, deps);
  return {
    ...message,
    headers,
    ...(text === undefined ? {} : { text }),
    ...(html === undefined ? {} : { html }),
  };
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
