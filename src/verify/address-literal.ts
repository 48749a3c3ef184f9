/** Address literals: RFC 5321 section 4.1.3. */

/** An address in brackets: the address itself, without its tag, in lower case; decimals plain. */
export interface Literal {
  readonly family: 4 | 6;
  readonly address: string;
}

const IPV6_TAG = "ipv6:";
/** Groups of an IPv6 address; an IPv4 address at its end stands for two. */
const GROUPS = 8;
/** "::" stands for at least two groups in the mail grammar, other than in RFC 4291. */
const COMPRESSED_MIN = 2;

const SNUM = /^\d{1,3}$/;
const HEX_GROUP = /^[0-9a-f]{1,4}$/;

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => SNUM.test(part) && Number(part) <= 255);
}

/** How many groups a run without "::" holds, -1: it is none. `last`: it may end in IPv4. */
function groupsOf(run: string, last: boolean): number {
  if (run === "") return 0;
  const parts = run.split(":");
  const tail = parts.at(-1) ?? "";
  const embeds = last && tail.includes(".");
  if (embeds && !isIpv4(tail)) return -1;
  const plain = embeds ? parts.slice(0, -1) : parts;
  if (!plain.every((part) => HEX_GROUP.test(part))) return -1;
  return plain.length + (embeds ? 2 : 0);
}

function isIpv6(text: string): boolean {
  const parts = text.split("::");
  const [head = "", tail] = parts;
  if (tail === undefined) return groupsOf(head, true) === GROUPS;
  const before = groupsOf(head, false);
  const after = groupsOf(tail, true);
  return (
    parts.length === 2 && before >= 0 && after >= 0 && before + after <= GROUPS - COMPRESSED_MIN
  );
}

/**
 * Reads `[192.0.2.1]` or `[IPv6:2001:db8::1]`, brackets included. Null: it is none. "IPv6" is the
 * only tag that IANA has registered, so a literal of another tag is none either.
 */
export function readLiteral(text: string): Literal | null {
  if (!text.startsWith("[") || !text.endsWith("]")) return null;
  const content = text.slice(1, -1).toLowerCase();
  if (!content.startsWith(IPV6_TAG)) {
    return isIpv4(content) ? { family: 4, address: plainDecimals(content) } : null;
  }
  const address = content.slice(IPV6_TAG.length);
  return isIpv6(address) ? { family: 6, address: plainDecimals(address) } : null;
}

/** An Snum is decimal with leading zeros too, which other readers take for octal. */
function plainDecimals(address: string): string {
  if (!address.includes(".")) return address;
  const from = address.lastIndexOf(":") + 1;
  return address.slice(0, from) + address.slice(from).split(".").map(Number).join(".");
}

/** A literal as it is written in a mailbox. */
export function formatLiteral({ family, address }: Literal): string {
  return family === 4 ? `[${address}]` : `[IPv6:${address}]`;
}
