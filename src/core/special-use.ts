/** Names that are not the Internet's: https://www.iana.org/assignments/special-use-domain-names */

/**
 * Top-level names that are never on the public internet: RFC 6761 (test, example, invalid,
 * localhost), RFC 6762 (local), RFC 7686 (onion), RFC 9476 (alt), RFC 3172 (arpa: infrastructure,
 * which has home.arpa of RFC 8375, no web sites and no mail), and internal, which ICANN has set
 * aside for private networks (resolution 2024.07.29.06).
 */
export const SPECIAL_USE_TLDS: ReadonlySet<string> = new Set([
  "alt",
  "arpa",
  "example",
  "internal",
  "invalid",
  "local",
  "localhost",
  "onion",
  "test",
]);
