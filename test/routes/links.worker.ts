import { env, exports } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { linkUrl, UNSUBSCRIBE_MARK } from "../../src/core/links.ts";
import { recipientHash } from "../../src/core/recipient-hash.ts";
import { createSigner } from "../../src/core/signer.ts";
import type { OutgoingMessage } from "../../src/providers/provider.ts";
import { edgeServices } from "../../src/services.ts";
import { Client, email, refused, request, until } from "../support/worker/client.ts";
import { attemptedTwice, FROM } from "../support/worker/links.ts";

const BASE = "https://links.example.com";

let client: Client;
beforeAll(async () => {
  client = await Client.make();
});

const attempted = (fields: Record<string, unknown>) => attemptedTwice(client, fields);

const pathOf = (url: string): string => url.slice(BASE.length);

const unsubscribePath = ({ headers }: OutgoingMessage): string =>
  pathOf(/^<(.*)>$/.exec(headers["List-Unsubscribe"] ?? "")?.[1] ?? "");

/** What a mailbox provider posts (RFC 8058 section 3.2). */
const oneClick = (path: string): Promise<Response> =>
  request(path, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: "List-Unsubscribe=One-Click",
  });

const unsubscribeUrlOf = (read: object): string | undefined =>
  (read as { readonly unsubscribe_url?: string }).unsubscribe_url;

interface Marks {
  readonly unsubscribed?: boolean;
}

const isUnsubscribed = async (id: string): Promise<boolean> =>
  ((await client.read(id)).recipients[0] as Marks | undefined)?.unsubscribed === true;

const unsubscribed = (id: string): Promise<boolean> =>
  until(
    () => isUnsubscribed(id),
    (yes) => yes,
  );

const stateOf = async (fields: Record<string, unknown>): Promise<string | undefined> => {
  const id = await client.send({ from: FROM, ...fields });
  return (await client.when(id, "delivered", "suppressed")).recipients[0]?.state;
};

