/**
 * Return paths that say which message a bounce is about, and prove it (VERP, with the signature of
 * BATV): MAIL FROM of one message and source, the same over all attempts.
 *
 *   id 128 | tag 64, as 39 digits of base 32
 *
 * The tag covers source and id, so that a bounce also tells which source had the message. Digits
 * are lower-case letters and numbers only: mail systems fold the case of a local part.
 */
import { LOCAL_PART_MAX } from "./address.ts";
import { asciiDomainOf } from "./domain.ts";
import { err, ok, type Result } from "./result.ts";
import { constantTimeEqual, type Signer } from "./signer.ts";

/** The header field with our message id, which bounces and complaints quote. */
export const ID_HEADER = "X-Postern-Id";

/** Where return paths lead: what stands before the token, and the domain in A-labels. */
export interface ReturnRoute {
  readonly before: string;
  readonly domain: string;
}

const LABEL = "return-path";
const ID_BYTES = 16;
/** A guess is right once in 2^64: at a million a second, in half a million years. */
const TAG_BYTES = 8;
const TOKEN_DIGITS = 39;
/** What stands before a token when only a domain is given. */
const USUAL_BEFORE = "b-";

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const BEFORE = /^[a-z0-9][a-z0-9_.=+-]*[+=-]$/;
/** The token ends the local part: whatever stands before it may change with the configuration. */
const TOKEN = /(?:^|[+=-])([a-z2-7]{39})@/;
/** RFC 4648 section 6, in lower case. */
const DIGITS = "abcdefghijklmnopqrstuvwxyz234567";

/**
 * Reads where return paths are to lead: a domain, all of whose mail comes here
 * (`bounces.example.com`), or an address with a `*` for the token (`bounces+*@example.com`). Null
 * for anything else with an "@", which is an address as it is.
 */
export function returnRoute(setting: string): Result<ReturnRoute | null, string> {
  const at = setting.lastIndexOf("@");
  const local = setting.slice(0, Math.max(0, at)).toLowerCase();
  if (at >= 0 && !local.includes("*")) return ok(null);
  const domain = asciiDomainOf(setting.slice(at + 1).toLowerCase());
  if (!domain.ok) return domain;
  if (at < 0) return ok({ before: USUAL_BEFORE, domain: domain.value });
  const before = local.slice(0, -1);
  if (!local.endsWith("*") || !BEFORE.test(before)) {
    return err('before "@" there may be a name that ends in "+", "-" or "=", and then "*"');
  }
  if (before.length + TOKEN_DIGITS > LOCAL_PART_MAX) {
    return err(`before "*" there is room for ${LOCAL_PART_MAX - TOKEN_DIGITS} characters`);
  }
  return ok({ before, domain: domain.value });
}

/** The return path of a message that leaves by `source`. Throws if the id is no UUID. */
export async function returnPath(
  signer: Signer,
  source: string,
  messageId: string,
  { before, domain }: ReturnRoute,
): Promise<string> {
  if (!ID.test(messageId)) throw new Error("a return path is made for a message id");
  const bytes = new Uint8Array(ID_BYTES + TAG_BYTES);
  const hex = messageId.replaceAll("-", "");
  for (let i = 0; i < ID_BYTES; i++) {
    bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  }
  bytes.set(await tagOf(signer, source, messageId), ID_BYTES);
  return `${before}${encode(bytes)}@${domain}`;
}

/**
 * The message id in a return path of `source`, whatever its case and its domain; null when it holds
 * none that was made for this source under this secret.
 */
export async function readReturnPath(
  signer: Signer,
  source: string,
  address: string,
): Promise<string | null> {
  const token = TOKEN.exec(address.toLowerCase())?.[1];
  const bytes = token === undefined ? null : decode(token);
  if (bytes === null) return null;
  const id = idOf(bytes.subarray(0, ID_BYTES));
  const tag = bytes.subarray(ID_BYTES);
  const own = await tagOf(signer, source, id);
  return constantTimeEqual(encode(own), encode(tag)) ? id : null;
}

/** A source's name holds no 0x00 (config.ts), so that no two pairs give the same bytes. */
async function tagOf(signer: Signer, source: string, id: string): Promise<Uint8Array> {
  return (await signer.tag(LABEL, `${source}\0${id}`)).subarray(0, TAG_BYTES);
}

function encode(bytes: Uint8Array): string {
  let text = "";
  let value = 0;
  let bits = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += DIGITS[(value >> (bits - 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + DIGITS[(value << (5 - bits)) & 31];
}

/** Null when bits are left over that are not zero: every token has one way to be written. */
function decode(token: string): Uint8Array | null {
  const bytes = new Uint8Array(Math.floor((token.length * 5) / 8));
  let value = 0;
  let bits = 0;
  let at = 0;
  for (const digit of token) {
    value = (value << 5) | DIGITS.indexOf(digit);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = value >> bits;
    value &= (1 << bits) - 1;
  }
  return value === 0 ? bytes : null;
}

function idOf(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  const part = (from: number, to: number): string => hex.slice(from, to);
  return `${part(0, 8)}-${part(8, 12)}-${part(12, 16)}-${part(16, 20)}-${part(20, 32)}`;
}
