/**
 * Keyed tags under the one secret of an installation. Every use has a label of its own, so that a
 * tag made for one purpose never passes for another.
 */

/** Makes keyed tags. Holds the imported key, so it is made once per isolate. */
export interface Signer {
  /**
   * HMAC-SHA-256 (RFC 2104, 32 bytes) over label, 0x00, data. `label` is a constant of the caller
   * without 0x00; a text is taken as UTF-8.
   */
  tag(label: string, data: Uint8Array | string): Promise<Uint8Array>;
}

const encoder = new TextEncoder();

/** Imports `secret` (UTF-8). Throws on an empty one: an HMAC without a key proves nothing. */
export async function createSigner(secret: string): Promise<Signer> {
  if (secret === "") throw new Error("the signing secret is empty");
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const raw = encoder.encode(secret);
  const key = await crypto.subtle.importKey("raw", raw, algorithm, false, ["sign"]);
  return {
    async tag(label, data) {
      return new Uint8Array(await crypto.subtle.sign("HMAC", key, separated(label, data)));
    },
  };
}

/** Joins label and data with a 0x00 that no label can hold: no two pairs give the same bytes. */
function separated(label: string, data: Uint8Array | string): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(label);
  if (head.includes(0)) throw new Error("a label must not contain 0x00");
  const tail = typeof data === "string" ? encoder.encode(data) : data;
  const joined = new Uint8Array(head.length + 1 + tail.length);
  joined.set(head);
  joined.set(tail, head.length + 1);
  return joined;
}

/** SHA-256 as 64 lower-case hex digits; a text is taken as UTF-8. */
export async function sha256Hex(data: string | Uint8Array): Promise<string> {
  const bytes = typeof data === "string" ? encoder.encode(data) : Uint8Array.from(data);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  let text = "";
  for (const byte of digest) text += byte.toString(16).padStart(2, "0");
  return text;
}

/**
 * Whether two texts are equal, in a time that depends on their lengths and not on where they
 * differ. Texts of unequal length are never equal; the lengths themselves are not hidden.
 */
export function constantTimeEqual(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  const length = Math.max(a.length, b.length);
  // Past the end charCodeAt gives NaN, which `|` turns into 0 without a branch of ours.
  for (let i = 0; i < length; i++) difference |= (a.charCodeAt(i) | 0) ^ (b.charCodeAt(i) | 0);
  return difference === 0;
}
