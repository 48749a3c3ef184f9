/**
 * Answers of probes: KV `probe:<recipientHash>` for one mailbox, `probe:domain/<domain>` for what
 * holds for all of a domain. The value is JSON: `backend` and `outcome` (words), `smtp_code`
 * (number or null), `enhanced` (text or null), `at` (Unix ms). Nothing here names an address.
 *
 * An entry goes by itself when its time is over; KV answers up to a minute late, which is why the
 * reader looks at `at`.
 */

/** One answer as it is kept. */
export interface ProbeEntry {
  readonly backend: string;
  readonly outcome: string;
  readonly smtp_code: number | null;
  readonly enhanced: string | null;
  readonly at: number;
}

/** The shortest life that KV gives an entry. */
const TTL_MIN_S = 60;

/** Keys of one read: what KV takes. */
const KEYS_MAX = 100;

const nameOf = (key: string): string => `probe:${key}`;

/** The entries that are there, by key; an entry that is not of this form is not there. */
export async function readProbes(
  cache: KVNamespace,
  keys: readonly string[],
): Promise<Map<string, ProbeEntry>> {
  const names = keys.slice(0, KEYS_MAX).map(nameOf);
  // As texts: one that is no JSON would fail the reading of all.
  const found = await cache.get(names);
  const entries = new Map<string, ProbeEntry>();
  for (const key of keys) {
    const entry = entryOf(found.get(nameOf(key)) ?? null);
    if (entry !== null) entries.set(key, entry);
  }
  return entries;
}

/** Keeps an entry for `ttlMs`, at least a minute. */
export async function writeProbe(
  cache: KVNamespace,
  key: string,
  { backend, outcome, smtp_code, enhanced, at }: ProbeEntry,
  ttlMs: number,
): Promise<void> {
  const expirationTtl = Math.max(TTL_MIN_S, Math.floor(ttlMs / 1_000));
  const text = JSON.stringify({ backend, outcome, smtp_code, enhanced, at });
  await cache.put(nameOf(key), text, { expirationTtl });
}

function entryOf(text: string | null): ProbeEntry | null {
  if (text === null) return null;
  let value: Partial<Record<keyof ProbeEntry, unknown>> | null;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { backend, outcome, smtp_code, enhanced, at } = value ?? {};
  if (typeof backend !== "string" || typeof outcome !== "string" || typeof at !== "number") {
    return null;
  }
  return {
    backend,
    outcome,
    smtp_code: typeof smtp_code === "number" ? smtp_code : null,
    enhanced: typeof enhanced === "string" ? enhanced : null,
    at,
  };
}
