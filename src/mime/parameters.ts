/** Content types and the parameters of MIME header fields: RFC 2045 section 5.1, RFC 2231. */
import { oneLine } from "./fold.ts";
import { hex } from "./words.ts";

/** A media type, lower-cased, with its parameters in their order. */
export interface ContentType {
  readonly type: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

/** What nobody opens by itself, RFC 2046 section 4.5.1. */
export const OCTET_STREAM: ContentType = { type: "application/octet-stream", parameters: [] };

const TOKEN = "[!#$%&'*+\\-.0-9A-Z^_`a-z{|}~]+";
const MEDIA_TYPE = new RegExp(`^(${TOKEN}/${TOKEN})(?=[ \\t]*(?:;|$))`);
const PARAMETER = new RegExp(
  `[ \\t]*;[ \\t]*(?:(${TOKEN})=(?:(${TOKEN})|"((?:[ !#-[\\]-~]|\\\\[ -~])*)")[ \\t]*(?=;|$))?`,
  "y",
);
const IS_TOKEN = new RegExp(`^${TOKEN}$`);
/** RFC 6838 section 4.2: both names, and the stroke. */
const TYPE_MAX = 255;

/** Reads a content type by RFC 2045's grammar, without comments; null if it is none. */
export function readContentType(text: string): ContentType | null {
  const line = text.trim();
  const type = MEDIA_TYPE.exec(line)?.[1];
  if (type === undefined || type.length > TYPE_MAX) return null;
  const parameters: [string, string][] = [];
  PARAMETER.lastIndex = type.length;
  while (PARAMETER.lastIndex < line.length) {
    const found = PARAMETER.exec(line);
    if (found === null) return null;
    const [, name, token, quoted] = found;
    if (name === undefined) continue;
    parameters.push([name.toLowerCase(), token ?? (quoted ?? "").replace(/\\(.)/g, "$1")]);
  }
  return { type: type.toLowerCase(), parameters };
}

/** With ` name=` and its quotes, a value up to this length fits a line of 76. */
const PLAIN_MAX = 56;
/** Of an encoded section: with ` filename*99*=` and `;`, it fits a line of 76. */
const SECTION_MAX = 60;
const LITERAL = /^[a-zA-Z0-9!#$&+\-.^_`{|}~]$/;
const utf8 = new TextEncoder();

/**
 * Parameters as tokens for a folded field, each with a space before it. A value is a token, a
 * quoted string or, when it is long or holds what readers are known to get wrong in quotes, in
 * sections of whole percent-encoded characters (RFC 2231 sections 3 and 4).
 */
export function parameter(name: string, value: string): string[] {
  const text = oneLine(value);
  if (text.length <= PLAIN_MAX && isSimple(text)) {
    return [` ${name}=${IS_TOKEN.test(text) ? text : `"${text}"`}`];
  }
  const sections: string[] = [];
  let section = "utf-8''";
  for (const character of text) {
    const encoded = LITERAL.test(character) ? character : percent(character);
    if (section.length + encoded.length > SECTION_MAX) {
      sections.push(section);
      section = "";
    }
    section += encoded;
  }
  sections.push(section);
  if (sections.length === 1) return [` ${name}*=${section}`];
  const last = sections.length - 1;
  return sections.map((one, index) => ` ${name}*${index}*=${one}${index === last ? "" : ";"}`);
}

/** Printable ASCII without what a reader may take for an escape or trim. */
function isSimple(text: string): boolean {
  return !/[^ -~]|["\\%]|=\?|^ | $| {2}/.test(text);
}

function percent(character: string): string {
  let encoded = "";
  for (const byte of utf8.encode(character)) encoded += `%${hex(byte)}`;
  return encoded;
}

/**
 * What a reader without RFC 2231 can show of a file's name, with its extension, which is what
 * such a reader opens it by. The name itself if that is simple.
 */
export function asciiName(filename: string): string {
  const text = oneLine(filename);
  if (text.length <= PLAIN_MAX && isSimple(text)) return text;
  const ascii = text.replace(/[^ -~]+|["\\%=]| {2,}|^ | $/g, "_");
  const extension = /\.[a-zA-Z0-9]{1,8}$/.exec(ascii)?.[0] ?? "";
  const stem = ascii.slice(0, ascii.length - extension.length);
  return `${stem.slice(0, PLAIN_MAX - extension.length).trimEnd()}${extension}`;
}
