/**
 * Fetches an attachment that a request gives as a URL, without becoming a way into places its
 * author cannot reach (server-side request forgery):
 *
 *   check the URL -> fetch without following -> redirect? check again -> read within the limit
 *
 * Which URLs are asked at all: core/public-url.
 */
import { checkPublicUrl } from "../core/public-url.ts";
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
/** A multiple of 3, so that the parts join without padding, and few enough to be arguments. */
const BASE64_STEP = 24_576;

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

/** See `checkPublicUrl`; the error is a sentence. */
function checkUrl(text: string, base?: URL): Result<URL, string> {
  const checked = checkPublicUrl(text, base === undefined ? {} : { base });
  return checked.ok ? checked : err(`an attachment's URL ${checked.error}`);
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
