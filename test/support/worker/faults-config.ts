/**
 * What the Worker under fault injection is given. An account per scenario, so that scenarios run
 * side by side, each with its own shard, sandbox world and ledger.
 */

/** Accounts that scenarios may take; more than any one file uses. */
export const FAULT_ACCOUNTS = 96;

/** The name of the scenario account with this number. */
export const accountName = (index: number): string => `f${index}`;

/** A lease that a busy machine does not overrun by chance, and that a test can wait for. */
export const LEASE_MS = 2_000;

const kept = { maxRetries: 100, deadLetterQueue: "postern-dead" };

/**
 * The queues as in wrangler.toml, but that a batch of broadcasts or of the journal fills for less
 * long.
 */
export const faultsConsumers = {
  "postern-transactional": { ...kept, maxBatchSize: 10, maxBatchTimeout: 0 },
  "postern-broadcast": { ...kept, maxBatchSize: 10, maxBatchTimeout: 0.1 },
  "postern-journal": { ...kept, maxBatchSize: 100, maxBatchTimeout: 0.1 },
  "postern-dead": { maxRetries: 100, maxBatchSize: 100, maxBatchTimeout: 0.1 },
};

const sandbox = { provider: "sandbox", time_limit_ms: 200, event_delay_ms: 20 } as const;

/** Both kinds of sandbox source, and streams whose grace ends before or after an event can come. */
export const faultsConfig = {
  accounts: Object.fromEntries(
    Array.from({ length: FAULT_ACCOUNTS }, (_, index) => [accountName(index), {}]),
  ),
  sources: {
    sandbox: { ...sandbox, deduplicates: true },
    plain: { ...sandbox, deduplicates: false },
    "dedup-late": { ...sandbox, deduplicates: true, event_delay_ms: 6_000 },
    "dedup-batch": { ...sandbox, deduplicates: true, batch: true },
    "dedup-batch-late": { ...sandbox, deduplicates: true, batch: true, event_delay_ms: 4_000 },
    "plain-batch": { ...sandbox, deduplicates: false, batch: true },
    "plain-late": { ...sandbox, deduplicates: false, event_delay_ms: 6_000 },
  },
  pools: {
    default: { sources: ["sandbox"] },
    plain: { sources: ["plain"] },
    "dedup-late": { sources: ["dedup-late"] },
    "plain-late": { sources: ["plain-late"] },
    "dedup-batch": { sources: ["dedup-batch"] },
    "dedup-batch-late": { sources: ["dedup-batch-late"] },
    "plain-batch": { sources: ["plain-batch"] },
  },
  streams: {
    dedup: { kind: "transactional", pool: "default", grace_ms: 300 },
    plain: { kind: "transactional", pool: "plain", grace_ms: 300 },
    patient: { kind: "transactional", pool: "plain", grace_ms: 8_000 },
    "dedup-late": { kind: "transactional", pool: "dedup-late", grace_ms: 300 },
    "plain-late": { kind: "transactional", pool: "plain-late", grace_ms: 300 },
    "dedup-batch": { kind: "transactional", pool: "dedup-batch", grace_ms: 300 },
    "dedup-batch-late": { kind: "transactional", pool: "dedup-batch-late", grace_ms: 300 },
    "plain-batch": { kind: "transactional", pool: "plain-batch", grace_ms: 300 },
    bulk: { kind: "broadcast", pool: "plain", on_unknown: "hold", grace_ms: 300 },
  },
  limits: { lease_ms: LEASE_MS, pack_stale_ms: 1_000, rejournal_ms: 500, sends_in_flight: 16 },
};
