import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeBase62, isBase62, randomBase62 } from "../../src/core/base62.ts";
import { seededRandom } from "./random.ts";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function decode(text: string): bigint {
  let value = 0n;
  for (const digit of text) value = value * 62n + BigInt(DIGITS.indexOf(digit));
  return value;
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
}

describe("encodeBase62", () => {
  test("gives exactly the asked length and the value modulo 62^length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 0, max: 50 }), (bytes, n) => {
        const text = encodeBase62(bytes, n);
        expect(text).toHaveLength(n);
        expect(decode(text)).toBe(numberOf(bytes) % 62n ** BigInt(n));
      }),
    );
  });

  test("sorts as the numbers do", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }), (a, b) => {
        const [x, y] = [encodeBase62(Uint8Array.of(a), 2), encodeBase62(Uint8Array.of(b), 2)];
        expect(x < y).toBe(a < b);
      }),
    );
  });
});

describe("randomBase62", () => {
  test("rejects the bytes that would favour the first digits", () => {
    const bytes = [255, 248, 247, 61, 62, 0];
    let at = 0;
    const random = (n: number) => Uint8Array.from({ length: n }, () => bytes[at++] ?? 0);
    expect(randomBase62(4, random)).toBe("zz00");
  });

  test("draws every digit about equally often", () => {
    const counts = new Map<string, number>();
    for (const digit of randomBase62(62_000, seededRandom(1))) {
      counts.set(digit, (counts.get(digit) ?? 0) + 1);
    }
    expect(counts.size).toBe(62);
    // Six standard deviations about 1,000.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(190);
  });

  test("a source that gives only rejected bytes ends in an error, not in an endless loop", () => {
    expect(() => randomBase62(4, (n) => new Uint8Array(n).fill(255))).toThrow("random source");
  });
});

test("isBase62 takes digits and letters only, and not the empty text", () => {
  expect(isBase62(DIGITS)).toBe(true);
  for (const text of ["", "a-b", "a_b", "é", "a\n", " a"]) expect(isBase62(text)).toBe(false);
});
