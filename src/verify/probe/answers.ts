/**
 * Answers of probes that are known: the isolate's memory, then KV. Keys are hashes and domains,
 * never addresses. That a domain takes any local part is kept for the domain as a whole.
 */
import type { Probe, ProbeOutcome } from "../verdict.ts";
import type { KeptProbe, ProbeCache } from "./ports.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How long an answer holds, milliseconds. */
export const PROBE_TTL_MS: Readonly<Record<ProbeOutcome, number>> = {
  /** Mailboxes are closed seldom, and a hard bounce of our own outweighs it. */
  accepted: 7 * DAY_MS,
  /** Mailboxes are opened, and typed before that: a no is not held against anyone for long. */
  mailbox_not_found: DAY_MS,
  mailbox_disabled: DAY_MS,
  /** Full mailboxes are mostly abandoned ones; whoever empties theirs waits a day for it. */
  mailbox_full: DAY_MS,
  /** A setting of the domain, as lasting as its mailboxes. */
  catch_all: 7 * DAY_MS,
  /** Greylisting and blocks pass; asking again at once only prolongs them. */
  unavailable: HOUR_MS / 4,
  blocked: HOUR_MS / 4,
};

/** Answers an isolate remembers: some 200 bytes each. */
const MEMORY_MAX = 5_000;

export interface ProbeAnswers {
  /** What memory has about an address: nobody is asked. */
  readonly recall: (hash: string, domain: string) => Probe | null;
  /** What KV has, which memory then has too. May reject. */
  readonly find: (hash: string, domain: string) => Promise<Probe | null>;
  /** Keeps an answer in memory at once, and in KV when the promise resolves. May reject. */
  readonly keep: (hash: string, domain: string, probe: Probe) => Promise<void>;
}

/** Makes the memory of one isolate in front of KV. */
export function createAnswers(cache: ProbeCache, now: () => number): ProbeAnswers {
  const memory = new Map<string, Probe>();

  function put(key: string, probe: Probe): void {
    memory.delete(key);
    memory.set(key, probe);
    const oldest = memory.keys().next().value;
    if (memory.size > MEMORY_MAX && oldest !== undefined) memory.delete(oldest);
  }

  function get(key: string): Probe | null {
    const probe = memory.get(key);
    if (probe === undefined) return null;
    if (isFresh(probe, now())) return probe;
    memory.delete(key);
    return null;
  }

  return {
    recall: (hash, domain) => newer(get(hash), get(domainKey(domain))),
    async find(hash, domain) {
      const keys = [hash, domainKey(domain)];
      const found = await cache.read(keys);
      const [own, shared] = keys.map((key) => {
        const probe = known(found.get(key));
        if (probe === null || !isFresh(probe, now())) return null;
        put(key, probe);
        return probe;
      });
      return newer(own ?? null, shared ?? null);
    },
    async keep(hash, domain, probe) {
      put(hash, probe);
      const ttlMs = PROBE_TTL_MS[probe.outcome];
      if (probe.outcome !== "catch_all") return cache.write(hash, probe, ttlMs);
      const key = domainKey(domain);
      // KV takes one write a second for a key, and many addresses of a domain are asked at once.
      const written = get(key) !== null;
      put(key, probe);
      if (!written) await cache.write(key, probe, ttlMs);
    },
  };
}

/** No hash has a slash. */
const domainKey = (domain: string): string => `domain/${domain}`;

function isFresh({ outcome, at }: Probe, now: number): boolean {
  return now < at + PROBE_TTL_MS[outcome];
}

/** The newer one knows of what the other says. */
function newer(own: Probe | null, shared: Probe | null): Probe | null {
  if (own === null || shared === null) return own ?? shared;
  return shared.at > own.at ? shared : own;
}

/** An answer whose words are known: a newer release may have written others. */
function known(kept: KeptProbe | undefined): Probe | null {
  return kept !== undefined && Object.hasOwn(PROBE_TTL_MS, kept.outcome) ? (kept as Probe) : null;
}
