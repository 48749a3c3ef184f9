/**
 * The links that a message carries for its one recipient: to unsubscribe (RFC 8058), and where its
 * stream asks for it, those that tell of opens and clicks. A link's token holds all that is needed
 * to act on it, under a tag of the installation's secret: nothing is looked up, nobody can make or
 * change one, and it is good for as long as the secret is.
 *
 *   tag 16 | version 1 | message id 16 | recipient 1 | account: length 1, text | the purpose's own
 *
 * Of an unsubscription the purpose's own is the recipient's hash (16 bytes) and the stream's name;
 * of a click the target; of an open nothing. It is written in base64url (RFC 4648 section 5). The
 * same message always has the same links: a repeated attempt has the same bytes.
 */
import { bytesOfBase64 } from "./base64.ts";
import { checkPublicUrl } from "./public-url.ts";
import type { Signer } from "./signer.ts";

/** Whom a link is about. */
interface Whose {
  readonly account: string;
  readonly messageId: string;
  /** The recipient's number. */
  readonly no: number;
}

/** What a token says. */
export type Link =
  /** What it takes to heed it without the message's record; `hash` is `recipientHash`. */
  | (Whose & { readonly purpose: "unsubscribe"; readonly hash: string; readonly stream: string })
  | (Whose & { readonly purpose: "open" })
  | (Whose & { readonly purpose: "click"; readonly url: string });

export type LinkPurpose = Link["purpose"];

/** The link of one purpose. */
export type LinkOf<P extends LinkPurpose> = Extract<Link, { readonly purpose: P }>;

/** What may be added to a message for the sake of its sender's figures or its reader's ease. */
export interface Additions {
  /** An image that tells that it was opened. */
  readonly opens: boolean;
  /** Links that tell that they were followed. */
  readonly clicks: boolean;
  /** A way to unsubscribe. */
  readonly unsubscribe: boolean;
}

/** What a message gets of us; frozen at acceptance, so that a repeat has the same bytes. */
export interface MessageLinks extends Additions {
  /** The origin of its links. */
  readonly base: string;
  /** Its content has `UNSUBSCRIBE_MARK`; left out when not. */
  readonly marked?: true;
}

/** What stands in HTML or text for the link to unsubscribe, as the dialect writes its own. */
export const UNSUBSCRIBE_MARK = "{{{POSTERN_UNSUBSCRIBE_URL}}}";

const VERSION = 1;

/** Bytes of the tag: 128 bits, which nobody guesses (NIST SP 800-107r1 section 5.3.5). */
const TAG_LENGTH = 16;
const ID_LENGTH = 16;
const HASH_LENGTH = 16;

/**
 * Characters of a click's target: what browsers and servers take everywhere. A longer link is left
 * as it is.
 */
export const TARGET_MAX = 2_000;

/**
 * Characters of a token: the longest target, as all of it is ASCII, and the names beside it, in
 * base64. Anything longer is none of ours and is not read.
 */
export const TOKEN_MAX = 3_072;

/** Where a link of each purpose is answered: before and after its token. */
const PLACES: Readonly<Record<LinkPurpose, readonly [string, string]>> = {
  unsubscribe: ["/u/", ""],
  open: ["/o/", ".gif"],
  click: ["/c/", ""],
};

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The URL of a link under `base`, an origin without a slash at its end. Throws on values that were
 * never accepted: ids and hashes that are not in hex, names above 255 bytes, recipients above 255.
 */
export async function linkUrl(signer: Signer, base: string, link: Link): Promise<string> {
  const account = encoder.encode(link.account);
  const parts = [[VERSION], bytesOfId(link.messageId), [byteOf(link.no), byteOf(account.length)]];
  const data = Uint8Array.from([...parts.flatMap((part) => [...part]), ...account, ...ownOf(link)]);
  const tag = await tagOf(signer, link.purpose, data);
  const [before, after] = PLACES[link.purpose];
  return `${base}${before}${textOf(Uint8Array.from([...tag, ...data]))}${after}`;
}

