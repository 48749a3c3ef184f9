/**
 * Mailboxes as people write them in an API request: RFC 5322 section 3.4 without comments, folding
 * and groups, with UTF-8 (RFC 6532) and within the lengths of RFC 5321 section 4.5.3.1.
 */
import { asciiDomainOf } from "./domain.ts";
import { err, ok, type Result } from "./result.ts";

/** One mailbox. */
export interface Mailbox {
  /** The display name, unquoted; null when there is none. */
  readonly name: string | null;
  /** `local@domain` as given, the domain lower-cased. */
  readonly address: string;
  /** The local part as given, with its quotes if it has them. */
  readonly local: string;
  /** Lower-cased, in U-labels if it was given so. */
  readonly domain: string;
  /** Lower-cased A-labels (RFC 5890): what is looked up in DNS and handed to a provider. */
  readonly asciiDomain: string;
}

/** RFC 5321 section 4.5.3.1.1, in octets. */
export const LOCAL_PART_MAX = 64;
/** RFC 5321 section 4.5.3.1.3: a path is at most 256 octets, of which two are the brackets. */
export const ADDRESS_MAX = 254;
/** Octets of a display name: quoted, and with the longest address, it still fits one line. */
export const DISPLAY_NAME_MAX = 320;
/** RFC 5322 section 2.1.1: the longest line; a mailbox cannot need more. Bounds all work below. */
const TEXT_MAX = 998;

/**
 * What no part of a mailbox may hold: controls (CR, LF and NUL would end a header), line and
 * paragraph separators, lone surrogates (not encodable), and the bidirectional overrides, which
 * make an address read as another one.
 */
const FORBIDDEN = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const ATOM = /^[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\u{10ffff}]+$/u;
const NAME_WORDS = /^[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\u{10ffff}]+(?: [^ ]+)*$/u;
const NAME_SPECIALS = /[()<>[\]:;@\\,."]/;
const FORMS = 'use "local@domain" or "Name <local@domain>"';

/**
 * Reads `local@domain`, `Name <local@domain>` or `"Quoted, Name" <local@domain>`. The error says
 * what is expected, for the user of the API, and quotes nothing of the input.
 */
export function parseMailbox(text: string): Result<Mailbox, string> {
  if (text.length > TEXT_MAX) return err(`a mailbox has at most ${TEXT_MAX} characters`);
  if (FORBIDDEN.test(text)) {
    return err("a mailbox must not contain line breaks or other control characters");
  }
  const trimmed = text.trim();
  if (trimmed === "") return err(`the mailbox is empty; ${FORMS}`);
  if (!trimmed.endsWith(">")) return parseAddress(trimmed, null);

  const name = readName(trimmed);
  if (!name.ok) return name;
  const address = trimmed.slice(name.value.end + 1, -1).trim();
  return parseAddress(address, name.value.text === "" ? null : name.value.text);
}

/** The display name before the first `<` outside quotes; `end` is the place of that `<`. */
function readName(text: string): Result<{ text: string; end: number }, string> {
  let name = "";
  let at = 0;
  while (at < text.length && text[at] !== "<") {
    const char = text[at] ?? "";
    if (char === '"') {
      const quoted = readQuoted(text, at);
      if (quoted === null) return err("the display name has a double quote that is not closed");
      name += quoted.text;
      at = quoted.end;
    } else if (char === ">") {
      return err(`"<" is missing before ">"; ${FORMS}`);
    } else if (char === "," || char === ";") {
      return err('give one mailbox; a display name with "," or ";" goes in double quotes');
    } else {
      name += char;
      at++;
    }
  }
  if (at === text.length) return err(`"<" is missing before the address; ${FORMS}`);
  const trimmed = name.trim();
  if (octets(trimmed) > DISPLAY_NAME_MAX) {
    return err(`a display name has at most ${DISPLAY_NAME_MAX} octets`);
  }
  return ok({ text: trimmed, end: at });
}

/** Reads a quoted-string that opens at `start`; `end` is the place after its closing quote. */
function readQuoted(text: string, start: number): { text: string; end: number } | null {
  let content = "";
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '"') return { text: content, end: at + 1 };
    if (text[at] === "\\") at++;
    content += text[at] ?? "";
  }
  return null;
}

function parseAddress(text: string, name: string | null): Result<Mailbox, string> {
  const at = text.startsWith('"') ? (readQuoted(text, 0)?.end ?? -1) : text.indexOf("@");
  if (at < 0 || text[at] !== "@") return err(`the address has no "@"; ${FORMS}`);
  const local = text.slice(0, at);
  const domain = text.slice(at + 1).toLowerCase();
  if (domain.includes("@")) return err('an address has one "@", unless its local part is quoted');
  if (local === "") return err('the part before "@" is empty');
  if (!local.startsWith('"') && !local.split(".").every(isAtom)) {
    return err(
      'the part before "@" may hold letters, digits, !#$%&\'*+-/=?^_`{|}~ and single dots between' +
        " them; anything else goes in double quotes",
    );
  }
  if (octets(local) > LOCAL_PART_MAX) {
    return err(`the part before "@" has at most ${LOCAL_PART_MAX} octets`);
  }
  const ascii = asciiDomainOf(domain);
  if (!ascii.ok) return ascii;
  if (octets(local) + 1 + ascii.value.length > ADDRESS_MAX) {
    return err(`an address has at most ${ADDRESS_MAX} octets`);
  }
  return ok({ name, address: `${local}@${domain}`, local, domain, asciiDomain: ascii.value });
}

/** RFC 5322 atext with the UTF-8 of RFC 6532, but no spaces of other scripts. */
function isAtom(text: string): boolean {
  return ATOM.test(text) && !/\s/u.test(text);
}

/**
 * Writes a mailbox for a header field or a provider, quoting the name where RFC 5322 asks for it.
 * The domain is in A-labels: only a UTF-8 local part then needs SMTPUTF8 (RFC 6531) on the way.
 */
export function formatMailbox(mailbox: Mailbox): string {
  const address = `${mailbox.local}@${mailbox.asciiDomain}`;
  if (mailbox.name === null) return address;
  const plain = NAME_WORDS.test(mailbox.name) && !NAME_SPECIALS.test(mailbox.name);
  const name = plain ? mailbox.name : `"${mailbox.name.replace(/[\\"]/g, "\\$&")}"`;
  return `${name} <${address}>`;
}

/**
 * The form under which a recipient is hashed for suppression: local part and domain lower-cased,
 * the local part without needless quotes and in NFC (RFC 6532 section 3.1), the domain in A-labels.
 * RFC 5321 section 2.4 lets a host tell local parts apart by case; no large one does, and mailing
 * someone who complained under another spelling is the worse mistake. Total: a text that is no
 * address is only lower-cased.
 */
export function canonicalAddress(address: string): string {
  const parsed = parseAddress(address.trim(), null);
  if (!parsed.ok) return fold(address.trim());
  return `${canonicalLocal(parsed.value.local)}@${parsed.value.asciiDomain}`;
}

/** The local part of a canonical address: see there. */
export function canonicalLocal(local: string): string {
  return fold(withoutNeedlessQuotes(local));
}

function withoutNeedlessQuotes(local: string): string {
  const content = local.startsWith('"') ? readQuoted(local, 0)?.text : undefined;
  if (content === undefined) return local;
  if (content.split(".").every(isAtom)) return content;
  return `"${content.replace(/[\\"]/g, "\\$&")}"`;
}

function fold(text: string): string {
  return text.toLowerCase().normalize("NFC");
}

function octets(text: string): number {
  return new TextEncoder().encode(text).length;
}
