/** The suppression list as the lanes, the edge and the cron have it. */
import type { LaneDeps } from "../deliver/ports.ts";
import type { SuppressionServices } from "../edge/suppressions.ts";
import * as list from "../store/suppression-list.ts";
import * as snapshots from "../store/suppression-snapshot.ts";
import { readSuppressed, suppressionStatements } from "../store/suppressions.ts";
import type { Env } from "./bindings.ts";
import { isolateOf, log, now } from "./isolate.ts";
import { scopeOf } from "./terms.ts";

/** An isolate reads a snapshot again when it has had it this long. */
const SNAPSHOT_FRESH_MS = 60_000;

/** Snapshots an isolate holds: of 4 MB at most, within 128 MB for everything. */
const SNAPSHOTS_HELD = 8;

interface Held {
  readonly snapshot: snapshots.Snapshot;
  readonly at: number;
}

/** What an isolate remembers; values only, for a promise belongs to the request that made it. */
interface Memory {
  readonly databaseRest: { until: number };
  readonly held: Map<string, Held>;
}

const memories = new WeakMap<object, Memory>();

function memoryOf(env: Env): Memory {
  const known = memories.get(env);
  if (known !== undefined) return known;
  const made = { databaseRest: { until: 0 }, held: new Map() };
  memories.set(env, made);
  return made;
}

/** What the lanes ask about recipients. */
export function laneSuppression(
  env: Env,
): Pick<LaneDeps, "suppressed" | "snapshot" | "databaseRest"> {
  const { suppression: policy } = isolateOf(env).config;
  const { databaseRest, held } = memoryOf(env);
  const load = async (account: string): Promise<snapshots.Snapshot | null> => {
    const snapshot = await snapshots.readSnapshot(env.CONTENT, account);
    // One that is not there may be written at any time.
    if (snapshot === null) return null;
    held.delete(account);
    held.set(account, { snapshot, at: now() });
    const oldest = held.keys().next().value;
    if (held.size > SNAPSHOTS_HELD && oldest !== undefined) held.delete(oldest);
    return snapshot;
  };
  return {
    databaseRest,
    suppressed: (account, hashes) => readSuppressed(env.DB, account, hashes, policy, now()),
    snapshot: async (account) => {
      const known = held.get(account);
      if (known === undefined) return load(account);
      // An old one is better than to wait for a new one.
      if (known.at + SNAPSHOT_FRESH_MS <= now()) {
        held.set(account, { ...known, at: now() });
        load(account).catch((error: unknown) => {
          log("snapshot_not_renewed", { reason: String(error) });
        });
      }
      return known.snapshot;
    },
  };
}

/** What the routes may do with the list. */
export function suppressionServices(env: Env): SuppressionServices {
  const { suppression: policy } = isolateOf(env).config;
  return {
    policy,
    add: async (changes) => {
      const statements = suppressionStatements(env.DB, changes, policy, now());
      if (statements.length > 0) await env.DB.batch(statements);
    },
    find: (scope, hashes) => list.findSuppressions(env.DB, scope, hashes),
    byId: (scope, ids) => list.suppressionsById(env.DB, scope, ids),
    placeOf: (scope, id) => list.placeOf(env.DB, scope, id),
    list: (scope, page) => list.listSuppressions(env.DB, scope, page, policy, now()),
    remove: (scope, keys) => list.removeSuppressions(env.DB, scope, keys, now()),
    override: (scope, key, override) => list.overrideSuppression(env.DB, scope, key, override),
  };
}

/** Writes the snapshots that are due and deletes what says nothing any more; never rejects. */
export async function tendSuppressions(env: Env): Promise<void> {
  const { accounts, suppression: policy } = isolateOf(env).config;
  const scopes = Object.keys(accounts).flatMap((account) =>
    (["live", "test"] as const).map((mode) => scopeOf(account, mode)),
  );
  try {
    const stores = { db: env.DB, bucket: env.CONTENT };
    const { written, capped } = await snapshots.writeSnapshots(stores, policy, now());
    const purged = await snapshots.purgeSuppressions(env.DB, scopes, policy, now());
    if (written + purged > 0) log("suppressions_tended", { written, capped, purged });
  } catch (error) {
    log("suppressions_not_tended", { reason: String(error) });
  }
}