/** Reads a token of one purpose; null when it is malformed, changed, or of another purpose. */
export async function readLink<P extends LinkPurpose>(
  signer: Signer,
  purpose: P,
  token: string,
): Promise<LinkOf<P> | null> {
  if (token.length > TOKEN_MAX) return null;
  const bytes = bytesOfBase64(token.replaceAll("-", "+").replaceAll("_", "/"));
  // Written in one way only: what else decodes to the same bytes is not what was given out.
  if (bytes === null || bytes.length < TAG_LENGTH || textOf(bytes) !== token) return null;
  const data = bytes.slice(TAG_LENGTH);
  const expected = await tagOf(signer, purpose, data);
  let difference = 0;
  for (const [at, byte] of expected.entries()) difference |= byte ^ (bytes[at] ?? 0);
  if (difference !== 0) return null;
  return linkIn(purpose, data) as LinkOf<P> | null;
}

/**
 * Whether links may begin with this origin: https to a public name, or the machine itself in
 * development. Gmail and others take no other than https for one click (RFC 8058 section 3.1).
 */
export function linkBaseOf(url: string): string | null {
  const checked = checkPublicUrl(url, { allowLocal: true });
  if (!checked.ok) return null;
  const { origin, pathname, search, hash } = checked.value;
  return pathname === "/" && search === "" && hash === "" ? origin : null;
}

/** Whether a URL is a link of ours under this base: it is not to be counted twice. */
export const isOwnLink = (base: string, url: string): boolean =>
  Object.values(PLACES).some(([before]) => url.startsWith(base + before));

/** A label for each purpose: a tag of one never passes for another's. */
async function tagOf(signer: Signer, purpose: LinkPurpose, data: Uint8Array): Promise<Uint8Array> {
  return (await signer.tag(`link ${purpose}`, data)).slice(0, TAG_LENGTH);
}

function ownOf(link: Link): Uint8Array {
  switch (link.purpose) {
    case "unsubscribe":
      return Uint8Array.from([
        ...bytesOfHex(link.hash, HASH_LENGTH),
        ...encoder.encode(link.stream),
      ]);
    case "click":
      return encoder.encode(link.url);
    case "open":
      return new Uint8Array();
  }
}

/** What was signed was written by `linkUrl`, by this version of it or another. */
function linkIn(purpose: LinkPurpose, data: Uint8Array): Link | null {
  const start = 1 + ID_LENGTH + 2;
  const end = start + (data[start - 1] ?? 0);
  if (data[0] !== VERSION || data.length < end) return null;
  const messageId = idOf(data.slice(1, 1 + ID_LENGTH));
  const no = data[1 + ID_LENGTH] ?? 0;
  const own = data.slice(end);
  const whose = { account: decoder.decode(data.slice(start, end)), messageId, no };
  switch (purpose) {
    case "unsubscribe": {
      const hash = hexOf(own.slice(0, HASH_LENGTH));
      return { purpose, ...whose, hash, stream: decoder.decode(own.slice(HASH_LENGTH)) };
    }
    case "click":
      return { purpose, ...whose, url: decoder.decode(own) };
    case "open":
      return { purpose, ...whose };
  }
}

function textOf(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function byteOf(value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= 255) return value;
  throw new RangeError("a link holds numbers and lengths up to 255");
}

function bytesOfHex(text: string, length: number): Uint8Array {
  if (text.length !== 2 * length || !/^[0-9a-f]+$/.test(text)) {
    throw new RangeError(`expected ${length} bytes in hex`);
  }
  return Uint8Array.from({ length }, (_, at) =>
    Number.parseInt(text.slice(2 * at, 2 * at + 2), 16),
  );
}

const hexOf = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const bytesOfId = (id: string): Uint8Array => bytesOfHex(id.replaceAll("-", ""), ID_LENGTH);

function idOf(bytes: Uint8Array): string {
  const hex = hexOf(bytes);
  const cuts = [0, 8, 12, 16, 20, 32];
  return cuts
    .slice(1)
    .map((end, at) => hex.slice(cuts[at], end))
    .join("-");
}