describe("one click", () => {
  test("ends the mail of its stream to its reader, and of no other", async () => {
    const to = "one-click@a.example";
    const { id, first, second } = await attempted({ to });
    expect(first.headers).toEqual({
      "List-Unsubscribe": expect.stringMatching(/^<https:\/\/links\.example\.com\/u\/[\w-]+>$/),
      "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    });
    expect({ ...second, attempt: 1 }).toEqual(first);
    await client.when(id, "delivered");
    // Whoever sent it is told the same link, while it is in custody and afterwards.
    await client.quiet();
    const read = await client.read(id);
    expect(first.headers["List-Unsubscribe"]).toBe(`<${unsubscribeUrlOf(read)}>`);
    const response = await oneClick(unsubscribePath(first));
    expect(response.status).toBe(200);
    expect(response.headers.get("set-cookie")).toBeNull();
    await unsubscribed(id);
    expect(await stateOf({ to, stream: "broadcast" })).toBe("suppressed");
    expect(await stateOf({ to, stream: "plain-broadcast" })).toBe("delivered");
    expect(await stateOf({ to, stream: "transactional" })).toBe("delivered");
    expect(await stateOf({ to: "other@a.example", stream: "broadcast" })).toBe("delivered");
  });

  test("as often as it comes, and in any form, is answered alike", async () => {
    const { id, first } = await attempted({ to: "again@a.example" });
    await client.when(id, "delivered");
    const path = unsubscribePath(first);
    const form = new FormData();
    form.set("List-Unsubscribe", "One-Click");
    const began = Math.floor(Date.now() / 1_000);
    for (const body of [form, undefined, "x", new Uint8Array(100_000), "y", "z"]) {
      const init = body === undefined ? {} : { body };
      expect((await request(path, { method: "POST", ...init })).status).toBe(200);
    }
    const seconds = Math.floor(Date.now() / 1_000) - began + 1;
    await unsubscribed(id);
    const told = (await client.read(id)).timeline.filter(({ type }) => type === "unsubscribed");
    expect(told.length).toBeLessThanOrEqual(seconds);
  });

  test("works when the message's record is gone", async () => {
    const to = "long-ago@a.example";
    const signer = await createSigner(env.POSTERN_SECRET);
    const hash = await recipientHash(to);
    // The id of a message that was accepted here once.
    const messageId = await client.send({ from: FROM, to, stream: "broadcast" });
    await client.when(messageId, "delivered");
    await client.quiet();
    await until(
      async () => {
        await env.DB.prepare("DELETE FROM recipient WHERE message_id = ?").bind(messageId).run();
        return (await client.get(`/emails/${messageId}`)).status;
      },
      (status) => status === 404,
    );
    const whose = { account: client.scope, messageId, no: 0 };
    const link = { purpose: "unsubscribe", ...whose, hash, stream: "broadcast" } as const;
    const response = await oneClick(pathOf(await linkUrl(signer, BASE, link)));
    expect(response.status).toBe(200);
    await until(
      () =>
        env.DB.prepare("SELECT unsubscribed_at AS at FROM suppression WHERE recipient_hash = ?")
          .bind(hash)
          .first<{ at: number }>(),
      (row) => (row?.at ?? 0) > 0,
    );
    expect(await stateOf({ to, stream: "broadcast" })).toBe("suppressed");
  });

  test("is asked again when the journal takes nothing", async () => {
    const { first } = await attempted({ to: "later@a.example" });
    const services = edgeServices(env);
    const journal = () => Promise.reject(new Error("the queue is full"));
    const app = createApp(() => ({ ...services, log() {}, links: { ...services.links, journal } }));
    const response = await app.request(unsubscribePath(first), { method: "POST" });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("30");
    expect(await response.text()).toContain("not unsubscribed yet");
  });
});

describe("looking at the link", () => {
  test("shows a button and does nothing: scanners of mail look too", async () => {
    const { id, first } = await attempted({ to: "scanned@a.example" });
    await client.when(id, "delivered");
    const path = unsubscribePath(first);
    const response = await request(path);
    expect(response.status).toBe(200);
    const html = await response.text();
    expect(html.match(/<form|<button/g)).toEqual(["<form", "<button"]);
    expect(html).toMatch(
      /<form method="post">\s*<button name="List-Unsubscribe" value="One-Click">/,
    );
    expect(html).not.toMatch(/scanned|src=|http-equiv|<a |<script|url\(/);
    expect((await request(path, { method: "HEAD" })).status).toBe(200);
    for (const method of ["PUT", "PATCH", "DELETE"]) {
      expect((await request(path, { method })).status).toBe(405);
    }
    // Somebody else's click, journaled later, is there; this one is not.
    const other = await attempted({ to: "decided@a.example" });
    await client.when(other.id, "delivered");
    await oneClick(unsubscribePath(other.first));
    await unsubscribed(other.id);
    expect(await isUnsubscribed(id)).toBe(false);
    expect(await stateOf({ to: "scanned@a.example", stream: "broadcast" })).toBe("delivered");
  });

  test("tells nobody where it came from, and keeps to its own style", async () => {
    const { first } = await attempted({ to: "policy@a.example" });
    const response = await request(unsubscribePath(first));
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(/^default-src 'none'; .*form-action 'self'.*frame-ancestors 'none'/);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-robots-tag": "noindex, nofollow",
    });
    const style = /<style>(.*)<\/style>/s.exec(await response.text())?.[1] ?? "";
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
    expect(policy).toContain(`'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`);
  });
});

/** The redirect itself, and not what it leads to. */
const followedOnce = (path: string): Promise<Response> =>
  exports.default.fetch(new Request(`http://postern.test${path}`, { redirect: "manual" }));

describe("a tracked message", () => {
  const html =
    '<html><body><a href="https://shop.example/?a=1&amp;b=2">shop</a>' +
    '<a href="mailto:help@linked.example">help</a></body></html>';

  test("tells of opens and clicks, and of a HEAD nothing", async () => {
    const { id, first, second } = await attempted({
      ...{ to: "tracked@a.example", stream: "tracked", html, text: "See https://shop.example/" },
    });
    expect({ ...second, attempt: 1 }).toEqual(first);
    expect(first.text).toBe("See https://shop.example/");
    const [, click = ""] = /<a href="(https:\/\/links[^"]+)">shop/.exec(first.html ?? "") ?? [];
    const [, open = ""] = /<img src="([^"]+)" [^>]+><\/body><\/html>$/.exec(first.html ?? "") ?? [];
    expect(first.html).toContain('<a href="mailto:help@linked.example">help</a>');
    await client.when(id, "delivered");
    for (const path of [open, click]) await request(pathOf(path), { method: "HEAD" });
    const pixel = await request(pathOf(open));
    expect([pixel.status, pixel.headers.get("content-type")]).toEqual([200, "image/gif"]);
    expect(pixel.headers.get("cache-control")).toBe("no-store");
    const bytes = new Uint8Array(await pixel.arrayBuffer());
    expect(String.fromCharCode(...bytes.slice(0, 6), bytes.at(-1) ?? 0)).toBe("GIF89a;");
    const followed = await followedOnce(pathOf(`${click}?url=https://evil.example`));
    expect(followed.status).toBe(302);
    expect(followed.headers.get("location")).toBe("https://shop.example/?a=1&b=2");
    const read = await until(
      () => client.read(id),
      ({ recipients: [one] }) => one?.opens !== undefined && one.clicks !== undefined,
    );
    expect(read.recipients).toMatchObject([{ opens: 1, clicks: 1 }]);
    expect(read.last_event).toBe("clicked");
  });

  test("tells of an image that is asked for again and again once a second at most", async () => {
    const { id, first } = await attempted({
      ...{ to: "proxied@a.example", stream: "tracked", html },
    });
    const [, open = ""] = /<img src="([^"]+)" [^>]+><\/body><\/html>$/.exec(first.html ?? "") ?? [];
    await client.when(id, "delivered");
    const began = Math.floor(Date.now() / 1_000);
    for (let n = 0; n < 20; n++) expect((await request(pathOf(open))).status).toBe(200);
    const seconds = Math.floor(Date.now() / 1_000) - began + 1;
    // What is journaled later is read later: then the opens are counted.
    const [, click = ""] = /<a href="(https:\/\/links[^"]+)">shop/.exec(first.html ?? "") ?? [];
    await followedOnce(pathOf(click));
    const read = await until(
      () => client.read(id),
      ({ recipients: [one] }) => one?.opens !== undefined && one.clicks !== undefined,
    );
    expect(read.recipients[0]?.opens).toBeLessThanOrEqual(seconds);
  });

  test("is as it was written on a stream that does not ask for it", async () => {
    const { first } = await attempted({ to: "quiet@a.example", stream: "broadcast", html });
    expect(first.html).toBe(html);
  });
});

