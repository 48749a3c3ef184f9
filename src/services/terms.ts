/** What the configuration means for one account, stream or source. */
import type { Config } from "../config.ts";
import type { KeyMode } from "../core/api-key.ts";
import type { ShardRef } from "../core/custody.ts";
import type { GcraLimit } from "../core/gcra.ts";
import type { PaceLimits } from "../core/pace.ts";
import type { StreamTerms } from "../deliver/accept.ts";
import type { SourceSettings } from "../providers/registry.ts";

/** The suffix that keeps an account's test state apart from its live state. */
const TEST_SUFFIX = "~test";

/** The account under which the state of a key's mode is kept. */
export const scopeOf = (account: string, mode: KeyMode): string =>
  mode === "test" ? account + TEST_SUFFIX : account;

/** Whether a scope holds test state: its mail goes to sandboxes only. */
export const isTestScope = (scope: string): boolean => scope.endsWith(TEST_SUFFIX);

/** The scopes of every configured account, live and test. */
export const scopesOf = (config: Config): string[] =>
  Object.keys(config.accounts).flatMap((account) => [
    scopeOf(account, "live"),
    scopeOf(account, "test"),
  ]);

/** Every shard that the configuration names, live and test. */
export function everyShard(config: Config, now: number): ShardRef[] {
  return Object.keys(config.accounts).flatMap((account) => {
    const { all } = shardsOf(config, account, now);
    const modes = ["live", "test"] as const;
    return modes.flatMap((mode) => shardRefs(scopeOf(account, mode), all));
  });
}

/** An idempotency key lives 24 hours; an hour more covers clocks and deploys. */
const TIER_CHANGE_MS = 25 * 3_600_000;

/** Shards of an account; keyed requests go by the number before a change of tier for a while. */
export function shardsOf(
  config: Config,
  account: string,
  now: number,
): { keyed: number; unkeyed: number; all: number } {
  const settings = config.accounts[account];
  const count = (tier: string | undefined): number => config.tiers[tier ?? ""]?.shards ?? 1;
  const unkeyed = count(settings?.tier);
  const changed = settings?.tier_changed;
  const before = changed === undefined ? unkeyed : count(changed.from);
  const recent = changed !== undefined && now < Date.parse(changed.at) + TIER_CHANGE_MS;
  return { keyed: recent ? before : unkeyed, unkeyed, all: Math.max(unkeyed, before) };
}

/** The first `count` shards of a scope. */
export const shardRefs = (scope: string, count: number): ShardRef[] =>
  Array.from({ length: count }, (_, shard) => ({ account: scope, shard }));

/** The request rate of an account's tier. */
export function rateOf(config: Config, account: string): GcraLimit {
  const tier = config.tiers[config.accounts[account]?.tier ?? ""] ?? config.tiers.small;
  if (tier === undefined) throw new Error("the tier small is always configured");
  return { periodMs: 1_000, count: tier.requests_per_second, burst: tier.burst };
}

/** A stream's terms, null when there is none of this name. */
export function streamTerms(config: Config, name: string): StreamTerms | null {
  const stream = Object.hasOwn(config.streams, name) ? config.streams[name] : undefined;
  if (stream === undefined) return null;
  return {
    name,
    lane: stream.kind,
    onUnknown: stream.on_unknown,
    graceMs: stream.grace_ms,
    expiresAfterMs: stream.expires_after_ms,
    extras: stream.provider_extras,
    links: stream.links,
  };
}

/** The limits a source's object keeps. */
export function paceLimits(source: SourceSettings | undefined): PaceLimits {
  const { requests_per_second, recipients_per_second } = source?.rate ?? {};
  const sites = Object.entries(source?.sites ?? {}).map(([site, { per_minute, burst }]) => [
    site,
    { perMinute: per_minute, burst },
  ]);
  return {
    ...(requests_per_second === undefined ? {} : { requestsPerSecond: requests_per_second }),
    ...(recipients_per_second === undefined ? {} : { recipientsPerSecond: recipients_per_second }),
    sites: Object.fromEntries(sites),
  };
}
