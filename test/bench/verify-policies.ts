/**
 * Which mailboxes each corpus takes. All are written for the same grammar (RFC 5321) and differ in
 * the forms that their authors want; a policy says so for a whole corpus or for a group of it with
 * options, never for a row.
 */
import { parseMailbox } from "../../src/core/address.ts";
import { readAddress } from "../../src/verify/syntax.ts";

/** What is taken beside, or instead of, a mailbox of RFC 5321. */
export interface Policy {
  /** Domains without a dot: all, or the listed ones. */
  readonly dotless: boolean | readonly string[];
  readonly quoted: boolean;
  /** Controls other than NUL, CR and LF in quotes: obs-qtext and obs-qp of RFC 5322. */
  readonly controlsInQuotes: boolean;
  readonly literal: boolean;
  /** `[2001:db8::1]`, without the tag of RFC 5321 section 4.1.3. */
  readonly untaggedIpv6: boolean;
  /** `192.0.2.1`, without brackets. */
  readonly bareIpv4: boolean;
  /** Local parts beyond ASCII: none, those of the Basic Multilingual Plane, or any. */
  readonly utf8: "none" | "basic" | "any";
  /** Letters of the last label, at least. */
  readonly tldMin: number;
  readonly underscores: boolean;
  /** Whether the lengths of RFC 5321 section 4.5.3.1 hold. */
  readonly lengths: boolean;
  readonly displayName: "none" | "allowed" | "required";
}

const STRICT: Policy = {
  dotless: false,
  quoted: true,
  controlsInQuotes: false,
  literal: true,
  untaggedIpv6: false,
  bareIpv4: false,
  utf8: "any",
  tldMin: 1,
  underscores: false,
  lengths: true,
  displayName: "none",
};

/** JSON Schema's `email`: "Mailbox" of RFC 5321, which has no UTF-8 and may lack a dot. */
export const JSON_SCHEMA: Policy = { ...STRICT, dotless: true, utf8: "none" };

/** Django's `EmailValidator`; with UTF-8 in local parts for `validate_email_utf8`. */
export const DJANGO: Readonly<Record<string, Policy>> = Object.fromEntries(
  (["none", "basic"] as const).map((utf8): [string, Policy] => [
    utf8 === "none" ? "validate_email" : "validate_email_utf8",
    {
      ...STRICT,
      // `domain_allowlist` by default.
      dotless: ["localhost"],
      controlsInQuotes: true,
      untaggedIpv6: true,
      utf8,
      tldMin: 2,
    },
  ]),
);

/** Options of validator.js's `isEmail`. */
export type Options = Readonly<Record<string, unknown>>;

/** Options of validator.js that are about whose mailbox it is: no matter of syntax. */
const NOT_SYNTAX = [
  "domain_specific_validation",
  "blacklisted_chars",
  "host_blacklist",
  "host_whitelist",
];

/** The policy of a group of validator.js; null: it is about something else, or of another use. */
export function validatorPolicy(options: Options): Policy | null {
  if (NOT_SYNTAX.some((name) => name in options)) return null;
  const on = (name: string, byDefault: boolean) => (options[name] ?? byDefault) === true;
  const tld = on("require_tld", true);
  return {
    ...STRICT,
    dotless: !tld,
    tldMin: tld ? 2 : 1,
    literal: on("allow_ip_domain", false),
    bareIpv4: on("allow_ip_domain", false),
    utf8: on("allow_utf8_local_part", true) ? "basic" : "none",
    underscores: on("allow_underscores", false),
    lengths: !on("ignore_max_length", false),
    displayName: on("require_display_name", false)
      ? "required"
      : on("allow_display_name", false)
        ? "allowed"
        : "none",
  };
}

/** The address of a text that may have a display name; null: not in a form that is taken. */
function addressIn(text: string, { displayName }: Policy): string | null {
  const named = text.endsWith(">");
  if (!named) return displayName === "required" ? null : text;
  if (displayName === "none") return text;
  const mailbox = parseMailbox(text);
  // These corpora want a name before brackets, and nothing but the address in them.
  const name = mailbox.ok ? (mailbox.value.name ?? "").trim() : "";
  return name === "" ? null : text.slice(text.lastIndexOf("<") + 1, -1);
}

/** Writes what RFC 5321 has no room for as something alike that it has. */
function within(address: string, policy: Policy): string {
  const at = address.lastIndexOf("@");
  let local = address.slice(0, at);
  let domain = address.slice(at + 1);
  if (policy.controlsInQuotes && local.startsWith('"')) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    local = local.replace(/[\x01-\x08\x09\x0b\x0c\x0e-\x1f\x7f]/g, "x");
  }
  if (policy.untaggedIpv6 && /^\[[^\]]*:/.test(domain)) domain = `[IPv6:${domain.slice(1)}`;
  if (policy.bareIpv4 && /^\d+(?:\.\d+){3}$/.test(domain)) domain = `[${domain}]`;
  if (policy.underscores) domain = domain.replaceAll("_", "x");
  return at < 0 ? address : `${local}@${domain}`;
}

/** Whether Postern's reading of a text, by a corpus's policy, is a mailbox. */
export function takes(text: string, policy: Policy): boolean {
  const address = addressIn(text, policy);
  // White space around an address is trimmed for users; these corpora give texts as they are.
  if (address === null || address.trim() !== address) return false;
  const read = readAddress(within(address, policy));
  const domain = address.slice(address.lastIndexOf("@") + 1);
  if (!read.ok) {
    if (read.error === "syntax_domain_dotless") {
      const { dotless } = policy;
      return typeof dotless === "boolean" ? dotless : dotless.includes(domain);
    }
    return !policy.lengths && read.error.endsWith("_too_long");
  }
  const { quoted, literal, smtputf8, local, domain: name } = read.value;
  if (quoted && !policy.quoted) return false;
  if (literal !== null) return policy.literal;
  if (smtputf8 && policy.utf8 === "none") return false;
  if (policy.utf8 === "basic" && /[\u{10000}-\u{10ffff}]/u.test(local)) return false;
  return name.length - name.lastIndexOf(".") > policy.tldMin;
}
