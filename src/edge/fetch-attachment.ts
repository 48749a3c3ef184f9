/**
 * Fetches an attachment that a request gives as a URL, without becoming a way into places its
 * author cannot reach (server-side request forgery):
 *
 *   check the URL -> fetch without following -> redirect? check again -> read within the limit
 *
 * Only https on port 443 to a public domain name. A name may still resolve to a private address;
 * what stands against that is that the certificate must be valid for the name, and that requests
 * leave from Cloudflare's network, from where no private network is reachable.
 */
import { err, ok, type Result } from "../core/result.ts";

/** What fetching needs. */
export interface FetchAttachmentDeps {
  readonly fetch: typeof fetch;
  /** Ends the whole of it, redirects and body included. */
  readonly signal: AbortSignal;
  /** Bytes of the decoded file. */
  readonly limitBytes: number;
}

/** A file: base64 (RFC 4648 section 4) and the media type that the server declared, if usable. */
export interface FetchedAttachment {
  readonly content: string;
  readonly contentType: string | null;
}

/** Enough for a link that goes through a shortener to a storage service; more is a loop. */
const REDIRECTS_MAX = 3;
/** Signed storage links have about 1,500 characters. */
const URL_MAX = 4096;
/** A multiple of 3, so that the parts join without padding, and few enough to be arguments. */
const BASE64_STEP = 24_576;

/**
 * Top-level names that are never on the public internet: RFC 6761 (test, localhost, invalid,
 * example), RFC 6762 (local), RFC 7686 (onion), RFC 9476 (alt), ICANN's reservation (internal),
 * and arpa, which has home.arpa (RFC 8375) and no web sites. `localdomain` is a common suffix.
 */
const SPECIAL_USE: ReadonlySet<string> = new Set([
  "test",
  "localhost",
  "invalid",
  "example",
  "local",
  "onion",
  "alt",
  "internal",
  "arpa",
  "localdomain",
]);

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Fetches `url`. The error says what is wrong for the user of the API and repeats nothing of the
 * URL, which may be a signed link.
 */
export async function fetchAttachment(
  url: string,
  deps: FetchAttachmentDeps,
): Promise<Result<FetchedAttachment, string>> {
  let target = checkUrl(url);
  for (let hop = 0; hop <= REDIRECTS_MAX; hop++) {
    if (!target.ok) return target;
    const answered = await request(target.value, deps);
    if (!answered.ok) return answered;
    const response = answered.value;
    if (!REDIRECTS.has(response.status)) return readFile(response, deps);
    discard(response);
    target = checkRedirect(response.headers.get("location"), target.value);
  }
  return err(`the attachment's URL redirects more than ${REDIRECTS_MAX} times`);
}

/** Parses a URL and refuses whatever is not https on port 443 to a public domain name. */
function checkUrl(text: string, base?: URL): Result<URL, string> {
  if (text.length > URL_MAX) return err(`an attachment's URL has at most ${URL_MAX} characters`);
  // The URL parser drops tabs and line breaks silently; a name may then not be what was checked.
  if (/[\p{Cc}\s]/u.test(text) || !URL.canParse(text, base?.href)) {
    return err("an attachment's path must be an absolute https URL");
  }
  const url = new URL(text, base?.href);
  if (url.protocol !== "https:") return err("an attachment's URL must begin with https://");
  if (url.username !== "" || url.password !== "") {
    return err("an attachment's URL must not contain a user name or password");
  }
  // The parser has removed an explicit 443.
  if (url.port !== "") return err("an attachment's URL must use port 443");
  // The parser has turned every notation of an IPv4 address into four decimals (WHATWG URL 3.5).
  const host = url.hostname.replace(/\.$/, "");
  if (host.startsWith("[") || /^[\d.]+$/.test(host)) {
    return err("an attachment's URL must name a domain, not an IP address");
  }
  const labels = host.split(".");
  if (labels.length < 2 || SPECIAL_USE.has(labels.at(-1) ?? "")) {
    return err("an attachment's URL must name a public domain");
  }
  return ok(url);
}

function checkRedirect(location: string | null, from: URL): Result<URL, string> {
  if (location === null) return err("the attachment's URL answered a redirect without a location");
  const target = checkUrl(location, from);
  return target.ok ? target : err(`the attachment's URL redirects: ${target.error}`);
}

async function request(url: URL, deps: FetchAttachmentDeps): Promise<Result<Response, string>> {
  if (deps.signal.aborted) return err(TOO_SLOW);
  try {
    const response = await deps.fetch(url.href, {
      method: "GET",
      headers: { Accept: "*/*", "User-Agent": "postern" },
      redirect: "manual",
      signal: deps.signal,
    });
    return ok(response);
  } catch {
    return err(deps.signal.aborted ? TOO_SLOW : "the attachment's URL could not be reached");
  }
}

async function readFile(
  response: Response,
  deps: FetchAttachmentDeps,
): Promise<Result<FetchedAttachment, string>> {
  if (response.status !== 200) {
    discard(response);
    return err(`the attachment's URL answered ${response.status} instead of 200`);
  }
  const tooLarge = `an attachment has at most ${deps.limitBytes} bytes`;
  if (Number(response.headers.get("content-length") ?? 0) > deps.limitBytes) {
    discard(response);
    return err(tooLarge);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (response.body !== null) {
    const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
    try {
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        size += part.value.byteLength;
        if (size > deps.limitBytes) {
          reader.cancel().catch(() => {});
          return err(tooLarge);
        }
        chunks.push(part.value);
      }
    } catch {
      return err(deps.signal.aborted ? TOO_SLOW : "the attachment's URL broke off midway");
    }
  }
  const contentType = mediaTypeOf(response.headers.get("content-type"));
  return ok({ content: toBase64(chunks, size), contentType });
}

const TOO_SLOW = "the attachment's URL did not answer in time";
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}";
const MEDIA_TYPE = new RegExp(`^(${TOKEN}/${TOKEN})(?:\\s*;|$)`);
const CHARSET = new RegExp(`;\\s*charset="?(${TOKEN})"?\\s*(?:;|$)`, "i");

/**
 * Type and subtype (RFC 9110 section 8.3.1) with at most the charset: what else a stranger's server
 * says does not get into a mail's header fields.
 */
function mediaTypeOf(header: string | null): string | null {
  const type = MEDIA_TYPE.exec(header?.trim() ?? "")?.[1];
  if (type === undefined) return null;
  const charset = CHARSET.exec(header ?? "")?.[1];
  return charset === undefined ? type.toLowerCase() : `${type.toLowerCase()}; charset=${charset}`;
}

function toBase64(chunks: readonly Uint8Array[], size: number): string {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  let text = "";
  for (let from = 0; from < size; from += BASE64_STEP) {
    text += btoa(String.fromCharCode(...bytes.subarray(from, from + BASE64_STEP)));
  }
  return text;
}

/** Gives up a body that nobody reads, so that its connection is free. */
function discard(response: Response): void {
  response.body?.cancel().catch(() => {});
}
