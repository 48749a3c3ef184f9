/**
 * A keyed hash of texts for tables in memory: two lanes of HalfSipHash-2-4 with 64 bits each (J.-P.
 * Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", 2012, and its reference code),
 * over UTF-16. Whoever does not know the key cannot make two texts collide. A million addresses
 * take a second; SHA-256 from outside the engine takes a call each, and ten seconds and more.
 */

/** Bytes of a key. */
export const TEXT_KEY_BYTES = 16;

/** Hashes a text into `out`, four 32-bit words. */
export type TextHash = (text: string, out: Uint32Array) => void;

/** The hash under a key of `TEXT_KEY_BYTES`. */
export function createTextHash(key: Uint8Array): TextHash {
  const view = new DataView(key.buffer, key.byteOffset, TEXT_KEY_BYTES);
  const words = [0, 4, 8, 12].map((at) => view.getInt32(at, true));
  const [a0 = 0, a1 = 0, b0 = 0, b1 = 0] = words;
  return (text, out) => {
    lane(text, a0, a1, out, 0);
    lane(text, b0, b1, out, 2);
  };
}

/** One lane, into two words of `out` from `to` on. Rounds are spelt out: calls would cost more. */
function lane(text: string, k0: number, k1: number, out: Uint32Array, to: number): void {
  let v0 = k0;
  let v1 = k1 ^ 0xee;
  let v2 = k0 ^ 0x6c796765;
  let v3 = k1 ^ 0x74656462;
  const { length } = text;
  // Behind the text stands its length in bytes, with a last unit that has no pair.
  const blocks = (length >> 1) + 1;
  for (let block = 0, at = 0; block < blocks + 2; block++, at += 2) {
    let word = 0;
    let count = 2;
    if (block < blocks - 1) {
      word = text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16);
    } else if (block === blocks - 1) {
      word = (length << 25) | (at < length ? text.charCodeAt(at) : 0);
    } else {
      count = 4;
      if (block === blocks) v2 ^= 0xee;
      else v1 ^= 0xdd;
    }
    v3 ^= word;
    for (; count > 0; count--) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    v0 ^= word;
    if (block >= blocks) out[to + block - blocks] = v1 ^ v3;
  }
}
