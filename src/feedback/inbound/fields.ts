/**
 * Groups of fields as header fields are written (RFC 5322 section 2.2): the bodies of delivery
 * status notifications, of feedback reports, and the headers of mail.
 */

/** One group: the values of each name, which is in lower case. */
export type Fields = ReadonlyMap<string, readonly string[]>;

/** Characters read of a report's part; a group has 500. */
const TEXT_MAX = 262_144;
/** A message leaves with 50 recipients at most; the first group is about the message. */
const GROUPS_MAX = 51;
/** Fields of a group; the header of mail that has come a long way has 100. */
const FIELDS_MAX = 300;
/** Characters of a value: diagnostics of several lines have 1,000. */
const VALUE_MAX = 4_000;

const FIELD = /^([!-9;-~]{1,128})[ \t]*:(.*)$/s;

/** The groups in a text, parted by empty lines; values are unfolded. Never throws. */
export function groupsOf(text: string): Fields[] {
  const groups: Map<string, string[]>[] = [];
  let group: Map<string, string[]> | null = null;
  let values: string[] = [];
  let fields = 0;
  for (const line of text.slice(0, TEXT_MAX).split(/\r\n|\n|\r/)) {
    if (line.trim() === "") {
      group = null;
    } else if (/^[ \t]/.test(line)) {
      // A fold before any field belongs to nothing.
      const last = group === null ? undefined : values.pop();
      if (last !== undefined) values.push(`${last} ${line.trim()}`.slice(0, VALUE_MAX));
    } else {
      const [, name = "", value = ""] = FIELD.exec(line) ?? [];
      values = [];
      if (name === "" || fields >= FIELDS_MAX) continue;
      if (group === null) {
        if (groups.length === GROUPS_MAX) break;
        group = new Map();
        fields = 0;
        groups.push(group);
      }
      fields += 1;
      values = group.get(name.toLowerCase()) ?? [];
      group.set(name.toLowerCase(), values);
      values.push(value.trim().slice(0, VALUE_MAX));
    }
  }
  return groups;
}

/** The first value of a field, "" when there is none. */
export const firstOf = (fields: Fields, name: string): string => fields.get(name)?.[0] ?? "";

/** A group as it is kept with an event. */
export const rawOf = (fields: Fields): Record<string, string> =>
  Object.fromEntries([...fields].map(([name, values]) => [name, values.join("\n")]));

/** The moment that a date of RFC 5322 names, Unix ms; 0 when it names none. */
export function momentOf(date: string): number {
  const at = Date.parse(date.replace(/\([^()]*\)/g, " ").trim());
  return Number.isNaN(at) ? 0 : at;
}

/** `\x{2460}` of a utf-8 address that had to be written in ASCII (RFC 6533 section 3). */
const EMBEDDED = /\\x\{([0-9a-f]{1,6})\}/gi;
const CODE_POINT_MAX = 0x10ffff;

/**
 * The mailbox in a typed address (`rfc822; jane@customer.example`, RFC 3464 section 2.1.2), or in
 * one without a type; "" when there is none.
 */
export function mailboxOf(value: string): string {
  const typed = /^\s*[a-z0-9-]+\s*;(.*)$/is.exec(value)?.[1] ?? value;
  const inner = /<([^<>]*)>/.exec(typed)?.[1] ?? typed.trim();
  const address = inner.trim().replace(EMBEDDED, (text: string, hex: string) => {
    const point = Number.parseInt(hex, 16);
    return point > CODE_POINT_MAX ? text : String.fromCodePoint(point);
  });
  return address.includes("@") ? address : "";
}
