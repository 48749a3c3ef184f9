/**
 * `/u/:token`, `/o/:token.gif`, `/c/:token`: the links in messages. Open to all: the token is the
 * leave. Only a POST unsubscribes (RFC 8058 section 3.2), since scanners of mail follow links.
 */
import { Hono } from "hono";
import type { EventType } from "../core/delivery-state.ts";
import type { ProviderEvent } from "../core/events.ts";
import { type LinkOf, type LinkPurpose, readLink } from "../core/links.ts";
import type { AppContext, AppEnv } from "../edge/context.ts";
import { CONFIRM, DONE, FAILED, PAGE_POLICY, UNKNOWN } from "./links-page.ts";

/** A transparent GIF of one pixel. */
const PIXEL = Uint8Array.from(
  atob("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"),
  (char) => char.charCodeAt(0),
);

/** The journal takes events again soon. */
const RETRY_AFTER_S = 30;

export const links = new Hono<AppEnv>();

links.get("/u/:token", async (c) => {
  const link = await linkOf(c, "unsubscribe");
  return link === null ? page(c, UNKNOWN, 404) : page(c, CONFIRM, 200);
});

// The body says nothing that the token does not: a mailbox provider sends the one of RFC 8058, as a
// form of either type, and some send none. A redirect or a login is not allowed here.
links.post("/u/:token", async (c) => {
  const link = await linkOf(c, "unsubscribe");
  if (link === null) return page(c, UNKNOWN, 404);
  const { hash, stream } = link;
  try {
    await journal(c, { ...eventOf(c, link, "unsubscribed"), left: { hash, stream } });
  } catch (error) {
    c.get("services").log("unsubscribe_not_journaled", { reason: String(error) });
    c.header("Retry-After", String(RETRY_AFTER_S));
    return page(c, FAILED, 503);
  }
  return page(c, DONE, 200);
});

links.get("/o/:token", async (c) => {
  const link = await linkOf(c, "open", ".gif");
  if (link === null) return page(c, UNKNOWN, 404);
  count(c, eventOf(c, link, "opened"));
  return c.body(PIXEL, 200, { ...PRIVATE, "Content-Type": "image/gif" });
});

links.get("/c/:token", async (c) => {
  const link = await linkOf(c, "click");
  if (link === null) return page(c, UNKNOWN, 404);
  count(c, { ...eventOf(c, link, "clicked"), url: link.url });
  return c.body(null, 302, { ...PRIVATE, Location: link.url });
});

/** Of answers that are one reader's own; who gets a link's target learns nothing of the link. */
const PRIVATE = {
  "Cache-Control": "no-store",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Robots-Tag": "noindex, nofollow",
} as const;

async function linkOf<P extends LinkPurpose>(
  c: AppContext,
  purpose: P,
  ending = "",
): Promise<LinkOf<P> | null> {
  const given = c.req.param("token") ?? "";
  if (!given.endsWith(ending)) return null;
  const token = given.slice(0, given.length - ending.length);
  return readLink(await c.get("services").signer(), purpose, token);
}

/**
 * The same event comes again within this, so that whoever asks for a link over and over makes one
 * a second for the account's webhooks. It counts at its end: what was undone earlier is done again.
 */
const TOLD_MS = 1_000;

function eventOf(c: AppContext, link: LinkOf<LinkPurpose>, type: EventType): ProviderEvent {
  const { account, messageId, no } = link;
  const at = c.get("services").now();
  const told = at - (at % TOLD_MS) + TOLD_MS - 1;
  return { account, messageId, recipientNo: no, source: "", type, at: told, code: "", text: "" };
}

const journal = (c: AppContext, event: ProviderEvent): Promise<void> =>
  c.get("services").links.journal({ v: 1, kind: "events", events: [event] });

/** Journals beside the answer, which nobody waits for. A HEAD has shown nobody anything. */
function count(c: AppContext, event: ProviderEvent): void {
  if (c.req.method !== "GET") return;
  const { log } = c.get("services");
  const journaled = journal(c, event).catch((error: unknown) => {
    log("link_not_journaled", { type: event.type, reason: String(error) });
  });
  c.executionCtx.waitUntil(journaled);
}

function page(c: AppContext, html: string, status: 200 | 404 | 503): Response {
  for (const [name, value] of Object.entries(PRIVATE)) c.header(name, value);
  c.header("Content-Security-Policy", PAGE_POLICY);
  return c.html(html, status);
}
