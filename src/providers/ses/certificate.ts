/**
 * The few fields of an X.509 certificate (RFC 5280 section 4.1) that prove a signature: its key and
 * when it may be used. WebCrypto imports a bare key only, so the certificate is walked as DER
 * (X.690 section 8.1).
 */
import { bytesOfBase64 } from "../../core/base64.ts";

/** A certificate; times are Unix ms. */
export interface Certificate {
  /** SubjectPublicKeyInfo in DER, as WebCrypto imports it under "spki". */
  readonly spki: Uint8Array<ArrayBuffer>;
  readonly notBefore: number;
  readonly notAfter: number;
}

const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/;

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
/** `[0] EXPLICIT`: the version, which version 1 leaves out. */
const VERSION = 0xa0;

/** The first certificate of a PEM text (RFC 7468 section 5); null when it is none. */
export function readCertificate(pem: string): Certificate | null {
  const bytes = bytesOfBase64((PEM.exec(pem)?.[1] ?? "").replace(/\s+/g, ""));
  if (bytes === null) return null;
  const [certificate] = nodesIn(bytes, 0, bytes.length) ?? [];
  const [signed] = childrenOf(bytes, certificate);
  const fields = childrenOf(bytes, signed);
  const [serial, , , validity, , key] = fields[0]?.tag === VERSION ? fields.slice(1) : fields;
  if (serial?.tag !== INTEGER || key?.tag !== SEQUENCE) return null;
  const [notBefore, notAfter] = childrenOf(bytes, validity).map((node) => timeOf(bytes, node));
  if (notBefore === undefined || notAfter === undefined) return null;
  if (notBefore === null || notAfter === null) return null;
  return { spki: bytes.slice(key.start, key.end), notBefore, notAfter };
}

/** One element: from `start` with its tag, its content from `from`, up to `end`. */
interface Node {
  readonly tag: number;
  readonly start: number;
  readonly from: number;
  readonly end: number;
}

function childrenOf(bytes: Uint8Array, node: Node | undefined): Node[] {
  if (node?.tag !== SEQUENCE) return [];
  return nodesIn(bytes, node.from, node.end) ?? [];
}

/** The elements between two places; null when they do not fill them exactly. */
function nodesIn(bytes: Uint8Array, start: number, end: number): Node[] | null {
  const nodes: Node[] = [];
  for (let at = start; at < end; ) {
    const node = nodeAt(bytes, at);
    if (node === null || node.end > end) return null;
    nodes.push(node);
    at = node.end;
  }
  return nodes;
}

/** Length bytes that are read: a certificate is below 16 MB by far. */
const LENGTH_BYTES_MAX = 3;

function nodeAt(bytes: Uint8Array, start: number): Node | null {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined) return null;
  if (first < 0x80) return { tag, start, from: start + 2, end: start + 2 + first };
  const count = first & 0x7f;
  if (count === 0 || count > LENGTH_BYTES_MAX) return null;
  let length = 0;
  for (let index = 0; index < count; index++) {
    length = length * 256 + (bytes[start + 2 + index] ?? Number.NaN);
  }
  if (Number.isNaN(length)) return null;
  const from = start + 2 + count;
  return { tag, start, from, end: from + length };
}

const UTC = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const GENERALIZED = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/** Unix ms; RFC 5280 section 4.1.2.5: in UTC, with seconds, two digits of a year from 1950 on. */
function timeOf(bytes: Uint8Array, { tag, from, end }: Node): number | null {
  const text = String.fromCharCode(...bytes.subarray(from, end));
  const form = tag === UTC_TIME ? UTC : tag === GENERALIZED_TIME ? GENERALIZED : null;
  const parts = form?.exec(text)?.slice(1).map(Number);
  if (parts === undefined) return null;
  const [given = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = parts;
  const year = tag === GENERALIZED_TIME ? given : given + (given < 50 ? 2_000 : 1_900);
  return Date.UTC(year, month - 1, day, hours, minutes, seconds);
}
