/**
 * Evidence in an isolate's memory: an address that is asked for again a moment later costs no
 * query. Lists, whose addresses are each asked for once, are read as they are.
 */
import type {
  AddressEvidence,
  DomainEvidence,
  EvidenceFound,
  EvidenceKey,
} from "../core/evidence.ts";
import { Lru } from "../core/lru.ts";

/** A delivery or a bounce takes seconds to minutes to come back: nobody waits for this one. */
export const FRESH_MS = 60_000;

/** Addresses and domains in memory: some 300 bytes each. */
export const REMEMBERED_MAX = 20_000;

/** Accounts whose buckets are in memory: a few dozen rows each. */
const ACCOUNTS_MAX = 200;

/** More addresses than this are a list. */
export const FEW_MAX = 8;

/** Reads from the database. Null: it does not answer. */
export type ReadEvidence = (
  account: string,
  keys: readonly EvidenceKey[],
) => Promise<EvidenceFound | null>;

interface Kept<T> {
  readonly value: T;
  /** Unix ms. */
  readonly until: number;
}

/**
 * Puts an isolate's memory before `read`. What does not answer is not remembered. What is
 * remembered has the weights of when it was read: in a minute nothing fades that matters.
 */
export function rememberEvidence(read: ReadEvidence, now: () => number): ReadEvidence {
  const ofAddresses = new Lru<string, Kept<AddressEvidence | null>>(REMEMBERED_MAX);
  const ofDomains = new Lru<string, Kept<DomainEvidence | null>>(REMEMBERED_MAX);
  const shared = new Lru<string, Kept<Pick<EvidenceFound, "buckets" | "global">>>(ACCOUNTS_MAX);

  function fresh<T>(kept: Kept<T> | undefined): Kept<T> | null {
    return kept !== undefined && kept.until > now() ? kept : null;
  }

  function recall(account: string, keys: readonly EvidenceKey[]): EvidenceFound | null {
    const common = fresh(shared.get(account));
    if (common === null) return null;
    const addresses = new Map<string, AddressEvidence>();
    const domains = new Map<string, DomainEvidence>();
    for (const { hash, domain } of keys) {
      const ofAddress = fresh(ofAddresses.get(`${account}/${hash}`));
      const ofDomain = fresh(ofDomains.get(`${account}/${domain}`));
      if (ofAddress === null || ofDomain === null) return null;
      if (ofAddress.value !== null) addresses.set(hash, ofAddress.value);
      if (ofDomain.value !== null) domains.set(domain, ofDomain.value);
    }
    return { ...common.value, addresses, domains };
  }

  function remember(account: string, keys: readonly EvidenceKey[], found: EvidenceFound): void {
    const until = now() + FRESH_MS;
    const { buckets, global } = found;
    shared.set(account, { value: { buckets, global }, until });
    for (const { hash, domain } of keys) {
      ofAddresses.set(`${account}/${hash}`, { value: found.addresses.get(hash) ?? null, until });
      ofDomains.set(`${account}/${domain}`, { value: found.domains.get(domain) ?? null, until });
    }
  }

  return async (account, keys) => {
    const few = keys.length <= FEW_MAX;
    const known = few ? recall(account, keys) : null;
    if (known !== null) return known;
    const found = await read(account, keys);
    if (few && found !== null) remember(account, keys, found);
    return found;
  };
}
