/**
 * Internationalised domain names as mail takes them: RFC 6531 section 3.3 puts a U-label (RFC 5890)
 * where RFC 5321 has an LDH label. Lower case and NFC are the only mappings (steps 1 and 3 of RFC
 * 5895): fullwidth letters, symbols and emoji are no U-labels, though browsers map some of them.
 */
import { decodePunycode } from "../core/punycode.ts";

/**
 * The categories of RFC 5892 section 2.1, its exceptions and what depends on its neighbours. No
 * capital letter is left by then.
 */
const PERMITTED = new RegExp(
  String.raw`^(?:[\p{L}\p{Mn}\p{Mc}\p{Nd}\-]|` +
    String.raw`[\u00b7\u0375\u05f3\u05f4\u06fd\u06fe\u0f0b\u3007\u30fb]|\u200c|\u200d)+$`,
  "u",
);
/** Exceptions of RFC 5892 section 2.6. */
const EXCEPTED = /[\u0640\u07fa\u3031-\u3035\u303b]|\u302e|\u302f/u;
/** Old Hangul Jamo, section 2.9; marks for symbols and for music, section 2.4. */
const EXCLUDED = /[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]|[\u20d0-\u20ff]|[\u{1d100}-\u{1d24f}]/u;
/** Variation selectors and fillers; the joiners are left to the platform, which knows scripts. */
const IGNORABLE = /(?!\u200c|\u200d)\p{Default_Ignorable_Code_Point}/u;
const DOTS_OUT_OF_PLACE = /(?<!l)\u00b7|\u00b7(?!l)/u;
const CONTEXTUAL = /[\u00b7\u0375\u05f3\u05f4\u0660-\u0669\u06f0-\u06f9\u30fb]/u;
const ASCII_ONLY = /^[\0-\x7f]*$/;

/** RFC 5892 appendix A.3 to A.9. */
function inContext(label: string): boolean {
  if (DOTS_OUT_OF_PLACE.test(label)) return false;
  if (/\u0375(?!\p{Script=Greek})/u.test(label)) return false;
  if (/(?<!\p{Script=Hebrew})[\u05f3\u05f4]/u.test(label)) return false;
  if (/[\u0660-\u0669]/u.test(label) && /[\u06f0-\u06f9]/u.test(label)) return false;
  return (
    !label.includes("\u30fb") ||
    /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u.test(label)
  );
}

function isULabel(label: string): boolean {
  return (
    PERMITTED.test(label) &&
    !EXCEPTED.test(label) &&
    !EXCLUDED.test(label) &&
    !IGNORABLE.test(label) &&
    !label.startsWith("-") &&
    !label.endsWith("-") &&
    // RFC 5891 section 4.2.3.1: this is where "xn--" would stand.
    label.slice(2, 4) !== "--" &&
    // RFC 5892 section 2.2: what a compatibility mapping changes is no letter of its own.
    label.normalize("NFKC").toLowerCase() === label &&
    (!CONTEXTUAL.test(label) || inContext(label))
  );
}

/** The platform maps by UTS 46, and knows the rules of leading marks, joiners and directions. */
function platformAscii(domain: string): string | null {
  try {
    return new URL(`http://${domain}`).hostname;
  } catch {
    return null;
  }
}

/**
 * The A-labels of a domain that is lower-cased and in NFC and holds more than ASCII; null: one of
 * its labels is neither a U-label nor made of letters, digits and hyphens.
 */
export function aLabelsOf(domain: string): string | null {
  for (const label of domain.split(".")) {
    if (!(ASCII_ONLY.test(label) ? /^[a-z0-9-]+$/.test(label) : isULabel(label))) return null;
  }
  return platformAscii(domain);
}

/**
 * The domain for reading, from lower-cased A-labels; null: one of them decodes to nothing that
 * encodes to it. More than U-labels pass: symbols and emoji are registered in some zones, and what
 * is in DNS in A-labels takes mail.
 */
export function unicodeOf(domain: string): string | null {
  if (!domain.includes("xn--")) return domain;
  const labels = domain.split(".");
  for (const [at, label] of labels.entries()) {
    if (!label.startsWith("xn--")) continue;
    const decoded = decodePunycode(label.slice("xn--".length));
    if (decoded === null || ASCII_ONLY.test(decoded)) return null;
    labels[at] = decoded;
  }
  const unicode = labels.join(".");
  return platformAscii(unicode) === domain ? unicode : null;
}
