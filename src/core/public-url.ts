/**
 * Whether a URL that a stranger gives may be asked, so that asking is no way into places its author
 * cannot reach (server-side request forgery): only https on port 443 to a public domain name.
 *
 * A name may still resolve to a private address; what stands against that is that the certificate
 * must be valid for the name, and that requests leave from Cloudflare's network, from where no
 * private network is reachable. Those to the Worker's own zone come in from outside like anybody's,
 * by a flag in wrangler.toml.
 */
import { err, ok, type Result } from "./result.ts";
import { SPECIAL_USE_TLDS } from "./special-use.ts";

/** Signed storage links have about 1,500 characters. */
export const URL_MAX = 4096;

/** A suffix of private networks that no registry has set aside, beside those of special use. */
const PRIVATE_TLD = "localdomain";

/** Whether nobody can be reached under a top-level name over the public internet. */
const isPrivate = (tld: string): boolean => tld === PRIVATE_TLD || SPECIAL_USE_TLDS.has(tld);

/** The machine itself (RFC 6761 section 6.3, RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3). */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether the host of a URL, as the URL parser writes it, is the machine itself. */
export const isLoopback = (hostname: string): boolean => LOOPBACK.test(hostname);

/** How a URL is checked. */
export interface UrlTerms {
  /** What a relative URL is relative to. */
  readonly base?: URL;
  /** Lets http and any port to the machine itself pass: for development and tests only. */
  readonly allowLocal?: boolean;
}

/**
 * Parses a URL and refuses whatever is not https on port 443 to a public domain name. The error is
 * the rest of a sentence about the URL ("must ..."), and repeats nothing of it.
 */
export function checkPublicUrl(text: string, terms: UrlTerms = {}): Result<URL, string> {
  const { base, allowLocal = false } = terms;
  if (text.length > URL_MAX) return err(`must have at most ${URL_MAX} characters`);
  // The URL parser drops tabs and line breaks silently; a name may then not be what was checked.
  if (/[\p{Cc}\s]/u.test(text) || !URL.canParse(text, base?.href)) {
    return err("must be an absolute https URL");
  }
  const url = new URL(text, base?.href);
  const local = allowLocal && isLoopback(url.hostname);
  if (url.protocol !== "https:" && !(local && url.protocol === "http:")) {
    return err("must begin with https://");
  }
  if (url.username !== "" || url.password !== "") {
    return err("must not contain a user name or password");
  }
  if (local) return ok(url);
  // The parser has removed an explicit 443.
  if (url.port !== "") return err("must use port 443");
  // The parser has turned every notation of an IPv4 address into four decimals (WHATWG URL 3.5).
  const host = url.hostname.replace(/\.$/, "");
  if (host.startsWith("[") || /^[\d.]+$/.test(host)) {
    return err("must name a domain, not an IP address");
  }
  const labels = host.split(".");
  // A label has a character at least (RFC 1035 section 2.3.1).
  if (labels.length < 2 || labels.includes("") || isPrivate(labels.at(-1) ?? "")) {
    return err("must name a public domain");
  }
  return ok(url);
}
