/** Transfer encodings: RFC 2045 section 6. The label is always what was done to the data. */
import { LINE_MAX } from "./fold.ts";

/** Content ready to be written, without the line break that ends its last line. */
export interface Encoded {
  readonly encoding: "7bit" | "quoted-printable" | "base64";
  readonly data: string;
}

/** RFC 2045 sections 6.7 (5) and 6.8: the longest line of both encodings. */
const ENCODED_LINE_MAX = 76;
/** Characters of base64 put in lines at once: a third of the time that one list of all takes. */
const BLOCK = 512 * ENCODED_LINE_MAX;
/** Of one call of `String.fromCharCode`; a multiple of three, so that base64 can be joined. */
const BYTES_AT_ONCE = 24_576;

const SPACE = 0x20;
const TAB = 0x09;
const CR = 0x0d;
const EQUALS = 0x3d;
const DOT = 0x2e;
const LETTER_F = 0x46;
const HEX = new TextEncoder().encode("0123456789ABCDEF");

/**
 * A text in UTF-8 with every line break as CRLF, as it is if that is safe on every way, else in
 * the shorter of quoted-printable and base64.
 *
 * @param marker begins all boundaries of the message and must not occur in what is sent as it is;
 *   it holds `=_`, which neither encoding can produce
 */
export function encodeText(text: string, marker: string): Encoded {
  const lines = text.replace(/\r\n?|\n/g, "\r\n");
  if (isSafe7bit(lines, marker)) return { encoding: "7bit", data: lines };
  const bytes = new TextEncoder().encode(lines);
  let escaped = 0;
  for (const byte of bytes) if (!isLiteral(byte)) escaped++;
  const softBreaks = Math.floor((bytes.length + 2 * escaped) / ENCODED_LINE_MAX) * 3;
  const base64Size = (bytes.length * 4 * (ENCODED_LINE_MAX + 2)) / (3 * ENCODED_LINE_MAX);
  return bytes.length + 2 * escaped + softBreaks <= base64Size
    ? { encoding: "quoted-printable", data: quotedPrintable(bytes) }
    : { encoding: "base64", data: inLines(toBase64(bytes)) };
}

/**
 * Whether a text with CRLF can be sent as 7bit and arrives as it is: RFC 2045 section 2.7, and of
 * RFC 2049 section 3 what relays are known to change: lines that begin with "From " or a dot, and
 * white space at the end of a line.
 */
export function isSafe7bit(text: string, marker: string): boolean {
  if (/[^\t\r\n -~]|\r(?!\n)|[ \t](?:\r\n|$)|^(?:From |\.)/m.test(text)) return false;
  if (/(?:^|[^\r])\n/.test(text) || text.includes(marker)) return false;
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf("\r\n", start);
    const length = (end < 0 ? text.length : end) - start;
    if (length > LINE_MAX) return false;
    start += length + 2;
  }
  return true;
}

/**
 * Base64 (RFC 4648 section 4) as given by a caller, in lines of 76: white space and what is not of
 * the alphabet is left out, the URL-safe alphabet is read too, padding is made right.
 */
export function base64Lines(base64: string): string {
  const end = base64.indexOf("=");
  let text = end < 0 ? base64 : base64.slice(0, end);
  if (/[^A-Za-z0-9+/]/.test(text)) {
    text = text
      .replace(/[-_]/g, (one) => (one === "-" ? "+" : "/"))
      .replace(/[^A-Za-z0-9+/]+/g, "");
  }
  const rest = text.length % 4;
  if (rest === 0) return inLines(text);
  const whole = text.slice(0, text.length - rest);
  // One character alone holds less than an octet. `atob` takes the rest without its padding.
  return inLines(rest === 1 ? whole : whole + btoa(atob(text.slice(-rest))));
}

function inLines(base64: string): string {
  const blocks: string[] = [];
  for (let start = 0; start < base64.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, base64.length);
    const lines: string[] = [];
    for (let at = start; at < end; at += ENCODED_LINE_MAX) {
      lines.push(base64.slice(at, Math.min(at + ENCODED_LINE_MAX, end)));
    }
    blocks.push(lines.join("\r\n"));
  }
  return blocks.join("\r\n");
}

function toBase64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += BYTES_AT_ONCE) {
    pieces.push(btoa(String.fromCharCode(...bytes.subarray(at, at + BYTES_AT_ONCE))));
  }
  return pieces.join("");
}

function isLiteral(byte: number): boolean {
  return (
    (byte >= SPACE && byte <= 0x7e && byte !== EQUALS) ||
    byte === TAB ||
    byte === CR ||
    byte === 0x0a
  );
}

/** RFC 2045 section 6.7 for a text whose line breaks are CRLF; no character is split. */
function quotedPrintable(bytes: Uint8Array): string {
  // At worst each octet takes three, and a soft line break comes after at least 63.
  const out = new Uint8Array(bytes.length * 3 + Math.ceil((bytes.length * 3) / 60) * 3);
  let size = 0;
  let column = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === CR) {
      out[size++] = CR;
      out[size++] = 0x0a;
      column = 0;
      at++;
      continue;
    }
    const next = bytes[at + 1];
    const lineEnds = next === undefined || next === CR;
    let escaped = !isLiteral(byte) || (lineEnds && (byte === SPACE || byte === TAB));
    const width = escaped ? 3 * sequenceLength(byte) : 1;
    if (column + width > ENCODED_LINE_MAX - 1) {
      out[size++] = EQUALS;
      out[size++] = CR;
      out[size++] = 0x0a;
      column = 0;
    }
    if (column === 0 && (byte === DOT || (byte === LETTER_F && isFrom(bytes, at)))) escaped = true;
    if (escaped) {
      out[size++] = EQUALS;
      out[size++] = HEX[byte >> 4] as number;
      out[size++] = HEX[byte & 15] as number;
      column += 3;
    } else {
      out[size++] = byte;
      column++;
    }
  }
  return new TextDecoder().decode(out.subarray(0, size));
}

/** How many octets of UTF-8 the first of them announces; one for those that follow it. */
function sequenceLength(byte: number): number {
  if (byte >= 0xf0) return 4;
  if (byte >= 0xe0) return 3;
  return byte >= 0xc0 ? 2 : 1;
}

function isFrom(bytes: Uint8Array, at: number): boolean {
  const word = [LETTER_F, 0x72, 0x6f, 0x6d, SPACE];
  return word.every((byte, index) => bytes[at + index] === byte);
}
