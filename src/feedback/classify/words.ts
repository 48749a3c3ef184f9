/**
 * A diagnostic as plain words: what could mislead (addresses, URLs, host names, codes) is replaced
 * by a sign or left out, and case, accents, punctuation and line folds no longer count.
 */

/**
 * Characters that are read. Four times the longest line of SMTP (RFC 5321 section 4.5.3.1.5) and
 * more than any operator writes; it also bounds the work.
 */
export const READ_MAX = 2_048;

/** An address in angle brackets or bare; a local part may be quoted (RFC 5321 section 4.1.2). */
const QUOTED_LOCAL = /"[^"\n]{1,64}"@/g;
const ANGLE = /<[^<>@\n]{0,64}@[^<>\s]{1,255}>/g;

/** Where tokens end: an address, a URL or a host name holds none of these. */
const TOKEN = /[^\s<>()[\]{}",;|]+/g;

const URL = /(?:https?|ftp|mailto):|^www\./i;

/** Separates what is glued to the token that follows: "to=bob@...", "smtp;550", "gsmtp-bob@...". */
const SIGNED_ADDRESS = /^[^@=]*=(?=[^@]*@)/;

/** Labels joined by dots, or an IP address. */
const HOST = /^(?:[\w-]+\.)+[\w-]*[a-z0-9]$|^[\da-f]*:[\da-f:]*:[\da-f:.]*$/i;

/** Dots of Exchange's own words, "RESOLVER.ADR.RecipNotFound", and of a sentence's end. */
const EXCHANGE = /^(?:resolver|storedrv|smtpsend|queue|transport|routing|mapi|dsn|agent)\b/i;
const SENTENCES = /^[a-z]+\.[A-Z][a-z]+$/;

/** A status code, alone or joined to a reply code: it is read elsewhere. */
const CODE = /^#?(?:[245]\d\d-?)?(?:[245]\.\d{1,3}\.\d{1,3}[.:-]*)?$/;

/** Operators of lists whose host name in a refusal says what the refusal is about. */
const LISTERS = new RegExp(
  `(?:${[
    "spamhaus|spamcop|sorbs|barracudacentral|barracudanetworks|uceprotect|invaluement|surbl|uribl",
    "abuseat|mailspike|cloudmark|senderbase|spamrats|dnsbl|rbl|dnswl|abusix|0spam",
  ].join("|")})\\b`,
  "i",
);

/**
 * The words of a diagnostic, each between spaces: `@` stands for an address, `~` for a host or a
 * URL, `§` for one of a blocklist's operator, `¤` for the dots after sendmail's addresses.
 */
export function wordsOf(text: string): string {
  const read = text.slice(0, READ_MAX);
  const masked = read
    .replace(QUOTED_LOCAL, "x@")
    .replace(ANGLE, " @ ")
    .replace(/\.{3,}/g, " ¤ ")
    .replace(TOKEN, wordOf);
  const plain = masked
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}@~¤§.]+/gu, " ")
    .replace(/\.+/g, " . ")
    .replace(/ +/g, " ")
    .trim();
  return ` ${plain} `;
}

function wordOf(token: string): string {
  const bare = token.replace(/^['`*#:=.-]{1,8}|['`*!?:.=]{1,8}$/g, "");
  if (URL.test(bare)) return LISTERS.test(bare) ? " § " : " ~ ";
  if (bare.includes("@")) return addressOf(bare);
  if (CODE.test(token)) return " ";
  if (EXCHANGE.test(bare)) return bare.replaceAll(".", " ");
  if (SENTENCES.test(bare)) return bare.replace(".", " . ");
  const host = bare.split(/[/:=]/, 1)[0] ?? "";
  if (!host.includes(".") || !HOST.test(host)) return HOST.test(bare) ? " ~ " : token;
  return LISTERS.test(host) ? " § " : " ~ ";
}

/** What is behind the address counts: Barracuda writes "bob@example.com:blocked". */
function addressOf(token: string): string {
  const [, after = ""] = /@[^:]{0,255}:(.*)$/s.exec(token.replace(SIGNED_ADDRESS, "")) ?? [];
  return ` @ ${after.includes("@") ? "" : after} `;
}
