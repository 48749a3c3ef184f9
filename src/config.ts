/**
 * Configuration is code: `[vars.POSTERN]` of wrangler.toml, checked here once per isolate. A wrong
 * field stops the Worker with a sentence that names it, before any mail is taken.
 */
import { z } from "zod";
import { reputation } from "./config/reputation.ts";
import { verify } from "./config/verify.ts";
import { type Additions, linkBaseOf } from "./core/links.ts";
import { err, ok, type Result } from "./core/result.ts";
import type { SuppressionPolicy } from "./core/suppression.ts";
import { leaseNeededMs } from "./core/unit.ts";
import type { Extras } from "./providers/provider.ts";
import { lanesOf, type SourceSettings, sourceSettings } from "./providers/registry.ts";
import { VERIFY_MODES, type VerifyMode } from "./verify/verdict.ts";

const DAY_MS = 86_400_000;

/** Shards are named in six bits of a message id. */
const SHARDS = [1, 4, 16] as const;

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, "a name is a-z, 0-9, _ and -, up to 32");

const stream = z.strictObject({
  kind: z.enum(["transactional", "broadcast"]),
  pool: name,
  on_unknown: z.enum(["retry", "hold"]).optional(),
  /**
   * How long an event may settle an unknown before the one repeat to a source that does not
   * deduplicate.
   */
  grace_ms: z.number().int().min(0).optional(),
  expires_after_ms: z.number().int().min(1_000).optional(),
  /** Whether recipients are verified before a message is accepted. */
  verify: z.enum(VERIFY_MODES).default("off"),
  /** The header fields by which readers unsubscribe with one click. */
  unsubscribe: z.boolean().optional(),
  /** What Postern counts by links of its own. */
  tracking: z
    .strictObject({ opens: z.boolean().default(false), clicks: z.boolean().default(false) })
    .prefault({}),
  /** What the provider may add to a message on its own: nothing, unless it is asked for here. */
  provider_extras: z
    .strictObject({
      opens: z.boolean().default(false),
      clicks: z.boolean().default(false),
      unsubscribe: z.boolean().default(false),
    })
    .optional(),
});

const tier = z.strictObject({
  shards: z.literal(SHARDS),
  requests_per_second: z.number().positive(),
  burst: z.number().int().min(1),
});

const account = z.strictObject({
  tier: name.default("small"),
  /** Keyed requests keep the old number of shards for 25 hours after a change of tier. */
  tier_changed: z.strictObject({ from: name, at: z.iso.datetime({ offset: true }) }).optional(),
  /** The From domains that live keys may use. */
  domains: z.array(z.string().toLowerCase()).default([]),
});

const webhooks = z.strictObject({
  /** Endpoints may be http on the machine itself: for development and tests only. */
  allow_local: z.boolean().default(false),
});

/** An origin that mail may link to: https, or http on the machine itself for development. */
const linkBase = z
  .string()
  .refine((url) => linkBaseOf(url) !== null, "must be https:// and a public domain name alone")
  .transform((url) => linkBaseOf(url) ?? url);

/** Where the links in messages lead: a host of each From domain's own, or one for all. */
const links = z.strictObject({
  base_url: linkBase.optional(),
  domains: z.record(z.string().toLowerCase(), linkBase).default({}),
});

const limits = z.strictObject({
  /**
   * Sends of one consumer invocation that are started at a time. Cloudflare runs six connections
   * and queues the rest; more than six keep its slots filled.
   */
  sends_in_flight: z.number().int().min(1).max(256).default(32),
  /**
   * A claim is good for this long: three send time limits; a dead consumer's mail is picked up
   * after it.
   */
  lease_ms: z.number().int().min(50).max(600_000).default(30_000),
  /** A pack that nobody has asked about for this long is sent again; doubles with every repeat. */
  pack_stale_ms: z.number().int().min(50).max(600_000).default(15_000),
  /** An outcome the journal has not confirmed for this long is journaled again. */
  rejournal_ms: z.number().int().min(50).max(600_000).default(60_000),
  /** Transactional mail does not wait longer for the suppression list. */
  suppression_ms: z.number().int().min(1).max(10_000).default(250),
});

