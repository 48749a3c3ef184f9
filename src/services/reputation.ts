/** The reputation guard as the journal, the lanes, the routes and the cron have it. */
import type { Config } from "../config.ts";
import { readScope } from "../core/guard.ts";
import { createGuardReader } from "../core/guard-reader.ts";
import { bucketOf, type GuardPolicy } from "../core/reputation.ts";
import type { LaneDeps } from "../deliver/ports.ts";
import type { ReputationServices } from "../edge/reputation.ts";
import type { FollowDeps } from "../feedback/follow.ts";
import type { GuardDeps } from "../feedback/reputation.ts";
import * as guard from "../store/guard.ts";
import { pruneReputation } from "../store/reputation.ts";
import type { Env } from "./bindings.ts";
import { isolateOf, log, now, sleep } from "./isolate.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A source is everybody's: the sender who harms it is stopped first, on fewer samples. */
const SOURCE_SAMPLES = 5;

/** Scopes that one round of the cron looks at; the others are the longest overdue of the next. */
const DUE_MAX = 100;

/** Actions that one round tells of again: a transaction of few rows. */
const UNTOLD_MAX = 50;

/** Whoever acted has told by then, or has died. */
const UNTOLD_AFTER_MS = 60_000;

/** Counts are kept this much longer than the window that anybody may look at. */
const KEPT_MS = DAY_MS;

/** What the guard did is kept as long as a quarter's reports look back. */
const LOG_KEPT_MS = 90 * DAY_MS;

/** The policy of a scope. */
export function guardPolicy(config: Config, key: string): GuardPolicy {
  const { reputation } = config;
  const scope = readScope(key);
  const isSource = scope?.kind === "source";
  const kind = scope?.kind === "stream" ? config.streams[scope.stream]?.kind : undefined;
  const samples = isSource ? SOURCE_SAMPLES : 1;
  return {
    windowMs: reputation.window_hours * HOUR_MS,
    minimumSent: reputation.minimum_sent * samples,
    minimumReached: reputation.minimum_reached * samples,
    bounces: reputation.bounces,
    complaints: reputation.complaints,
    // A source's pause holds broadcasts only; see deliver/guard.
    mayPause: isSource || kind === "broadcast",
    pauseMs: reputation.pause_hours * HOUR_MS,
    pauseMaxMs: reputation.pause_max_hours * HOUR_MS,
    probationSamples: reputation.probation_sent * samples,
  };
}

const windowStart = (config: Config): number =>
  bucketOf(now() - config.reputation.window_hours * HOUR_MS);

/** What the guard needs beside somebody to tell: see `guardOf`. */
export function guardServices(env: Env): Omit<GuardDeps, "tell"> {
  const { config } = isolateOf(env);
  return {
    now,
    policyOf: (scope) => guardPolicy(config, scope),
    standings: (scopes) => guard.readStandings(env.DB, scopes, windowStart(config)),
    due: () => guard.readDue(env.DB, now(), windowStart(config), DUE_MAX),
    write: (moves) => guard.writeGuard(env.DB, moves),
    untold: () => guard.readUntold(env.DB, now() - UNTOLD_AFTER_MS, UNTOLD_MAX),
    markTold: (actions) => guard.markTold(env.DB, actions),
    log,
  };
}

const readers = new WeakMap<object, LaneDeps["guarded"]>();

/** What the lanes ask about scopes: one reader for all that runs in the isolate. */
export function laneGuard(env: Env): Pick<LaneDeps, "guarded" | "slowPerMinute"> {
  const { reputation, limits } = isolateOf(env).config;
  let guarded = readers.get(env);
  if (guarded === undefined) {
    const read = () => guard.readRestricted(env.DB);
    guarded = createGuardReader({ now, sleep, read, limitMs: limits.suppression_ms, log });
    readers.set(env, guarded);
  }
  const slowPerMinute = {
    transactional: reputation.slow_transactional_per_minute,
    broadcast: reputation.slow_broadcast_per_minute,
  };
  return { guarded, slowPerMinute };
}

/** What the routes may use. */
export function reputationRoutes(env: Env, follow: FollowDeps): ReputationServices {
  const { config } = isolateOf(env);
  return {
    follow,
    windowHours: config.reputation.window_hours,
    sources: () =>
      Object.entries(config.sources).map(([name, { provider }]) => ({ name, provider })),
    list: (prefix, limit) => guard.listStandings(env.DB, prefix, windowStart(config), limit),
    readLog: (scope, page) => guard.readGuardLog(env.DB, scope, page),
  };
}

/** The cron's pruning: a portion of old counts each minute, and of the log once an hour. */
export async function pruneGuard(env: Env): Promise<void> {
  try {
    await pruneReputation(env.DB, windowStart(isolateOf(env).config) - KEPT_MS);
    const isFullHour = new Date(now()).getUTCMinutes() === 0;
    if (isFullHour) await guard.pruneGuardLog(env.DB, now() - LOG_KEPT_MS);
  } catch (error) {
    log("guard_prune_failed", { reason: String(error) });
  }
}
