/**
 * A reader of mail that takes only what the RFCs allow: what it throws at, a composer may not
 * write. It shares nothing with the composer.
 */

/** A header field. */
export interface ReadField {
  readonly name: string;
  /** Unfolded, white space at its ends as written. */
  readonly value: string;
}

/** A message or a part of one. */
export interface ReadPart {
  /** The lines of its header, as written. */
  readonly header: string;
  readonly fields: readonly ReadField[];
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly encoding: string;
  /** As written, without the line break before the boundary. */
  readonly body: string;
  readonly parts: readonly ReadPart[];
}

/** Reads a whole message or part; throws at what is not well formed. */
export function readPart(raw: string): ReadPart {
  const end = raw.indexOf("\r\n\r\n");
  if (end < 0) throw new Error("no empty line after the header");
  const fields = readFields(raw.slice(0, end));
  const body = raw.slice(end + 4);
  const contentType = readParameters(single(fields, "content-type") ?? "");
  const boundary = contentType.parameters.get("boundary");
  const isMultipart = contentType.value.startsWith("multipart/");
  if (isMultipart !== (boundary !== undefined)) throw new Error("boundary");
  return {
    header: raw.slice(0, end),
    fields,
    type: contentType.value,
    parameters: contentType.parameters,
    encoding: single(fields, "content-transfer-encoding") ?? "7bit",
    body,
    parts: boundary === undefined ? [] : splitParts(body, boundary).map(readPart),
  };
}

/** All parts that are no multiparts, in their order. */
export function leavesOf(part: ReadPart): ReadPart[] {
  return part.parts.length === 0 ? [part] : part.parts.flatMap(leavesOf);
}

/** All parts, the multiparts too. */
export function allParts(part: ReadPart): ReadPart[] {
  return [part, ...part.parts.flatMap(allParts)];
}

/** The one field of this name; undefined if there is none, and two are an error. */
export function single(fields: readonly ReadField[], name: string): string | undefined {
  const found = fields.filter((field) => field.name.toLowerCase() === name);
  if (found.length > 1) throw new Error(`${name} twice`);
  return found[0]?.value.trim();
}

function readFields(header: string): ReadField[] {
  const fields: ReadField[] = [];
  for (const line of header.replace(/\r\n(?=[ \t])/g, "").split("\r\n")) {
    const match = /^([!-9;-~]+):(.*)$/s.exec(line);
    if (match === null) throw new Error(`no field: ${JSON.stringify(line)}`);
    fields.push({ name: match[1] as string, value: match[2] as string });
  }
  return fields;
}

/** RFC 2046 section 5.1.1, with neither preamble nor epilogue. */
function splitParts(body: string, boundary: string): string[] {
  const others = `\r\n${body}`.split(`\r\n--${boundary}`);
  const preamble = others.shift();
  const close = others.pop();
  // The close delimiter of an inner multipart is followed by the line break of the outer one.
  if (preamble !== "" || (close !== "--" && close !== "--\r\n")) {
    throw new Error(`delimiters of ${boundary}`);
  }
  return others.map((one) => {
    if (!one.startsWith("\r\n")) throw new Error(`delimiter of ${boundary}`);
    return one.slice(2);
  });
}

/** A value with parameters, RFC 2045 section 5.1, those of RFC 2231 put together. */
export function readParameters(text: string): {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
} {
  const token = "[!#$%&'*+\\-.0-9A-Z^_`a-z{|}~]+";
  const head = new RegExp(`^(${token}(?:/${token})?)`).exec(text)?.[1] ?? "";
  const raw = new Map<string, string>();
  const one = new RegExp(`; *(${token})=(?:(${token})|"((?:[^"\\\\\r\n]|\\\\.)*)") *`, "y");
  one.lastIndex = head.length;
  while (one.lastIndex < text.length) {
    const found = one.exec(text);
    if (found === null) throw new Error(`parameters: ${text}`);
    const [, name, plain, quoted] = found;
    const key = (name as string).toLowerCase();
    if (raw.has(key)) throw new Error(`parameter ${key} twice`);
    raw.set(key, plain ?? (quoted as string).replace(/\\(.)/g, "$1"));
  }
  return { value: head.toLowerCase(), parameters: continued(raw) };
}

