import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTextHash, TEXT_KEY_BYTES } from "../../src/core/text-hash.ts";

const COUNTING = Uint8Array.from({ length: 8 }, (_, at) => at);

/** Both lanes under the key 00 to 07, which the reference vectors have. */
const reference = createTextHash(new Uint8Array([...COUNTING, ...COUNTING]));

/** The bytes 0, 1, 2, ... as UTF-16: the reference hashes bytes. */
const counting = (bytes: number): string =>
  String.fromCharCode(...Array.from({ length: bytes / 2 }, (_, at) => 2 * at + (2 * at + 1) * 256));

function hashOf(text: string, hash = reference): string {
  const out = new Uint32Array(4);
  hash(text, out);
  return Buffer.from(out.buffer).toString("hex");
}

describe("the hash", () => {
  test("is HalfSipHash-2-4 with 64 bits, by its authors' vectors", () => {
    const vectors = [
      [0, "218d1f59b9b83cc8"],
      [2, "064f39ef7c50eb57"],
      [4, "d5e78a175be52ea1"],
      [6, "ce3e91358aa2bc25"],
      [8, "edfee820bce4858c"],
      [10, "95b0469f06a6f2ee"],
    ] as const;
    for (const [bytes, hex] of vectors) expect(hashOf(counting(bytes))).toBe(hex + hex);
  });

  test("tells texts of any length and script apart", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "\0", "é", "\ud800"), maxLength: 6 });
    fc.assert(fc.property(text, text, (a, b) => (a === b) === (hashOf(a) === hashOf(b))));
    const zeros = Array.from({ length: 100 }, (_, length) => hashOf("\0".repeat(length)));
    expect(new Set(zeros).size).toBe(100);
  });

  test("differs under every bit of its key, in the lane that the bit is of", () => {
    for (let bit = 0; bit < TEXT_KEY_BYTES * 8; bit++) {
      const key = new Uint8Array([...COUNTING, ...COUNTING]);
      key[bit >> 3] = (key[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const [own, other] = [hashOf("ann@a.example", createTextHash(key)), hashOf("ann@a.example")];
      const half = bit < 64 ? 0 : 16;
      expect(own.slice(half, half + 16)).not.toBe(other.slice(half, half + 16));
      expect(own.slice(16 - half, 32 - half)).toBe(other.slice(16 - half, 32 - half));
    }
  });
});
