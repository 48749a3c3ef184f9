import { describe, expect, test } from "vitest";
import { type Link, type MessageLinks, readLink, UNSUBSCRIBE_MARK } from "../../src/core/links.ts";
import { createSigner } from "../../src/core/signer.ts";
import { outgoing } from "../../src/deliver/attempt.ts";
import { CLICKS_MAX, linked } from "../../src/deliver/links.ts";
import type { LinkDeps } from "../../src/deliver/ports.ts";
import { addressee, claimOf, content, headOf } from "./messages.ts";

const ID = "0199b2a4-1c00-7000-8000-000000000001";
const BASE = "https://links.example.com";
const HASH = "0123456789abcdef0123456789abcdef";
const ALL: MessageLinks = { base: BASE, unsubscribe: true, opens: true, clicks: true };
const signer = createSigner("a secret");

/** A parser of the simplest HTML; the platform's is tested in the runtime. */
const rewrite: LinkDeps["rewrite"] = async (html, { link, tail }) => {
  let text = html;
  for (const [whole, href = ""] of html.matchAll(/href="([^"]*)"/g)) {
    const target = await link(href);
    if (target !== null) text = text.replace(whole, `href="${target}"`);
  }
  return text.replace("</body>", `${tail}</body>`);
};

async function sent(
  links: Partial<MessageLinks> | null,
  html?: string,
  given: { to?: number; rewrite?: LinkDeps["rewrite"]; text?: string } = {},
) {
  const { to = 1, rewrite: by = rewrite, text = "Hello" } = given;
  const people = ["ann", "bob"].slice(0, to).map((name) => addressee("to", name));
  const addressees = people.map((one) => ({ ...one, hash: HASH }));
  const none = { base: BASE, unsubscribe: false, opens: false, clicks: false };
  const envelope = {
    stream: "news",
    ...(links === null ? {} : { links: { ...none, ...links } }),
  };
  const head = headOf(addressees, envelope);
  const claimed = claimOf(
    people.map((_, no) => no),
    { id: ID },
  );
  const logged: string[] = [];
  const deps = {
    links: { signer: () => signer, rewrite: by },
    log: (event: string) => void logged.push(event),
  };
  const own = { ...content, text, ...(html === undefined ? {} : { html }) };
  const message = outgoing("acme", head, claimed, own);
  return { message, linked: await linked(message, head, deps), logged };
}

const read = async (purpose: Link["purpose"], url = "") =>
  readLink(await signer, purpose, new URL(url).pathname.slice(3).replace(/\.gif$/, ""));

const WHOSE = { account: "acme", messageId: ID, no: 0 };

describe("a message's own links", () => {
  test("are the two fields of RFC 8058, with the token of its recipient", async () => {
    const { message, linked: with_ } = await sent({ unsubscribe: true });
    const { "List-Unsubscribe": list = "", ...others } = with_.headers;
    expect(others).toEqual({
      ...message.headers,
      "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    });
    // One https URI in angle brackets (RFC 2369 section 2, RFC 8058 section 3.1).
    const url = /^<(https:\/\/links\.example\.com\/u\/[A-Za-z0-9_-]+)>$/.exec(list)?.[1];
    const link = { purpose: "unsubscribe", ...WHOSE, hash: HASH, stream: "news" };
    expect(await read("unsubscribe", url)).toEqual(link);
    expect({ ...with_, headers: {} }).toEqual({ ...message, headers: {} });
  });

  test("take the place of its targets, and the last place of its body", async () => {
    const html = '<body><a href="https://example.com/a?b=1&amp;c=2">a</a><a href="#x">b</a></body>';
    const { linked: with_ } = await sent({ opens: true, clicks: true }, html);
    expect(with_.headers).not.toHaveProperty("List-Unsubscribe");
    const [, click] = /href="(https:\/\/links[^"]+)"/.exec(with_.html ?? "") ?? [];
    const url = "https://example.com/a?b=1&c=2";
    expect(await read("click", click)).toEqual({ purpose: "click", ...WHOSE, url });
    const [, open] = /<img src="([^"]+\.gif)" [^>]*><\/body>$/.exec(with_.html ?? "") ?? [];
    expect(await read("open", open)).toEqual({ purpose: "open", ...WHOSE });
    expect(with_.html).toContain('<a href="#x">b</a>');
    expect(with_.text).toBe("Hello");
  });

  test("are only those that it is to have", async () => {
    const html = '<body><a href="https://example.com/">a</a></body>';
    const opens = (await sent({ opens: true }, html)).linked.html;
    expect(opens).toMatch(/^<body><a href="https:\/\/example\.com\/">a<\/a><img src=/);
    const clicks = (await sent({ clicks: true }, html)).linked.html;
    expect(clicks).toMatch(/href="https:\/\/links.*">a<\/a><\/body>$/);
    const { message, linked: with_ } = await sent(null, html);
    expect(with_).toEqual(message);
    const text = await sent(ALL);
    expect(text.linked).not.toHaveProperty("html");
  });

  test("stand where its content has the mark for one, and are not counted as a click", async () => {
    const html = `<body><a href="${UNSUBSCRIBE_MARK}">Leave</a> or ${UNSUBSCRIBE_MARK}</body>`;
    const { linked: with_ } = await sent({ marked: true, clicks: true }, html, {
      text: `Leave: ${UNSUBSCRIBE_MARK}`,
    });
    const [, url = ""] = /^Leave: (.*)$/.exec(with_.text ?? "") ?? [];
    expect(await read("unsubscribe", url)).toMatchObject({ ...WHOSE, hash: HASH });
    expect(with_.html).toBe(`<body><a href="${url}">Leave</a> or ${url}</body>`);
    expect(with_.headers).toEqual(content.headers);
  });

  test("are the same at each attempt", async () => {
    const html = '<body><a href="https://example.com/">a</a></body>';
    expect((await sent(ALL, html)).linked).toEqual((await sent(ALL, html)).linked);
  });

  test("are for one recipient: of two, nobody could say who followed them", async () => {
    // `accept` gives such a message none; see there.
    const { linked: with_ } = await sent(null, "<body></body>", { to: 2 });
    expect(with_.headers).toEqual(content.headers);
  });

  test("of a page of links are counted up to a limit", async () => {
    const html = Array.from(
      { length: CLICKS_MAX + 5 },
      (_, n) => `<a href="https://e.example/${n}">`,
    );
    const { linked: with_ } = await sent({ clicks: true }, html.join(""));
    expect(with_.html?.match(/links\.example\.com/g)).toHaveLength(CLICKS_MAX);
    expect(with_.html).toContain(`<a href="https://e.example/${CLICKS_MAX}">`);
  });

  test("are left out of HTML that no parser takes, and the mail goes all the same", async () => {
    const rewrite = () => Promise.reject(new TypeError("ambiguous"));
    const { linked: with_, logged } = await sent(ALL, "<b>", { rewrite });
    expect(with_.html).toBe("<b>");
    expect(with_.headers).toHaveProperty("List-Unsubscribe");
    expect(logged).toEqual(["html_not_tracked"]);
  });
});