function continued(raw: ReadonlyMap<string, string>): Map<string, string> {
  const whole = new Map<string, string>();
  for (const [key, value] of raw) {
    const section = /^([^*]+)\*(?:(\d+)\*?)?$/.exec(key);
    if (section === null) {
      whole.set(key, value);
      continue;
    }
    const name = section[1] as string;
    if (section[2] !== undefined && section[2] !== "0") continue;
    let encoded = value;
    for (let at = 1; raw.has(`${name}*${at}*`); at++) encoded += raw.get(`${name}*${at}*`);
    if (!encoded.startsWith("utf-8''")) throw new Error(`charset of ${name}`);
    // Each section is of whole characters: decoded by itself, it throws otherwise.
    whole.set(name, decodeURIComponent(encoded.slice("utf-8''".length)));
  }
  return whole;
}

const ENCODED_WORD = /=\?([^?\s]+)\?([QB])\?([!->@-~]*)\?=/g;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The encoded-words in a text, as written. */
export function encodedWordsIn(text: string): string[] {
  return [...text.matchAll(ENCODED_WORD)].map(([word]) => word);
}

/** One encoded-word's text; throws unless it is UTF-8 in whole characters. */
export function decodeWord(word: string): string {
  const [, charset, encoding, text = ""] = new RegExp(ENCODED_WORD.source).exec(word) ?? [];
  if (charset?.toLowerCase() !== "utf-8") throw new Error(`charset ${charset}`);
  if (encoding === "B") {
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) {
      throw new Error(`base64 ${text}`);
    }
    return utf8.decode(Buffer.from(text, "base64"));
  }
  if (/=(?![0-9A-F]{2})/.test(text)) throw new Error(`Q ${text}`);
  return utf8.decode(octets(text.replaceAll("_", " ")));
}

/** The text of an unstructured field: RFC 2047 section 6.1 and 6.2. */
export function decodeText(value: string): string {
  return value
    .replace(/(\?=)[ \t]+(?==\?)/g, "$1")
    .replace(ENCODED_WORD, (word) => decodeWord(word));
}

/** `=XX` as octets. */
function octets(text: string): Uint8Array {
  const plain = text.replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(plain, "latin1");
}

/** The octets of a part; throws if its transfer encoding is not what it says. */
export function contentOf(part: ReadPart): Uint8Array {
  const { body, encoding } = part;
  if (encoding === "7bit") return sevenBit(body);
  if (encoding === "quoted-printable") return quotedPrintable(body);
  if (encoding === "base64") return base64(body);
  throw new Error(`transfer encoding ${encoding}`);
}

function sevenBit(body: string): Uint8Array {
  if (/\0|[^\p{ASCII}]/u.test(body)) throw new Error("7bit with other octets");
  return Buffer.from(body, "latin1");
}

function quotedPrintable(body: string): Uint8Array {
  for (const line of body.split("\r\n")) {
    if (line.length > 76) throw new Error("quoted-printable with a long line");
    if (/[ \t]$/.test(line)) throw new Error("quoted-printable with white space at a line's end");
    if (!/^(?:[\t -<>-~]|=[0-9A-F]{2})*=?$/.test(line)) throw new Error(`not encoded: ${line}`);
  }
  return octets(body.replaceAll("=\r\n", ""));
}

function base64(body: string): Uint8Array {
  const lines = body.replace(/\r\n$/, "").split("\r\n");
  if (lines.some((line) => line.length > 76)) throw new Error("base64 with a long line");
  if (lines.slice(0, -1).some((line) => line.length !== 76)) throw new Error("base64 line");
  const text = lines.join("");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) throw new Error("base64");
  const content = Buffer.from(text, "base64");
  if (content.toString("base64") !== text) throw new Error("base64 is not canonical");
  return content;
}