/** How long bounces keep mail from an address; complaints and unsubscribes have no end. */
const suppression = z.strictObject({
  /**
   * A year: a dead mailbox is asked once a year at most, and one that was opened again is not lost
   * for good.
   */
  hard_days: z.number().positive().max(36_500).default(365),
  /** One full mailbox says little; three messages in a week say that nobody reads it. */
  soft_messages: z.number().int().min(1).max(10).default(3),
  soft_window_days: z.number().positive().max(30).default(7),
  soft_days: z.number().positive().max(365).default(30),
});

/** When a source whose events have stopped is an alarm; see core/feed. */
const feeds = z.strictObject({
  /** A webhook is late by minutes when its sender repeats it: Mailgun's second try is after 5. */
  floor_ms: z.number().int().min(1_000).max(86_400_000).default(900_000),
  factor: z.number().min(1).max(100).default(4),
});

/**
 * Rates above what the shards of a tier can take in, so that the limiter stops runaway loops only:
 * one shard takes 200 to 500 requests a second.
 */
const TIERS = {
  small: { shards: 1, requests_per_second: 1_000, burst: 2_000 },
  medium: { shards: 4, requests_per_second: 2_000, burst: 4_000 },
  large: { shards: 16, requests_per_second: 8_000, burst: 16_000 },
} as const;

const STREAM_DEFAULTS = {
  transactional: { on_unknown: "retry", grace_ms: 20_000, expires_after_ms: 24 * 3_600_000 },
  broadcast: { on_unknown: "hold", grace_ms: 15 * 60_000, expires_after_ms: 72 * 3_600_000 },
} as const;

const NO_EXTRAS: Extras = { opens: false, clicks: false, unsubscribe: false };

const schema = z.strictObject({
  accounts: z.record(name, account).default({ default: account.parse({}) }),
  sources: z.record(name, sourceSettings).default({}),
  pools: z.record(name, z.strictObject({ sources: z.array(name).min(1) })).default({}),
  streams: z.record(name, stream).default({}),
  tiers: z.record(name, tier).default({}),
  limits: limits.prefault({}),
  webhooks: webhooks.prefault({}),
  links: links.prefault({}),
  feeds: feeds.prefault({}),
  suppression: suppression.prefault({}),
  reputation: reputation.prefault({}),
  verify: verify.prefault({}),
});

export type TierConfig = z.infer<typeof tier>;
export type AccountConfig = z.infer<typeof account>;
export interface StreamConfig {
  readonly name: string;
  readonly kind: "transactional" | "broadcast";
  readonly pool: string;
  readonly on_unknown: "retry" | "hold";
  readonly grace_ms: number;
  readonly expires_after_ms: number;
  readonly verify: VerifyMode;
  readonly provider_extras: Extras;
  readonly links: Additions;
}
export type Limits = z.infer<typeof limits>;
export type Feeds = z.infer<typeof feeds>;
export type Reputation = z.infer<typeof reputation>;
export type VerifyConfig = z.infer<typeof verify>;

export interface Config {
  readonly accounts: Readonly<Record<string, AccountConfig>>;
  readonly sources: Readonly<Record<string, SourceSettings>>;
  readonly pools: Readonly<Record<string, { readonly sources: readonly string[] }>>;
  readonly streams: Readonly<Record<string, StreamConfig>>;
  readonly tiers: Readonly<Record<string, TierConfig>>;
  readonly limits: Limits;
  readonly webhooks: z.infer<typeof webhooks>;
  readonly links: z.infer<typeof links>;
  readonly feeds: Feeds;
  readonly suppression: SuppressionPolicy;
  readonly reputation: Reputation;
  readonly verify: VerifyConfig;
}

