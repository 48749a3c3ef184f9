/** Domain names of mailboxes: RFC 5321 section 4.1.2 in the preferred syntax of RFC 1035. */
import { err, ok, type Result } from "./result.ts";

/** RFC 5321 section 4.5.3.1.2, in octets of the A-label form. */
export const DOMAIN_MAX = 255;
/** RFC 1035 section 2.3.4, in octets. */
const LABEL_MAX = 63;

const LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
/** Only what a name may hold goes to the URL parser, which would read "/", "%" or ":" as syntax. */
const NAME_CHARACTERS = /^[a-z0-9.\-\u0080-\u{10ffff}]+$/u;

/**
 * The A-labels (RFC 5890, mapped by UTS 46 as browsers do) of a lower-cased domain: at least two
 * labels, no address literal. The error is for the user of the API.
 */
export function asciiDomainOf(domain: string): Result<string, string> {
  if (domain === "") return err('the part after "@" is empty');
  if (domain.startsWith("[")) {
    return err("address literals such as [192.0.2.1] are not accepted; give a domain name");
  }
  if (!NAME_CHARACTERS.test(domain)) return err(NOT_A_NAME);
  const ascii = toAscii(domain);
  if (ascii === null) return err(NOT_A_NAME);
  const labels = ascii.split(".");
  if (ascii.length > DOMAIN_MAX) return err(`a domain has at most ${DOMAIN_MAX} octets`);
  if (labels.some((label) => label.length > LABEL_MAX)) {
    return err(`each part of a domain has at most ${LABEL_MAX} octets`);
  }
  if (!labels.every((label) => LABEL.test(label))) return err(NOT_A_NAME);
  if (labels.length < 2) return err('the domain needs a dot, as in "example.com"');
  // RFC 3696 section 2: no top-level name is a number, so this is an IPv4 address in some notation.
  if (/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "")) {
    return err("IP addresses are not accepted; give a domain name");
  }
  return ok(ascii);
}

const NOT_A_NAME =
  'the part after "@" must be a domain name: letters, digits and inner hyphens, parted by dots';

/** Null when there is no A-label form. An ASCII name is its own; DNS says whether it exists. */
function toAscii(domain: string): string | null {
  if (/^[a-z0-9.-]+$/.test(domain)) return domain;
  try {
    return new URL(`http://${domain}`).hostname;
  } catch {
    return null;
  }
}
