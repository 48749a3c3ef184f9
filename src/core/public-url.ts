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

/** Signed storage links have about 1,500 characters. */
export const URL_MAX = 4096;

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

/** The machine itself (RFC 6761 section 6.3, RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3). */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

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
  const local = allowLocal && LOOPBACK.test(url.hostname);
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
  if (labels.length < 2 || labels.includes("") || SPECIAL_USE.has(labels.at(-1) ?? "")) {
    return err("must name a public domain");
  }
  return ok(url);
}
