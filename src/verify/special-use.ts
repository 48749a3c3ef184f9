/** Domains that DNS is never asked about. */
import { SPECIAL_USE_TLDS } from "../core/special-use.ts";

/**
 * Whether a domain (A-labels) is never asked about in DNS. The domains example.com, .net and .org
 * are ordinary in DNS, where they say themselves that they take no mail.
 */
export function isSpecialUse(domain: string): boolean {
  return SPECIAL_USE_TLDS.has(domain.slice(domain.lastIndexOf(".") + 1));
}
