/**
 * Mailboxes: the grammar of RFC 5321 section 4.1.2 with the UTF-8 of RFC 6531 section 3.3. Time
 * grows with the length, which is bounded. Which of the valid forms are taken is a policy's to say.
 */
import { ADDRESS_MAX, LOCAL_PART_MAX } from "../core/address.ts";
import { DOMAIN_MAX } from "../core/domain.ts";
import { err, ok, type Result } from "../core/result.ts";
import { formatLiteral, type Literal, readLiteral } from "./address-literal.ts";
import { aLabelsOf, unicodeOf } from "./idna.ts";
import type { Form, SyntaxReason } from "./verdict.ts";

/** A mailbox, taken apart. */
export interface Parsed {
  /** `literal` says something about the domain; the local part may be quoted all the same. */
  readonly form: Form;
  readonly quoted: boolean;
  /** Whether the local part is not ASCII: it then takes SMTPUTF8 to be carried. */
  readonly smtputf8: boolean;
  /** As given, with its quotes if it has them. */
  readonly local: string;
  /** Lower-cased A-labels, or an address literal in its brackets. */
  readonly domain: string;
  /** For reading; null: the domain is a literal. */
  readonly unicodeDomain: string | null;
  readonly literal: Literal | null;
}

/** Beyond a line of RFC 5321 section 4.5.3.1.6 nothing is looked at: bounds all work below. */
const TEXT_MAX = 998;
/** RFC 1035 section 2.3.4, in octets. */
const LABEL_MAX = 63;

const AT = 0x40;
const DOT = 0x2e;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const HYPHEN = 0x2d;
const DELETE = 0x7f;

/** 1 for each character of an atom: RFC 5322 section 3.2.3. */
const ATEXT = new Uint8Array(128);
for (const char of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") {
  ATEXT[char.charCodeAt(0)] = 1;
}
for (const char of "!#$%&'*+-/=?^_`{|}~") ATEXT[char.charCodeAt(0)] = 1;

/**
 * Controls and what is as invisible: format characters, lone surrogates, separators of lines. The
 * joiners, which some scripts are spelt with, have to follow a letter that is not ASCII.
 */
const INVISIBLE =
  /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?<![^\0-\x7f])[\u200c\u200d]/u;
/** Spaces of other scripts, and what decoders put where they could not read. */
const NOT_IN_ATOM = /[\p{Zs}\ufffd\p{Noncharacter_Code_Point}]/u;
/** The latter, which no quotes make valid. */
const UNREADABLE = /[\ufffd\p{Noncharacter_Code_Point}]/u;
const NUMERIC_TLD = /^(?:\d+|0x[0-9a-f]*)$/;

/**
 * Reads one mailbox; ASCII white space around it is no part of it. The error is the first thing
 * that is wrong, lengths last: a text that is only too long is called that.
 */
export function readAddress(text: string): Result<Parsed, SyntaxReason> {
  let from = 0;
  let to = text.length;
  while (from < to && isSpace(text.charCodeAt(from))) from++;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
  if (from === to) return err("syntax_empty");
  if (to - from > TEXT_MAX) return err("syntax_too_long");
  const address = from === 0 && to === text.length ? text : text.slice(from, to);

  let ascii = true;
  for (let at = 0; at < address.length; at++) {
    const code = address.charCodeAt(at);
    if (code < 0x20 || code === DELETE) return err("syntax_control_character");
    if (code > DELETE) ascii = false;
  }
  if (!ascii && INVISIBLE.test(address)) return err("syntax_control_character");

  const quoted = address.charCodeAt(0) === QUOTE;
  const end = quoted ? quotedEnd(address) : address.indexOf("@");
  if (end < 0) return err(quoted ? "syntax_quote_not_closed" : "syntax_no_at");
  if (end === address.length) return err("syntax_no_at");
  if (address.charCodeAt(end) !== AT) return err("syntax_local_invalid");
  if (end === 0) return err("syntax_local_empty");
  const local = address.slice(0, end);
  if (quoted ? !isQuoted(local) : !isDotString(local)) return err("syntax_local_invalid");

  const domain = readDomain(address.slice(end + 1), ascii);
  if (!domain.ok) return domain;
  const length = ascii ? local.length : octets(local);
  if (length > LOCAL_PART_MAX) return err("syntax_local_too_long");
  if (domain.value.tooLong) return err("syntax_domain_too_long");
  if (length + 1 + domain.value.name.length > ADDRESS_MAX) return err("syntax_too_long");
  const { name, unicode, literal } = domain.value;
  return ok({
    form: literal !== null ? "literal" : quoted ? "quoted" : "dot_atom",
    quoted,
    smtputf8: length !== local.length,
    local,
    domain: name,
    unicodeDomain: unicode,
    literal,
  });
}

