/** What two answers about one domain say together. */
import type { DomainFacts } from "../core/domain-facts.ts";

/** Whether the policy, SPF and DMARC, is known; a name that does not exist has none (RFC 8020). */
export function hasPolicy({ status, spf, dmarc }: DomainFacts): boolean {
  return status === "nxdomain" || (spf !== null && dmarc !== null);
}

/**
 * The better of two facts of one domain, neither of which has expired: a failure never takes the
 * place of an answer; of two answers the newer counts, with the policy of the older if it has none
 * itself, as long as both hold.
 *
 * @param held what is known
 * @param fresh what has come now
 */
export function mergeFacts(held: DomainFacts, fresh: DomainFacts): DomainFacts {
  if (!fresh.shared && held.shared) return held;
  if (!fresh.shared || !held.shared) return fresh;
  const [older, newer] = fresh.at >= held.at ? [held, fresh] : [fresh, held];
  if (hasPolicy(newer) || older.spf === null || older.dmarc === null) return newer;
  const expiresAt = Math.min(older.expiresAt, newer.expiresAt);
  return { ...newer, spf: newer.spf ?? older.spf, dmarc: older.dmarc, expiresAt };
}
