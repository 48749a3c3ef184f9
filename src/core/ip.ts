/**
 * IP addresses in text form, and which of them the public internet can reach: the registries of
 * special-purpose addresses (RFC 6890; iana.org/assignments/iana-ipv4-special-registry and
 * iana-ipv6-special-registry), read for a mail server that is to be connected to.
 */

const V4_BYTES = 4;
const V6_BYTES = 16;

/** No decimal has leading zeros: some readers take those for octal (RFC 6943 section 3.1.1). */
const DECIMAL = /^(?:0|[1-9]\d{0,2})$/;
const GROUP = /^[\da-f]{1,4}$/i;

/**
 * The octets of an address in text form: 4 for dotted decimals (RFC 1123 section 2.1), 16 for IPv6
 * (RFC 4291 section 2.2, without zone). Null: it is none.
 */
export function parseIp(text: string): Uint8Array | null {
  return text.includes(":") ? parseV6(text) : parseV4(text);
}

/**
 * Whether an address in text form can be reached from the public internet; false for private,
 * reserved, documentation and multicast ranges, and for what is no address.
 */
export function isGloballyRoutable(text: string): boolean {
  const octets = parseIp(text);
  if (octets === null) return false;
  return octets.length === V4_BYTES ? isGlobalV4(octets) : isGlobalV6(octets);
}

function parseV4(text: string): Uint8Array | null {
  const parts = text.split(".");
  if (parts.length !== V4_BYTES) return null;
  const octets = new Uint8Array(V4_BYTES);
  for (const [at, part] of parts.entries()) {
    if (!DECIMAL.test(part) || Number(part) > 255) return null;
    octets[at] = Number(part);
  }
  return octets;
}

function parseV6(text: string): Uint8Array | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  // Dotted decimals stand only at the very end.
  const head = groupsOf(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? "", true) : [];
  if (head === null || tail === null) return null;
  const missing = V6_BYTES - head.length - tail.length;
  // "::" stands for one group at least.
  if (halves.length === 1 ? missing !== 0 : missing < 2) return null;
  const octets = new Uint8Array(V6_BYTES);
  octets.set(head);
  octets.set(tail, V6_BYTES - tail.length);
  return octets;
}

/** The octets of groups parted by colons; the last may be an IPv4 address. */
function groupsOf(text: string, mayEndInV4: boolean): number[] | null {
  if (text === "") return [];
  const octets: number[] = [];
  const groups = text.split(":");
  for (const [at, group] of groups.entries()) {
    if (GROUP.test(group)) {
      const value = Number.parseInt(group, 16);
      octets.push(value >> 8, value & 0xff);
      continue;
    }
    const v4 = mayEndInV4 && at === groups.length - 1 ? parseV4(group) : null;
    if (v4 === null) return null;
    octets.push(...v4);
  }
  return octets.length > V6_BYTES ? null : octets;
}

interface Range {
  readonly prefix: Uint8Array;
  readonly bits: number;
}

/** Reads `address/bits`. */
function range(text: string): Range {
  const [address = "", bits = ""] = text.split("/");
  const prefix = parseIp(address);
  if (prefix === null) throw new Error(`not a range: ${text}`);
  return { prefix, bits: Number(bits) };
}

function isWithin(octets: Uint8Array, { prefix, bits }: Range): boolean {
  const whole = bits >> 3;
  for (let at = 0; at < whole; at++) if (octets[at] !== prefix[at]) return false;
  const rest = bits & 7;
  if (rest === 0) return true;
  return (((octets[whole] ?? 0) ^ (prefix[whole] ?? 0)) & (0xff00 >> rest) & 0xff) === 0;
}

const NOT_GLOBAL_V4: readonly Range[] = [
  // "This network" (RFC 791).
  "0.0.0.0/8",
  // Private use (RFC 1918).
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  // Between a provider and its customers (RFC 6598).
  "100.64.0.0/10",
  // Loopback (RFC 1122) and link-local (RFC 3927).
  "127.0.0.0/8",
  "169.254.0.0/16",
  // Protocol assignments (RFC 6890): two addresses of it are anycast, none is a mail server.
  "192.0.0.0/24",
  // Documentation (RFC 5737).
  "192.0.2.0/24",
  "198.51.100.0/24",
  "203.0.113.0/24",
  // 6to4 relays, withdrawn (RFC 7526).
  "192.88.99.0/24",
  // Benchmarks (RFC 2544).
  "198.18.0.0/15",
  // Multicast (RFC 5771), reserved (RFC 1112), broadcast (RFC 919).
  "224.0.0.0/4",
  "240.0.0.0/4",
].map(range);

/** All that is assigned for global unicast (RFC 4291 section 2.4, IANA's IPv6 address space). */
const UNICAST_V6 = range("2000::/3");

const NOT_GLOBAL_V6: readonly Range[] = [
  // Protocol assignments (RFC 2928) with Teredo, ORCHID, benchmarks: none is a mail server.
  "2001::/23",
  // Documentation (RFC 3849, RFC 9637).
  "2001:db8::/32",
  "3fff::/20",
].map(range);

/** 6to4 (RFC 3056): the IPv4 address stands in octets 2 to 5. */
const SIX_TO_FOUR = range("2002::/16");
/** Translation with the well-known prefix (RFC 6052): it stands in the last four octets. */
const NAT64 = range("64:ff9b::/96");

function isGlobalV4(octets: Uint8Array): boolean {
  return !NOT_GLOBAL_V4.some((one) => isWithin(octets, one));
}

function isGlobalV6(octets: Uint8Array): boolean {
  if (isWithin(octets, SIX_TO_FOUR)) return isGlobalV4(octets.subarray(2, 6));
  if (isWithin(octets, NAT64)) return isGlobalV4(octets.subarray(12));
  return isWithin(octets, UNICAST_V6) && !NOT_GLOBAL_V6.some((one) => isWithin(octets, one));
}