/** A mailbox as it may be written to. Reading it again gives the same. */
export function normalizedOf({ local, domain }: Parsed): string {
  return `${local}@${domain}`;
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

/** The place after the closing quote; -1: there is none. */
function quotedEnd(text: string): number {
  for (let at = 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at + 1;
  }
  return -1;
}

/** Quoted-string; a backslash stands before ASCII only, also in RFC 6531. */
function isQuoted(local: string): boolean {
  for (let at = 1; at < local.length - 1; at++) {
    if (local.charCodeAt(at) === BACKSLASH && local.charCodeAt(++at) > DELETE) return false;
  }
  return !UNREADABLE.test(local);
}

/** Dot-string: atoms with single dots between them. */
function isDotString(local: string): boolean {
  let previous = DOT;
  let other = false;
  for (let at = 0; at < local.length; at++) {
    const code = local.charCodeAt(at);
    if (code === DOT) {
      if (previous === DOT) return false;
    } else if (code > DELETE) {
      other = true;
    } else if (ATEXT[code] !== 1) {
      return false;
    }
    previous = code;
  }
  return previous !== DOT && !(other && NOT_IN_ATOM.test(local));
}

interface Domain {
  readonly name: string;
  readonly unicode: string | null;
  readonly literal: Literal | null;
  readonly tooLong: boolean;
}

function readDomain(text: string, ascii: boolean): Result<Domain, SyntaxReason> {
  if (text === "") return err("syntax_domain_empty");
  if (text.startsWith("[")) {
    const literal = readLiteral(text);
    if (literal === null) return err("syntax_literal_invalid");
    return ok({ name: formatLiteral(literal), unicode: null, literal, tooLong: false });
  }
  const lower = text.toLowerCase();
  const name = ascii || isAscii(lower) ? lower : aLabelsOf(lower.normalize("NFC"));
  if (name === null) return err("syntax_domain_invalid");

  let start = 0;
  let tooLong = name.length > DOMAIN_MAX;
  for (let at = 0; at <= name.length; at++) {
    const code = at === name.length ? DOT : name.charCodeAt(at);
    if (code !== DOT) {
      const letter = (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39);
      if (!letter && code !== HYPHEN) return err("syntax_domain_invalid");
      continue;
    }
    if (at === start) return err("syntax_domain_invalid");
    if (name.charCodeAt(start) === HYPHEN || name.charCodeAt(at - 1) === HYPHEN) {
      return err("syntax_domain_invalid");
    }
    if (at - start > LABEL_MAX) tooLong = true;
    if (at < name.length) start = at + 1;
  }
  // RFC 3696 section 2: no top-level name is a number, so this is an IPv4 address in some notation.
  if (name.charCodeAt(start) <= 0x39 && NUMERIC_TLD.test(name.slice(start))) {
    return err("syntax_domain_invalid");
  }
  const unicode = unicodeOf(name);
  if (unicode === null) return err("syntax_domain_invalid");
  if (start === 0) return err("syntax_domain_dotless");
  return ok({ name, unicode, literal: null, tooLong });
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > DELETE) return false;
  return true;
}

/** Octets of well-formed UTF-16 in UTF-8. */
function octets(text: string): number {
  let count = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= DELETE) continue;
    // Each half of a pair is two octets of its four.
    count += code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 1 : 2;
  }
  return count;
}
