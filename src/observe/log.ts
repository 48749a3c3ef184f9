/** One line of JSON per event. Fields are names, counts and reasons: no address, key or content. */

/** Every spelling of the sign that makes a mailbox of two words. */
const AT = "(?:@|%40|\\uff20|&#64;)";

/**
 * Errors may quote what they were given: a mailbox with a quoted local part, or any word with an
 * at.
 */
const QUOTED_MAILBOX = new RegExp(`"(?:[^"\\\\]|\\\\.)*"\\s*${AT}\\S*`, "g");
const MAILBOX = new RegExp(`\\S*${AT}\\S*`, "g");
const BEARER = /\bbearer\s+\S+/gi;
const API_KEY = /\b(?:post_(?:test|live)|re)_\w*/gi;

/** Characters read and kept of one field. */
const READ_MAX = 4_000;
const FIELD_MAX = 500;

/** `event` and its fields as one line. */
export function logLine(event: string, fields: Readonly<Record<string, string | number>>): string {
  const clean = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === "number" ? value : redact(value),
  ]);
  return JSON.stringify({ event, ...Object.fromEntries(clean) });
}

function redact(text: string): string {
  // A word cut in two could be half of a mailbox.
  const read = text.length > READ_MAX ? text.slice(0, READ_MAX).replace(/\S*$/, "") : text;
  return read
    .replace(QUOTED_MAILBOX, "[address]")
    .replace(MAILBOX, "[address]")
    .replace(BEARER, "[key]")
    .replace(API_KEY, "[key]")
    .slice(0, FIELD_MAX);
}
