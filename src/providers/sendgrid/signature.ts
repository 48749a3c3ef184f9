/**
 * The proof of SendGrid's events: ECDSA on P-256 with SHA-256 over the timestamp's header and the
 * body, as one text (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/
 * getting-started-event-webhook-security-features). The keys are public.
 */
import { err, ok, type Result } from "../../core/result.ts";
import type { HookDeps, HookKeys, HookRefusal, HookRequest } from "../hooks.ts";

/** Headers that carry the proof. */
export const SIGNATURE_HEADER = "x-twilio-email-event-webhook-signature";
export const TIMESTAMP_HEADER = "x-twilio-email-event-webhook-timestamp";

/**
 * SendGrid posts again for 24 hours, and nowhere says that it signs anew when it does: the window
 * holds the last of these, and an hour more. What is replayed within it changes nothing, since
 * the same events merge into what they were.
 */
export const WINDOW_MS = 25 * 3_600_000;
/** Clocks that are set by NTP differ by less. */
const AHEAD_MS = 10 * 60_000;

/** Bytes of one half of a signature on P-256. */
const HALF = 32;

const refuse = (reason: HookRefusal["reason"], text: string): Result<never, HookRefusal> =>
  err({ reason, text });

/** Whether one of the keys signed the request, and lately. */
export async function prove(
  { headers, body }: HookRequest,
  { signing }: HookKeys,
  { now }: HookDeps,
): Promise<Result<null, HookRefusal>> {
  const given = headers.get(SIGNATURE_HEADER);
  const timestamp = headers.get(TIMESTAMP_HEADER);
  if (!given || !timestamp) return refuse("missing_proof", "no signature or no timestamp");
  const keys = (await Promise.all(signing.map(importKey))).filter((key) => key !== null);
  if (keys.length === 0) return refuse("not_configured", "no signing key is SendGrid's public key");
  const signature = halvesOf(given);
  if (signature === null) return refuse("bad_proof", "the signature is not one of ECDSA on P-256");
  const signed = joined(new TextEncoder().encode(timestamp), body);
  const verified = await Promise.all(keys.map((key) => isBy(key, signature, signed)));
  if (!verified.includes(true)) return refuse("bad_proof", "no key of this source signed it");
  const ageMs = now() - timeOf(timestamp);
  return ageMs > WINDOW_MS || ageMs < -AHEAD_MS
    ? refuse("stale", "it was signed too long ago, or in the future")
    : ok(null);
}

/** Unix ms. What is not in seconds is held by the signature all the same, and has no age (NaN). */
const timeOf = (timestamp: string): number =>
  /^\d+$/.test(timestamp) ? Number(timestamp) * 1000 : Number.NaN;

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

const isBy = (
  key: CryptoKey,
  signature: Uint8Array<ArrayBuffer>,
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> => crypto.subtle.verify(ECDSA, key, signature, signed);

/** SubjectPublicKeyInfo in base64, as SendGrid shows it or as a PEM file; null when it is none. */
async function importKey(text: string): Promise<CryptoKey | null> {
  // A line break in a secret may have become a backslash and an n.
  const der = bytesOf(text.replace(/-----[A-Z ]+-----|\\n|\s/g, ""));
  if (der === null) return null;
  try {
    return await crypto.subtle.importKey("spki", der, ECDSA, false, ["verify"]);
  } catch {
    return null;
  }
}

/** Null when it is not base64. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

/**
 * r and s side by side, 32 bytes each, as Web Crypto wants them, from base64 of the DER that
 * signatures travel in: SEQUENCE { INTEGER r, INTEGER s } (RFC 3279 section 2.2.3). Null when it is
 * anything else.
 */
export function halvesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  const der = bytesOf(base64);
  if (der === null || der[0] !== 0x30 || der[1] !== der.length - 2) return null;
  const r = integerAt(der, 2);
  const s = r === null ? null : integerAt(der, r.end);
  if (r === null || s === null || s.end !== der.length) return null;
  const halves = new Uint8Array(2 * HALF);
  halves.set(r.value, HALF - r.value.length);
  halves.set(s.value, 2 * HALF - s.value.length);
  return halves;
}

/** A positive INTEGER of at most 32 bytes, without the zeros before it. */
function integerAt(der: Uint8Array, at: number): { value: Uint8Array; end: number } | null {
  const length = der[at + 1] ?? 0;
  const start = at + 2;
  const end = start + length;
  if (der[at] !== 0x02 || length === 0 || end > der.length) return null;
  // The highest bit is the sign: a number that has it set begins with a zero byte.
  if ((der[start] ?? 0) >= 0x80) return null;
  const bytes = der.subarray(start, end);
  const first = bytes.findIndex((byte) => byte !== 0);
  const value = first < 0 ? bytes.subarray(0, 0) : bytes.subarray(first);
  return value.length > HALF ? null : { value, end };
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(head.length + tail.length);
  all.set(head);
  all.set(tail, head.length);
  return all;
}
