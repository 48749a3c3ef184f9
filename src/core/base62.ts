/** Base 62 text: what a person can select with a double click, copy and read out. */

/** Digits, upper case, lower case: ASCII order, so that equal-length texts sort as their values. */
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE = ALPHABET.length;

/** Bytes from here on would favour the first digits; 248 is the last multiple of 62. */
const REJECT_FROM = 256 - (256 % BASE);

/** Draws before a random source counts as broken; each refuses a byte with probability 1/32. */
const DRAWS_MAX = 64;

/**
 * Writes `bytes`, read as one big-endian unsigned number, in exactly `length` digits, left padded
 * with zeros. A number of 62^length or more is taken modulo 62^length.
 */
export function encodeBase62(bytes: Uint8Array, length: number): string {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  let text = "";
  for (let digit = 0; digit < length; digit++) {
    text = ALPHABET[Number(value % BigInt(BASE))] + text;
    value /= BigInt(BASE);
  }
  return text;
}

/**
 * Draws `length` digits, each of the 62 equally likely (bytes that would bias are rejected).
 * `random(n)` gives n bytes. Throws when the source keeps giving bytes that must be rejected.
 */
export function randomBase62(length: number, random: (n: number) => Uint8Array): string {
  let text = "";
  for (let draw = 0; draw < DRAWS_MAX && text.length < length; draw++) {
    for (const byte of random(length - text.length)) {
      if (byte < REJECT_FROM && text.length < length) text += ALPHABET[byte % BASE];
    }
  }
  if (text.length < length) throw new Error("the random source gives no usable bytes");
  return text;
}

/** Whether `text` is one or more base 62 digits and nothing else. */
export function isBase62(text: string): boolean {
  return /^[0-9A-Za-z]+$/.test(text);
}