/** The source that test keys always use; it exists whether it is configured or not. */
export const SANDBOX = "sandbox";

/**
 * Checks the configuration and fills in what is left out.
 *
 * @param vars the value of `vars.POSTERN`; `undefined` gives the defaults: one account, the sandbox
 * @returns the configuration, or one sentence per mistake
 */
export function parseConfig(vars: unknown): Result<Config, string> {
  const parsed = schema.safeParse(vars ?? {});
  if (!parsed.success) return err(z.prettifyError(parsed.error));
  const raw = parsed.data;
  const sources = { [SANDBOX]: sourceSettings.parse({ provider: "sandbox" }), ...raw.sources };
  const pools = { default: { sources: [SANDBOX] }, ...raw.pools };
  const tiers = { ...TIERS, ...raw.tiers };
  const named = {
    transactional: stream.parse({ kind: "transactional", pool: "default" }),
    broadcast: stream.parse({ kind: "broadcast", pool: "default" }),
    ...raw.streams,
  };
  const streams: Record<string, StreamConfig> = {};
  for (const [streamName, given] of Object.entries<z.infer<typeof stream>>(named)) {
    const defaults = STREAM_DEFAULTS[given.kind];
    streams[streamName] = {
      name: streamName,
      kind: given.kind,
      pool: given.pool,
      on_unknown: given.on_unknown ?? defaults.on_unknown,
      grace_ms: given.grace_ms ?? defaults.grace_ms,
      expires_after_ms: given.expires_after_ms ?? defaults.expires_after_ms,
      verify: given.verify,
      provider_extras: given.provider_extras ?? NO_EXTRAS,
      links: { ...given.tracking, unsubscribe: given.unsubscribe ?? given.kind === "broadcast" },
    };
  }
  const { hard_days, soft_messages, soft_window_days, soft_days } = raw.suppression;
  const suppression = {
    hardMs: hard_days * DAY_MS,
    softMessages: soft_messages,
    softWindowMs: soft_window_days * DAY_MS,
    softMs: soft_days * DAY_MS,
  };
  const config = { ...raw, sources, pools, streams, tiers, suppression };
  const mistake = danglingName(config);
  return mistake === null ? ok(config) : err(mistake);
}

function danglingName(config: Config): string | null {
  for (const [pool, { sources }] of Object.entries(config.pools)) {
    const missing = sources.find((one) => !Object.hasOwn(config.sources, one));
    if (missing !== undefined)
      return `pool "${pool}" names a source "${missing}" that is not configured`;
  }
  for (const one of Object.values(config.streams)) {
    if (!Object.hasOwn(config.pools, one.pool)) {
      return `stream "${one.name}" names a pool "${one.pool}" that is not configured`;
    }
    const refusing = config.pools[one.pool]?.sources.find((source) => {
      const provider = config.sources[source]?.provider;
      return provider !== undefined && !lanesOf(provider).includes(one.kind);
    });
    if (refusing !== undefined) {
      return `stream "${one.name}" is ${one.kind} mail, which source "${refusing}" does not take`;
    }
  }
  for (const [id, one] of Object.entries(config.accounts)) {
    for (const wanted of [one.tier, one.tier_changed?.from]) {
      if (wanted !== undefined && !Object.hasOwn(config.tiers, wanted)) {
        return `account "${id}" names a tier "${wanted}" that is not configured`;
      }
    }
  }
  for (const [id, one] of Object.entries(config.sources)) {
    const needed = leaseNeededMs(one.time_limit_ms);
    if (config.limits.lease_ms <= needed) {
      return `limits.lease_ms must be above ${needed} for the time limit of source "${id}"`;
    }
  }
  if (config.sources[SANDBOX]?.provider !== "sandbox") {
    return `the source "${SANDBOX}" is what test keys use: its provider is "sandbox"`;
  }
  return null;
}
