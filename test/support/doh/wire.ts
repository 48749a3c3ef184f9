/**
 * DNS messages put together octet by octet from RFC 1035 section 4.1, so that the client's reader
 * is tested against something that shares no code with it.
 */

export const TYPE = { A: 1, NS: 2, CNAME: 5, SOA: 6, MX: 15, TXT: 16, AAAA: 28 } as const;
export const RCODE = { noerror: 0, formerr: 1, servfail: 2, nxdomain: 3, notimp: 4, refused: 5 };
/** A pointer to the name of the question, which stands right behind the header. */
export const TO_QUESTION = [0xc0, 0x0c];

export const u16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
export const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];

/** A name label by label, uncompressed; "." is the root. */
export function wireName(name: string): number[] {
  const octets: number[] = [];
  for (const label of name === "." ? [] : name.split(".")) {
    octets.push(label.length, ...Buffer.from(label, "latin1"));
  }
  return [...octets, 0];
}

/** A record; its owner is octets, so that it may be a pointer. */
export const wireRecord = (
  owner: readonly number[],
  type: number,
  ttl: number,
  data: readonly number[],
): number[] => [...owner, ...u16(type), ...u16(1), ...u32(ttl), ...u16(data.length), ...data];

export const mxData = (preference: number, host: string): number[] => [
  ...u16(preference),
  ...wireName(host),
];

/** Strings of at most 255 octets each. */
export const txtData = (strings: readonly string[]): number[] =>
  strings.flatMap((one) => [one.length, ...Buffer.from(one, "latin1")]);

export const aData = (address: string): number[] => address.split(".").map(Number);

/** Hexadecimal groups, with one "::" at most. */
export function aaaaData(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const groups = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  const after = groups(tail ?? "");
  const gap = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...new Array<number>(gap).fill(0), ...after].flatMap(u16);
}

/** RFC 1035 section 3.3.13; only the last field matters to a resolver's client. */
export const soaData = (zone: string, minimum: number): number[] => [
  ...wireName(`ns.${zone}`),
  ...wireName(`hostmaster.${zone}`),
  ...[1, 7200, 900, 1_209_600, minimum].flatMap(u32),
];

export interface Parts {
  readonly rcode?: number;
  readonly id?: number;
  readonly flags?: number;
  readonly counts?: readonly [number, number, number, number];
  readonly question?: readonly number[];
  readonly answers?: readonly (readonly number[])[];
  readonly authorities?: readonly (readonly number[])[];
}

/** An answer: QR, RD and RA are set (0x8180), counts are of what is given unless they are given. */
export function wireMessage(parts: Parts): Buffer {
  const { answers = [], authorities = [], question = [] } = parts;
  const counts = parts.counts ?? [
    question.length > 0 ? 1 : 0,
    answers.length,
    authorities.length,
    0,
  ];
  return Buffer.from([
    ...u16(parts.id ?? 0),
    ...u16((parts.flags ?? 0x8180) | (parts.rcode ?? 0)),
    ...counts.flatMap(u16),
    ...question,
    ...answers.flat(),
    ...authorities.flat(),
  ]);
}

export interface Asked {
  /** Lower case, "" for the root. */
  readonly name: string;
  readonly type: number;
  /** The question's octets, as they came. */
  readonly question: number[];
}

/** The question of a query; null when the query is not one that a client should send. */
export function readQuery(message: Buffer): Asked | null {
  const oneQuestion = message.length > 12 && message.readUInt16BE(4) === 1;
  // Id 0 and only "recursion desired" set: RFC 8484 section 4.1.
  if (!oneQuestion || message.readUInt32BE(0) !== 0x0000_0100) return null;
  const labels: string[] = [];
  let at = 12;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63) return null;
    at += 1;
    if (length === 0) break;
    labels.push(message.toString("latin1", at, at + length));
    at += length;
  }
  if (message.length !== at + 4 || message.readUInt16BE(at + 2) !== 1) return null;
  const question = [...message.subarray(12, at + 4)];
  return { name: labels.join(".").toLowerCase(), type: message.readUInt16BE(at), question };
}
