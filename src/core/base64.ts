/** Base64 that somebody else wrote. */

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * The bytes of a base64 text (RFC 4648 section 4; padding may be missing); null when it is none, or
 * empty. Line breaks are not taken.
 */
export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (!BASE64.test(text)) return null;
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}
