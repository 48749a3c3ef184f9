/** Codes of SMTP in a text that somebody else wrote: "smtp;550 5.1.1 no such user". */

/** Characters that are read: a diagnostic has its codes in front, and long ones repeat them. */
const READ_MAX = 2_000;

/**
 * `class.subject.detail` (RFC 3463 section 2; subjects 0 to 7 are registered). What it is a part
 * of is looked at apart: an address (5.1.1.2), a version, a host name or a URL is no code. A reply
 * code may be joined to it ("550-5.1.1").
 */
const ENHANCED = /(?<![\w.@/+-]|[\w.]-)(?:[245]\d\d[- ])?([245]\.[0-7]\.\d{1,3})(?![\w@/]|[.-]\w)/g;

/** What stands before a version. */
const VERSIONED = /(?:\bv(?:er|ersion)?\.?|exim|postfix|sendmail|qmail|exchange|e?smtpd?)[ /(]+$/i;

/** `VERSIONED` and its spaces are within so many characters. */
const BEFORE_MAX = 24;

/** RFC 5321 section 4.2.1, whose second digit is 0 to 5; 7 is in use by some. */
const REPLY = /(?<![\w.@/#+-])([245][0-57]\d)(?=[\s:;,)\]"']|-(?!\d\d)|#|$)/g;

/** What says that a number counts something. */
const COUNTED =
  /^ ?(?:bytes?|octets|[kmg]b|ms|sec|min|hours|days|messages|mails|recipients|times)/i;

/** A reply begins the text, or follows "smtp;", "said:", ">", a quote or "error". */
const BEGINS = /(?:^|[;:>"'(]|\berror|\bcode|\breply|\bsaid|\bwith|\bresponse)\s*$/i;

/**
 * The enhanced status code (RFC 3463) in a text, null when there is none: the first one, since a
 * later one belongs to what is quoted.
 */
export function enhancedCodeOf(text: string): string | null {
  const read = text.slice(0, READ_MAX);
  for (const match of read.matchAll(ENHANCED)) {
    const before = read.slice(Math.max(0, match.index - BEFORE_MAX), match.index);
    if (!VERSIONED.test(before)) return match[1] ?? null;
  }
  return null;
}

/**
 * The SMTP reply code in a text, null when there is none: one where a reply begins, else the first
 * number that may be one.
 */
export function replyCodeOf(text: string): number | null {
  const read = text.slice(0, READ_MAX);
  let other: number | null = null;
  for (const match of read.matchAll(REPLY)) {
    const end = match.index + match[0].length;
    if (COUNTED.test(read.slice(end, end + BEFORE_MAX))) continue;
    const before = read.slice(Math.max(0, match.index - BEFORE_MAX), match.index);
    const code = Number(match[1]);
    if (BEGINS.test(before)) return code;
    other ??= code;
  }
  return other;
}
