import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mintedAt, mintIds } from "../../src/core/ids.ts";
import { readReturnPath, returnPath, returnRoute } from "../../src/core/return-path.ts";
import { createSigner } from "../../src/core/signer.ts";
import { seededRandom } from "./random.ts";

const signer = await createSigner("a secret");
const NOW = 1_800_000_000_123;
const ID = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
const route = { before: "b-", domain: "bounces.example.com" };

const path = (id = ID, source = "relay") => returnPath(signer, source, id, route);
const read = (address: string, source = "relay") => readReturnPath(signer, source, address);

describe("a return path", () => {
  test("reads back the message it was made for, in any case, at any domain", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uuid(), fc.string({ maxLength: 40 }), async (id, source) => {
        const address = await path(id, source);
        expect(await read(address, source)).toBe(id);
        expect(await read(address.toUpperCase(), source)).toBe(id);
        const [local] = address.split("@");
        expect(await read(`returns+${local?.slice(2)}@mail.example`, source)).toBe(id);
      }),
    );
  });

  test("is the same whenever it is made, and of lower-case letters and digits", async () => {
    const address = await path();
    expect(await path()).toBe(address);
    expect(address).toMatch(/^b-[a-z2-7]{39}@bounces\.example\.com$/);
    expect(address.indexOf("@")).toBeLessThanOrEqual(64);
  });

  test("with any one character changed is nobody's", async () => {
    const address = await path();
    const end = address.indexOf("@");
    const digits = [..."abcdefghijklmnopqrstuvwxyz234567018-"];
    for (let at = 2; at < end; at++) {
      for (const digit of digits) {
        if (digit === address[at]) continue;
        expect(await read(address.slice(0, at) + digit + address.slice(at + 1))).toBeNull();
      }
    }
  });

  test("of another source, secret or purpose is nobody's", async () => {
    const address = await path();
    expect(await read(address, "other")).toBeNull();
    expect(await readReturnPath(await createSigner("other"), "relay", address)).toBeNull();
    expect(await path(ID, "other")).not.toBe(address);
  });

  test("is not found in any other text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => {
        expect(await read(text)).toBeNull();
        expect(await read(`b-${text}@bounces.example.com`)).toBeNull();
      }),
    );
    const address = await path();
    for (const text of [address.slice(1), address.slice(2), `x${address}`]) {
      // What stands before the token may be anything, the token nothing else.
      expect(await read(text)).toBe(ID);
    }
    expect(await read(address.replace("b-", "b"))).toBeNull();
    expect(await read(address.replace("@", "a@"))).toBeNull();
  });

  test("is made for message ids only", async () => {
    await expect(path("nothing")).rejects.toThrow("message id");
  });
});

describe("returnRoute", () => {
  test.each([
    ["bounces.example.com", { before: "b-", domain: "bounces.example.com" }],
    ["Bounces.Bücher.example", { before: "b-", domain: "bounces.xn--bcher-kva.example" }],
    ["bounces+*@example.com", { before: "bounces+", domain: "example.com" }],
    ["Returns-*@Example.com", { before: "returns-", domain: "example.com" }],
    ["bounces@example.com", null],
    ["<>@example.com", null],
  ])("%s is understood", (setting, value) => {
    expect(returnRoute(setting)).toEqual({ ok: true, value });
  });

  test.each([
    ["localhost", /dot/],
    ["", /empty/],
    ["<>\r\nRCPT", /domain name/],
    ["*@example.com", /name that ends/],
    ["bounces*@example.com", /name that ends/],
    ["a+*b@example.com", /name that ends/],
    ["a\r\nb+*@example.com", /name that ends/],
    [`${"a".repeat(25)}+*@example.com`, /25 characters/],
    ["bounces+*@[127.0.0.1]", /literal/],
  ])("%j is refused", (setting, error) => {
    expect(returnRoute(setting)).toEqual({ ok: false, error: expect.stringMatching(error) });
  });

  test("the longest name leaves an address that fits", async () => {
    const longest = returnRoute(`${"a".repeat(24)}+*@example.com`);
    if (!longest.ok || longest.value === null) throw new Error("refused");
    const address = await returnPath(signer, "relay", ID, longest.value);
    expect(address.indexOf("@")).toBe(64);
    expect(await read(address)).toBe(ID);
  });
});

test("mintedAt tells when an id was made", async () => {
  const [id = ""] = await mintIds({ signer, now: NOW, random: seededRandom(1) }, "a", 0, 1);
  expect(mintedAt(id)).toBe(NOW);
});
