/**
 * Messages written octet by octet from RFC 1035, so that neither the client's writer nor its reader
 * is tested only against itself.
 */

/** Octets from hexadecimal, spaces and comments after "//" aside. */
export function octets(text: string): Uint8Array {
  const hex = text.replace(/\/\/.*$/gm, "").replace(/\s+/g, "");
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** RFC 8484 section 4.1.1: the query for the A records of www.example.com. */
export const QUERY_A = octets(`
  0000 0100 0001 0000 0000 0000
  03 777777 07 6578616d706c65 03 636f6d 00 0001 0001`);

/** RFC 8484 section 4.2.2: the AAAA record of www.example.com, TTL 3709. */
export const ANSWER_AAAA = octets(`
  0000 8180 0001 0001 0000 0000
  03 777777 07 6578616d706c65 03 636f6d 00 001c 0001
  c00c 001c 0001 00000e7d 0010 20010db8abcd00120001000200030004`);

export const QUERY_MX = octets(`
  0000 0100 0001 0000 0000 0000
  07 6578616d706c65 03 636f6d 00 000f 0001`);

/** Two MX records whose hosts are compressed against the question's name; an OPT record after. */
export const ANSWER_MX = octets(`
  0000 8180 0001 0002 0000 0001
  07 6578616d706c65 03 636f6d 00 000f 0001       // at 12; "com" at 20
  c00c 000f 0001 00000258 0008 000a 03 6d7831 c00c   // 600 s, 10 mx1.example.com
  c00c 000f 0001 0000012c 000b 0005 04 4d583232 01 62 c014   // 300 s, 5 MX22.b.com
  00 0029 1000 00000000 0000`);

/** RFC 7505: preference 0, the root. */
export const ANSWER_NULL_MX = octets(`
  0000 8180 0001 0001 0000 0000
  07 6578616d706c65 03 636f6d 00 000f 0001
  c00c 000f 0001 00000e10 0003 0000 00`);

/** example.com is an alias of a.net (120 s), that of b.net (60 s), which has an MX (900 s). */
export const ANSWER_CHAIN = octets(`
  0000 8180 0001 0003 0000 0000
  07 6578616d706c65 03 636f6d 00 000f 0001
  c00c 0005 0001 00000078 0007 01 61 03 6e6574 00    // at 29; a.net at 41, "net" at 43
  0162 c02b 000f 0001 00000384 0006 0001 01 6d c02b  // the MX of b.net, before what leads to it
  c029 0005 0001 0000003c 0004 01 62 c02b`);

/** One record of two strings, one of one, one of none. */
export const ANSWER_TXT = octets(`
  0000 8180 0001 0003 0000 0000
  07 6578616d706c65 03 636f6d 00 0010 0001
  c00c 0010 0001 0000003c 000d 07 763d7370663120 04 2d616c6c
  c00c 0010 0001 0000003c 0004 03 f08041
  c00c 0010 0001 0000003c 0001 00`);

/** Does not exist: SOA of "com", TTL 900, last field 86400. */
export const ANSWER_NXDOMAIN = octets(`
  0000 8183 0001 0000 0001 0000
  07 6578616d706c65 03 636f6d 00 000f 0001
  c014 0006 0001 00000384 001e
    01 61 c014 03 6e6f63 c014
    00000001 00000708 00000384 00093a80 00015180`);
