import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { constantTimeEqual, createSigner, sha256Hex } from "../../src/core/signer.ts";

describe("tag", () => {
  test("is HMAC-SHA-256 over label, 0x00, data", async () => {
    const signer = await createSigner("secret");
    const expected = createHmac("sha256", "secret").update("label\0dätä").digest();
    expect(await signer.tag("label", "dätä")).toEqual(new Uint8Array(expected));
    expect(await signer.tag("label", new TextEncoder().encode("dätä"))).toEqual(
      new Uint8Array(expected),
    );
  });

  test("no two pairs of label and data share a tag", async () => {
    const signer = await createSigner("secret");
    expect(await signer.tag("a", "bc")).not.toEqual(await signer.tag("ab", "c"));
    expect(await signer.tag("a", "b")).not.toEqual(await (await createSigner("s2")).tag("a", "b"));
    await expect(signer.tag("a\0b", "c")).rejects.toThrow("label");
  });

  test("an empty secret is refused", async () => {
    await expect(createSigner("")).rejects.toThrow("empty");
  });
});

test("sha256Hex gives the digest of text and bytes, and of a view only its own part", async () => {
  const expected = createHash("sha256").update("abc").digest("hex");
  expect(await sha256Hex("abc")).toBe(expected);
  expect(await sha256Hex(new TextEncoder().encode("xabcx").subarray(1, 4))).toBe(expected);
});

test("constantTimeEqual agrees with === on any two texts", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      expect(constantTimeEqual(a, b)).toBe(a === b);
      expect(constantTimeEqual(a, a)).toBe(true);
      expect(constantTimeEqual(a, `${a}\0`)).toBe(false);
    }),
  );
});
