/**
 * Which links of a message are followed by way of a click link, and where to. What may not mean an
 * address on the web, or not yet, is left as it is.
 */
import { isOwnLink, TARGET_MAX } from "./links.ts";

/** Marks of templates that are filled in after us, by a provider or a reader. */
const TEMPLATE = /\{\{|\{%|<%|\*\||%%|\[\[/;

/** The references that are common in an attribute; any other leaves the link as it is. */
const NAMED: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

/** A numeric reference without its semicolon, which is one too, or one that is none. */
const UNENDED = /&#(?!\d{1,7};|x[0-9a-f]{1,6};)/i;

/** The last code point. */
const CODE_POINT_MAX = 0x10ffff;

/**
 * The target of an `href` attribute as it stands in the HTML, in ASCII; null when it is to stay: no
 * http or https URL, part of a template, a link of ours already, too long, or hard to read.
 *
 * @param base the origin of our own links
 */
export function targetOf(href: string, base: string): string | null {
  // The same as in the URL parser (WHATWG URL section 4.4).
  const text = decoded(href)?.trim() ?? "";
  if (!/^https?:\/\//i.test(text) || TEMPLATE.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text).href;
  return url.length > TARGET_MAX || isOwnLink(base, url) ? null : url;
}

/**
 * An attribute's value without its character references (HTML section 13.2.5.72 onwards), null when
 * it has one that takes the whole table of names to read.
 */
function decoded(value: string): string | null {
  let unread = false;
  const text = value.replace(
    /&(?:#(\d{1,7});|#x([0-9a-f]{1,6});|([a-z][a-z0-9]*)(;|=|(?=[^a-z0-9;=]|$)))/gi,
    (whole, decimal?: string, hex?: string, name?: string, end?: string) => {
      if (name !== undefined) {
        // In an attribute `&name=` is no reference, and stands in many a query.
        if (end === "=") return whole;
        const known = NAMED.get(name);
        unread ||= known === undefined || end !== ";";
        return known ?? whole;
      }
      const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
      unread ||= code < 0x20 || (code > 0x7e && code < 0xa0) || code > CODE_POINT_MAX;
      return unread ? whole : String.fromCodePoint(code);
    },
  );
  return unread || UNENDED.test(value) ? null : text;
}
