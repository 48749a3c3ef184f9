/**
 * What the Worker under test is given: the POSTERN variable and its secrets. Plain JSON, with short
 * times so that leases, graces and late reports happen within a test's patience.
 */

/** Fixed, so that a key made in one test file reads the same in another; guards nothing. */
export const testSecrets = {
  POSTERN_SECRET: "test-secret-for-the-workers-runtime-0123456789",
  POSTERN_ADMIN_KEY: "test-admin-key-for-the-workers-runtime-0123456789",
  /** What Postmark presents at the source `reporting`, and the key it would be sent with. */
  REPORTING_HOOK: "hook:sesame",
  REPORTING_TOKEN: "00000000-0000-4000-8000-000000000000",
  /** What Mailgun signs with at the source `signed`. */
  SIGNED_HOOK: "key-signed-hook",
} as const;

/** Longer than a busy machine takes from a provider's answer to its being noted. */
const EVENT_DELAY_MS = 150;

/** One deduplicating and one plain sandbox source, and a stream of each kind on each of them. */
export const testConfig = {
  accounts: {
    default: { tier: "small", domains: ["example.com"] },
    other: { tier: "small", domains: ["other.example"] },
    wide: { tier: "medium", domains: ["example.com"] },
    limited: { tier: "tight", domains: ["example.com"] },
  },
  tiers: { tight: { shards: 1, requests_per_second: 0.01, burst: 3 } },
  sources: {
    sandbox: {
      provider: "sandbox",
      deduplicates: true,
      time_limit_ms: 1_000,
      event_delay_ms: EVENT_DELAY_MS,
    },
    plain: {
      provider: "sandbox",
      deduplicates: false,
      time_limit_ms: 1_000,
      event_delay_ms: EVENT_DELAY_MS,
    },
    reporting: {
      provider: "postmark",
      time_limit_ms: 1_000,
      secret: "REPORTING_TOKEN",
      webhook: { basic: ["REPORTING_HOOK"] },
    },
    signed: {
      provider: "mailgun",
      time_limit_ms: 1_000,
      domain: "example.com",
      secret: "REPORTING_TOKEN",
      webhook: { signing: ["SIGNED_HOOK"] },
    },
    /** Another domain of the same account at Mailgun, which signs for all of them with one key. */
    "signed-too": {
      provider: "mailgun",
      time_limit_ms: 1_000,
      domain: "example.net",
      secret: "REPORTING_TOKEN",
      webhook: { signing: ["SIGNED_HOOK"] },
    },
    /** Its events name nothing but its own ids, and those of other domains are not its own. */
    mail: { provider: "cloudflare", time_limit_ms: 1_000, domains: ["mail.example"] },
    unset: {
      provider: "postmark",
      time_limit_ms: 1_000,
      secret: "REPORTING_TOKEN",
      webhook: { basic: ["REPORTING_HOOK"], bearer: ["NOBODY_HAS_SET_THIS"] },
    },
    silent: { provider: "postmark", time_limit_ms: 1_000, secret: "REPORTING_TOKEN" },
  },
  pools: { default: { sources: ["sandbox"] }, plain: { sources: ["plain"] } },
  streams: {
    transactional: { kind: "transactional", pool: "default", grace_ms: 500 },
    broadcast: { kind: "broadcast", pool: "default", grace_ms: 500 },
    plain: { kind: "transactional", pool: "plain", grace_ms: 500 },
    verified: { kind: "transactional", pool: "default", grace_ms: 500, verify: "strict" },
    tracked: {
      kind: "broadcast",
      pool: "default",
      grace_ms: 500,
      tracking: { opens: true, clicks: true },
    },
    "plain-broadcast": { kind: "broadcast", pool: "plain", grace_ms: 500 },
  },
  /** Only mail of these domains has links: that of tests comes to an origin that is not https. */
  links: {
    domains: {
      "linked.example": "https://links.example.com",
      "other-linked.example": "https://links.example.org",
    },
  },
  limits: { lease_ms: 3_000 },
};
