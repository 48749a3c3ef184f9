/** What several emulators check alike: JSON, base64, names and values of headers, media types. */

/** A JSON object's members. */
export type Fields = Record<string, unknown>;

/** Whether it is an object whose members can be read. */
export const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value of a JSON text; undefined when it is none. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The words of all lines, which single spaces part. */
export const wordsOf = (...lines: readonly string[]): ReadonlySet<string> =>
  new Set(lines.flatMap((line) => line.split(" ")));

/**
 * Base64 with its padding and without line breaks (RFC 4648 section 4); "" is that of no bytes. It
 * is searched for what does not belong: a pattern that repeats groups overflows the stack at some
 * megabytes.
 */
export function isBase64(value: unknown): value is string {
  if (typeof value !== "string" || value.length % 4 !== 0) return false;
  const padding = /={0,2}$/.exec(value.slice(-2))?.[0].length ?? 0;
  return !/[^A-Za-z0-9+/]/.test(value.slice(0, value.length - padding));
}

/** A name of the characters that RFC 9110 section 5.6.2 allows, fewer than RFC 5322 does. */
export const isHeaderName = (name: string): boolean => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name);

/** A text on one line. */
export const isLine = (value: unknown): value is string =>
  typeof value === "string" && !/[\r\n]/.test(value);

/** Whether a Content-Type or Accept field names JSON. */
export const isJsonType = (value: unknown): boolean => /^application\/json\b/.test(String(value));