test("what gets no links goes as its caller wrote it", async () => {
  const own = { "List-Unsubscribe": "<mailto:leave@linked.example>" };
  const several = ["a@a.example", "b@a.example"];
  for (const [fields, headers] of [
    [{ to: several }, {}],
    [{ to: "a@a.example", headers: own }, own],
    [{ to: "a@a.example", stream: "transactional" }, {}],
    // No host is configured, and tests ask by http.
    [{ to: "a@a.example", from: "news@example.com" }, {}],
  ] as const) {
    const { id, first } = await attempted(fields);
    expect(first.headers).toEqual(headers);
    expect(unsubscribeUrlOf(await client.read(id))).toBeUndefined();
  }
});

test("a mark in the content becomes the link, or the email is refused", async () => {
  const text = `To leave: ${UNSUBSCRIBE_MARK}`;
  const { id, first } = await attempted({ to: "marked@a.example", stream: "transactional", text });
  const [, url = ""] = /^To leave: (https:.*)$/.exec(first.text ?? "") ?? [];
  await client.when(id, "delivered");
  expect((await oneClick(pathOf(url))).status).toBe(200);
  await unsubscribed(id);
  for (const fields of [{ to: ["a@a.example", "b@a.example"] }, { from: "news@example.com" }]) {
    const body = email({ from: FROM, to: "marked@a.example", text, ...fields });
    await refused(await client.post("/emails", body), 422, "invalid_parameter", /one recipient/);
  }
});

test("a link of a domain's own host begins there", async () => {
  const { first } = await attempted({ to: "host@a.example", from: "a@other-linked.example" });
  expect(first.headers["List-Unsubscribe"]).toMatch(/^<https:\/\/links\.example\.org\/u\//);
});

test("whatever is no token of the path leads nowhere, and to no error", async () => {
  const { first } = await attempted({ to: "forged@a.example" });
  const token = unsubscribePath(first).slice(3);
  const texts = fc.oneof(
    fc.webPath({ size: "small" }).map((path) => path.slice(1)),
    fc.stringMatching(/^[A-Za-z0-9_-]{1,200}$/),
    fc.nat(token.length - 1).map((at) => token.slice(0, at)),
    fc.constantFrom("%", "%ff", "%00", "a".repeat(10_000), token.toLowerCase(), `${token}=`),
  );
  await fc.assert(
    fc.asyncProperty(texts, fc.constantFrom("u", "o", "c"), async (text, place) => {
      for (const method of ["GET", "POST"]) {
        const response = await request(`/${place}/${text}`, { method, headers: {} });
        expect([404, 405]).toContain(response.status);
        expect(response.headers.get("location")).toBeNull();
        await response.text();
      }
    }),
    { numRuns: 100 },
  );
  // The right token at the wrong place.
  for (const path of [`/o/${token}.gif`, `/o/${token}`, `/c/${token}`]) {
    expect((await request(path)).status).toBe(404);
  }
});
