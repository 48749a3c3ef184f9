import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import {
  isOwnLink,
  type Link,
  type LinkPurpose,
  linkBaseOf,
  linkUrl,
  readLink,
  TARGET_MAX,
  TOKEN_MAX,
} from "../../src/core/links.ts";
import { createSigner, type Signer } from "../../src/core/signer.ts";

const BASE = "https://links.example.com";
const PURPOSES = ["unsubscribe", "open", "click"] as const;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

let signer: Signer;
beforeAll(async () => {
  signer = await createSigner("one secret");
});

const hex = (length: number) =>
  fc.array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length });
const name = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,31}$/);
const whose = fc.record({
  account: fc.oneof(
    name,
    name.map((one) => `${one}~test`),
  ),
  messageId: fc.uuid({ version: 7 }),
  no: fc.integer({ min: 0, max: 49 }),
});
const links: fc.Arbitrary<Link> = whose.chain((one) =>
  fc.oneof(
    fc.record({
      ...Object.fromEntries(Object.entries(one).map(([key, value]) => [key, fc.constant(value)])),
      purpose: fc.constant("unsubscribe" as const),
      hash: hex(32).map((digits) => digits.join("")),
      stream: name,
    }),
    fc.constant({ ...one, purpose: "open" as const }),
    fc.webUrl().map((url) => ({ ...one, purpose: "click" as const, url })),
  ),
) as fc.Arbitrary<Link>;

/** The token of a link's URL, as the route gets it. */
async function tokenOf(link: Link, by = signer): Promise<string> {
  const path = new URL(await linkUrl(by, BASE, link)).pathname;
  return path.slice(3).replace(/\.gif$/, "");
}

describe("a link", () => {
  test("says what it was made of, and lies under its base", async () => {
    await fc.assert(
      fc.asyncProperty(links, async (link) => {
        const url = await linkUrl(signer, BASE, link);
        expect(url).toMatch(/^https:\/\/links\.example\.com\/(u|c|o)\/[A-Za-z0-9_-]+(\.gif)?$/);
        expect(isOwnLink(BASE, url)).toBe(true);
        expect(await readLink(signer, link.purpose, await tokenOf(link))).toEqual(link);
      }),
    );
  });

  test("is the same each time, so that a repeated attempt has the same bytes", async () => {
    await fc.assert(
      fc.asyncProperty(links, async (link) => {
        const again = await createSigner("one secret");
        expect(await linkUrl(again, BASE, link)).toBe(await linkUrl(signer, BASE, link));
      }),
    );
  });

  test("of one purpose is none of another", async () => {
    await fc.assert(
      fc.asyncProperty(links, fc.constantFrom(...PURPOSES), async (link, other: LinkPurpose) => {
        fc.pre(other !== link.purpose);
        expect(await readLink(signer, other, await tokenOf(link))).toBeNull();
      }),
    );
  });

  test("with any one character changed, put in or left out is none", async () => {
    const place = fc.nat();
    const character = fc.constantFrom(...ALPHABET);
    await fc.assert(
      fc.asyncProperty(links, place, character, async (link, at, given) => {
        const token = await tokenOf(link);
        const no = at % token.length;
        const before = token.slice(0, no);
        for (const changed of [
          before + given + token.slice(no + 1),
          before + given + token.slice(no),
          before + token.slice(no + 1),
        ]) {
          if (changed === token) continue;
          expect(await readLink(signer, link.purpose, changed), changed).toBeNull();
        }
      }),
      { numRuns: 300 },
    );
  });

  test("made under another secret, or of nothing, is none", async () => {
    const other = await createSigner("another secret");
    await fc.assert(
      fc.asyncProperty(links, fc.string(), async (link, text) => {
        const token = await tokenOf(link, other);
        expect(await readLink(signer, link.purpose, token)).toBeNull();
        for (const purpose of PURPOSES) expect(await readLink(signer, purpose, text)).toBeNull();
      }),
    );
  });

  test("in another spelling of the same bytes is none", async () => {
    // Bytes that end in each of the three ways in which base64 can, and both of its own characters.
    for (const account of ["a", "ab", "abc", "abcd", "abcde", "abcdef"]) {
      const token = await tokenOf({ purpose: "open", account, messageId: ID, no: 0 });
      const taken = async (text: string) => (await readLink(signer, "open", text)) !== null;
      const last = [...ALPHABET].map((character) => token.slice(0, -1) + character);
      const spellings = [...last, token.replaceAll("-", "+"), token.replaceAll("_", "/")];
      const others = ["=", "==", "\n", " ", "A"].map((ending) => token + ending);
      for (const text of [...spellings, ...others]) {
        expect(await taken(text), text).toBe(text === token);
      }
    }
  });

  test("with the longest names and target is read, and nothing longer is looked at", async () => {
    const longest = `https://example.com/${"a".repeat(TARGET_MAX - 20)}`;
    const account = `${"a".repeat(32)}~test`;
    const link: Link = { purpose: "click", account, messageId: ID, no: 49, url: longest };
    const token = await tokenOf(link);
    expect(longest).toHaveLength(TARGET_MAX);
    expect(token.length).toBeLessThanOrEqual(TOKEN_MAX);
    expect(await readLink(signer, "click", token)).toEqual(link);
    const longer = await tokenOf({ ...link, url: `https://example.com/${"a".repeat(TOKEN_MAX)}` });
    expect(await readLink(signer, "click", longer)).toBeNull();
  });

  test("that unsubscribes fits in one line of a header", async () => {
    const stream = "s".repeat(32);
    const account = `${"a".repeat(32)}~test`;
    const hash = "f".repeat(32);
    const link = { purpose: "unsubscribe", account, messageId: ID, no: 49, hash, stream } as const;
    // RFC 5322 section 2.1.1, and SES's limit of a value.
    expect((await linkUrl(signer, BASE, link)).length).toBeLessThan(300);
  });

  test("is not made of what was never accepted", async () => {
    const link = { purpose: "open", account: "a", messageId: ID, no: 0 } as const;
    await expect(linkUrl(signer, BASE, { ...link, messageId: "m1" })).rejects.toThrow("hex");
    await expect(linkUrl(signer, BASE, { ...link, no: 256 })).rejects.toThrow("255");
    const hash = { ...link, purpose: "unsubscribe", hash: "short", stream: "s" } as const;
    await expect(linkUrl(signer, BASE, hash)).rejects.toThrow("hex");
  });
});

const ID = "0199b2a4-1c00-7000-8000-000000000001";

test.each([
  ["https://links.example.com", "https://links.example.com"],
  ["https://LINKS.example.com/", "https://links.example.com"],
  ["http://localhost:8787", "http://localhost:8787"],
  ["http://127.0.0.1:8787/", "http://127.0.0.1:8787"],
  ["http://links.example.com", null],
  ["https://links.example.com:8443", null],
  ["https://links.example.com/mail", null],
  ["https://links.example.com/?a", null],
  ["https://user@links.example.com", null],
  ["https://10.0.0.1", null],
  ["https://postern.internal", null],
  ["links.example.com", null],
])("links under %s begin with %s", (url, expected) => {
  expect(linkBaseOf(url)).toBe(expected);
});
