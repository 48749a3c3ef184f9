/** Any Unicode in the ASCII of header fields: encoded-words, RFC 2047. */
import { LINE_AIM } from "./fold.ts";

const PREFIX = "=?UTF-8?";
/** RFC 2047 section 2: the longest encoded-word. */
const WORD_MAX = 75;
/** `=?UTF-8?Q?` and `?=`. */
const FRAME = PREFIX.length + 4;
/** Below this room on a line, a word of its own on the next line is better. */
const ROOM_MIN = FRAME + 12;
/** What may stand for itself in every place where an encoded-word may, RFC 2047 section 5 (3). */
const Q_LITERAL = /^[a-zA-Z0-9!*+\-/]$/;

const utf8 = new TextEncoder();

/**
 * The text as encoded-words of whole characters, each decodable by itself. Fit for phrases and for
 * unstructured fields.
 *
 * @param text well-formed
 * @param used columns already taken on the line that the first word may still go on
 * @returns the words, to be parted by white space, which readers drop between them
 */
export function encodedWords(text: string, used: number): string[] {
  const characters = Array.from(text, (character) => toQ(character));
  // RFC 2047 section 4: Q where most characters can be read as they are.
  const inQ = characters.filter(({ q }) => q.length === 1).length * 2 >= characters.length;
  const room = LINE_AIM - used - 1;
  let max = room >= ROOM_MIN ? Math.min(room, WORD_MAX) : WORD_MAX;

  const words: string[] = [];
  let chunk: Character[] = [];
  let size = 0;
  for (const one of characters) {
    const step = inQ ? one.q.length : one.octets;
    const limit = inQ ? max - FRAME : Math.floor((max - FRAME) / 4) * 3;
    if (chunk.length > 0 && size + step > limit) {
      words.push(word(chunk, inQ));
      chunk = [];
      size = 0;
      max = WORD_MAX;
    }
    chunk.push(one);
    size += step;
  }
  if (chunk.length > 0) words.push(word(chunk, inQ));
  return words;
}

interface Character {
  readonly text: string;
  readonly q: string;
  readonly octets: number;
}

function toQ(text: string): Character {
  if (Q_LITERAL.test(text)) return { text, q: text, octets: 1 };
  if (text === " ") return { text, q: "_", octets: 1 };
  const bytes = utf8.encode(text);
  let q = "";
  for (const byte of bytes) q += `=${hex(byte)}`;
  return { text, q, octets: bytes.length };
}

function word(characters: readonly Character[], inQ: boolean): string {
  if (inQ) return `${PREFIX}Q?${characters.map(({ q }) => q).join("")}?=`;
  const bytes = utf8.encode(characters.map(({ text }) => text).join(""));
  return `${PREFIX}B?${btoa(String.fromCharCode(...bytes))}?=`;
}

/** Two upper-case hexadecimal digits. */
export function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}
