/** Names that are not the Internet's: https://www.iana.org/assignments/special-use-domain-names */

/**
 * Top-level names under which no mail is carried: RFC 6761 (test, example, invalid, localhost),
 * RFC 6762 (local), RFC 7686 (onion), RFC 9476 (alt), RFC 3172 (arpa: infrastructure), and
 * internal, which ICANN has set aside for private networks (resolution 2024.07.29.06).
 */
const SPECIAL_TLDS: ReadonlySet<string> = new Set([
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

/**
 * Whether a domain (A-labels) is never asked about in DNS. The domains example.com, .net and .org
 * are ordinary in DNS, where they say themselves that they take no mail.
 */
export function isSpecialUse(domain: string): boolean {
  return SPECIAL_TLDS.has(domain.slice(domain.lastIndexOf(".") + 1));
}
