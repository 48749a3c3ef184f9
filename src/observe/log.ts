/** One line of JSON per event. Fields are names, counts and reasons: no address, key or content. */

/**
 * Anything that looks like a mailbox is taken out of a reason: errors may quote what they were
 * given.
 */
const ADDRESS = /[^\s"'<>(),;:]+@[^\s"'<>(),;:]+/g;
const API_KEY = /\b(post_(?:test|live)|re|Bearer)[_ ][A-Za-z0-9_]+/g;

/** Characters kept of one field. */
const FIELD_MAX = 500;

/** `event` and its fields as one line. */
export function logLine(event: string, fields: Readonly<Record<string, string | number>>): string {
  const clean = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === "number"
      ? value
      : value.slice(0, FIELD_MAX).replace(ADDRESS, "[address]").replace(API_KEY, "[key]"),
  ]);
  return JSON.stringify({ event, ...Object.fromEntries(clean) });
}
