/**
 * The only file that touches bindings: makes each step the Deps it declares. What is the same for
 * every request of an isolate (configuration, signer, providers) is made once.
 */
import type { Env } from "./bindings.ts";
import { type Config, parseConfig, SANDBOX } from "./config.ts";
import { type Lane, type Pack, type ShardRef, shardName } from "./core/custody.ts";
import type { GcraLimit, RateDecision } from "./core/gcra.ts";
import { readId } from "./core/ids.ts";
import { err, ok } from "./core/result.ts";
import type { SandboxAnswer, SandboxCall } from "./core/sandbox.ts";
import { createSigner, type Signer } from "./core/signer.ts";
import type { LaneDeps, SourcePort } from "./deliver/ports.ts";
import type { Services } from "./edge/context.ts";
import type { DeadDeps, RedriveDeps } from "./feedback/dead.ts";
import type { JournalDeps } from "./feedback/ports.ts";
import type { OutboxRpc } from "./objects/outbox/rpc.ts";
import type { OutboxDeps } from "./objects/outbox/state.ts";
import type { SandboxDeps } from "./objects/sandbox.ts";
import type { SourceDeps } from "./objects/source.ts";
import { log } from "./observe/log.ts";
import type { Provider } from "./providers/provider.ts";
import { createProvider } from "./providers/registry.ts";
import * as keys from "./store/api-keys.ts";
import * as content from "./store/content.ts";
import * as recipients from "./store/recipients.ts";
import { readSuppressed } from "./store/suppressions.ts";
import { paceLimits, rateOf, shardRefs, shardsOf, streamTerms } from "./terms.ts";

const now = (): number => Date.now();
const uuid = (): string => crypto.randomUUID();
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const bytes = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count));
const outside: typeof fetch = (input, init) => fetch(input, init);

/** The suffix that keeps an account's test state apart from its live state. */
const TEST_SUFFIX = "~test";

/** Shards that any tier can name: a pause reaches them all, whatever the tier is or becomes. */
const PAUSE_SHARDS = 16;

/** `GET /health` does not wait longer for the database. */
const HEALTH_MS = 2_000;

/** The limiter answers in time or mail goes on without it. */
const LIMITER_MS = 2_000;

interface Isolate {
  readonly config: Config;
  readonly signer: Promise<Signer>;
  readonly providers: Map<string, Provider | null>;
}

const isolates = new WeakMap<object, Isolate>();

/**
 * What this isolate has made of its environment; throws one readable sentence when that is wrong.
 */
function isolateOf(env: Env): Isolate {
  const known = isolates.get(env);
  if (known !== undefined) return known;
  const config = parseConfig(env.POSTERN);
  if (!config.ok) throw new Error(`vars.POSTERN is not valid: ${config.error}`);
  const secret = env.POSTERN_SECRET ?? "";
  if (secret.length < 32) throw new Error("the secret POSTERN_SECRET needs 32 characters or more");
  const made = { config: config.value, signer: createSigner(secret), providers: new Map() };
  isolates.set(env, made);
  return made;
}

const outboxOf = (env: Env, ref: ShardRef): OutboxRpc =>
  env.OUTBOX.getByName(shardName(ref)) as unknown as OutboxRpc;

const toJournal =
  (env: Env) =>
  async (body: unknown): Promise<void> => {
    await env.JOURNAL.send(body, { contentType: "json" });
  };

/** What the HTTP side may use. */
export function edgeServices(env: Env): Services {
  const { config, signer } = isolateOf(env);
  const stores = { db: env.DB, cache: env.CACHE };
  return {
    now,
    random: bytes,
    uuid,
    fetch: outside,
    log,
    signer: () => signer,
    adminKey: env.POSTERN_ADMIN_KEY ?? "",
    scopeOf: (account, mode) => (mode === "test" ? account + TEST_SUFFIX : account),
    accountExists: (account) => account in config.accounts,
    domainsOf: (account) => config.accounts[account]?.domains ?? [],
    stream: (name) => streamTerms(config, name),
    streamNames: () => Object.keys(config.streams),
    findApiKey: async (hash) => {
      try {
        return ok(await keys.findApiKey(stores, hash, now()));
      } catch (error) {
        log("keys_unavailable", { reason: String(error) });
        return err("unavailable");
      }
    },
    insertApiKey: (hash, key) => keys.insertApiKey(env.DB, hash, key),
    listApiKeys: () => keys.listApiKeys(env.DB),
    deleteApiKey: (id) => keys.deleteApiKey(stores, id),
    takeRate: async ({ account, scope }) => {
      const limiter = env.LIMITER.getByName(scope) as unknown as {
        take(limit: GcraLimit): Promise<RateDecision>;
      };
      return within(limiter.take(rateOf(config, account)), LIMITER_MS);
    },
    acceptDeps: async (account, scope) => ({
      now,
      random: bytes,
      signer: await signer,
      shards: shardsOf(config, account, now()),
      accept: (ref, request) => outboxOf(env, ref).accept(request),
      putContent: (key, text) => content.putContent(env.CONTENT, key, text),
      deleteContent: (all) => content.deleteContent(env.CONTENT, all),
      contentKey: (_, id) => content.contentKey(scope, id),
      log,
    }),
    readOutbox: (ref, id) => outboxOf(env, ref).read(id),
    listOutbox: async (account, scope, { limit, after, before }) => {
      const refs = shardRefs(scope, shardsOf(config, account, now()).all);
      const page = { before: after, after: before };
      return (await Promise.all(refs.map((ref) => outboxOf(env, ref).list(page, limit)))).flat();
    },
    readRecorded: (scope, id) => recipients.readMessage(env.DB, scope, id),
    listRecorded: (scope, page) => recipients.listMessages(env.DB, scope, page),
    readContent: (key) => content.readContent(env.CONTENT, key),
    setPaused: async (scope, stream, paused) => {
      const refs = shardRefs(scope, PAUSE_SHARDS);
      await Promise.all(refs.map((ref) => outboxOf(env, ref).setPaused(stream, paused)));
    },
    shardLedgers: (account, scope) => {
      const refs = shardRefs(scope, shardsOf(config, account, now()).all);
      return Promise.all(refs.map((ref) => outboxOf(env, ref).ledger()));
    },
    countRecorded: (scope) => recipients.countStates(env.DB, scope),
    databaseAnswers: () => databaseAnswers(env),
  };
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  const late = sleep(ms).then(() => {
    throw new Error(`no answer within ${ms} ms`);
  });
  return Promise.race([promise, late]);
}

function databaseAnswers(env: Env): Promise<boolean> {
  const asked = env.DB.prepare("SELECT 1").first();
  return within(asked, HEALTH_MS).then(
    () => true,
    () => false,
  );
}

/** What the lane consumers may use. */
export function laneServices(env: Env): LaneDeps {
  const { config } = isolateOf(env);
  return {
    now,
    sleep,
    fetch: outside,
    sendsInFlight: config.limits.sends_in_flight,
    leaseMs: config.limits.lease_ms,
    suppressionMs: config.limits.suppression_ms,
    outbox: (ref) => outboxOf(env, ref),
    source: (name) => env.SOURCE.getByName(name) as unknown as SourcePort,
    provider: (name) => providerOf(env, name),
    sourcesFor: (scope, stream) => sourcesFor(env, scope, stream),
    suppressed: (scope, hashes) => readSuppressed(env.DB, scope, hashes, now()),
    content: (key) => content.readContent(env.CONTENT, key),
    journal: toJournal(env),
    log,
  };
}

function providerOf(env: Env, name: string): Provider | null {
  const { config, providers } = isolateOf(env);
  const known = providers.get(name);
  if (known !== undefined) return known;
  const settings = config.sources[name];
  const provider =
    settings === undefined
      ? null
      : createProvider(name, settings, {
          secret: (secret) => secretOf(env, secret),
          sandbox: (call) => sandboxOf(env, call),
        });
  if (settings !== undefined && provider === null) log("source_without_secret", { source: name });
  providers.set(name, provider);
  return provider;
}

function secretOf(env: Env, name: string): string | null {
  const value = (env as unknown as Record<string, unknown>)[name];
  return typeof value === "string" && value !== "" ? value : null;
}

function sandboxOf(env: Env, call: SandboxCall): Promise<SandboxAnswer> {
  const world = env.SANDBOX.getByName(call.account) as unknown as {
    send(call: SandboxCall): Promise<SandboxAnswer>;
  };
  return world.send(call);
}

/**
 * The stream's pool, for test mail only what is sandbox in it: test keys never reach a provider.
 */
function sourcesFor(env: Env, scope: string, stream: string): string[] {
  const { config } = isolateOf(env);
  const pool = config.pools[config.streams[stream]?.pool ?? ""]?.sources ?? [];
  if (!scope.endsWith(TEST_SUFFIX)) return pool.filter((name) => providerOf(env, name) !== null);
  const sandboxes = pool.filter((name) => config.sources[name]?.provider === "sandbox");
  return sandboxes.length > 0 ? sandboxes : [SANDBOX];
}

/** What the journal's consumer may use. */
export function journalServices(env: Env): JournalDeps {
  return {
    now,
    record: (rows) => recipients.mergeRecipients(env.DB, rows),
    recordAnswers: () => databaseAnswers(env),
    shardOf: async (account, id) => {
      const read = await readId(await isolateOf(env).signer, account, id);
      return read === null ? null : { account, shard: read.shard };
    },
    confirm: (ref, confirmations) => outboxOf(env, ref).confirm(confirmations),
    settle: (ref, settlements) => outboxOf(env, ref).settle(settlements),
    keepPoison: (body, reason) =>
      content.keepPoison(env.CONTENT, body, reason, { at: now(), id: uuid() }),
    log,
  };
}

/** What the dead-letter consumer and the cron may use. */
export function deadServices(env: Env): DeadDeps & RedriveDeps {
  return {
    keepDead: (body) => content.keepDead(env.CONTENT, body, { at: now(), id: uuid() }),
    dead: (limit) => content.listDead(env.CONTENT, limit),
    journal: toJournal(env),
    forget: (key) => content.deleteContent(env.CONTENT, [key]),
    log,
  };
}

/** Wakes every shard that the configuration names: objects cannot be listed. */
export async function touchShards(env: Env): Promise<void> {
  const { config } = isolateOf(env);
  const refs = Object.keys(config.accounts).flatMap((account) => {
    const { all } = shardsOf(config, account, now());
    return [...shardRefs(account, all), ...shardRefs(account + TEST_SUFFIX, all)];
  });
  const results = await Promise.allSettled(refs.map((ref) => outboxOf(env, ref).touch()));
  for (const result of results) {
    if (result.status === "rejected") log("touch_failed", { reason: String(result.reason) });
  }
}

/** What an Outbox may use. */
export function outboxDeps(env: Env): OutboxDeps {
  const { limits } = isolateOf(env).config;
  const lanes: Record<Lane, Queue> = {
    transactional: env.LANE_TRANSACTIONAL,
    broadcast: env.LANE_BROADCAST,
  };
  return {
    now,
    random: Math.random,
    token: uuid,
    sleep,
    leaseMs: limits.lease_ms,
    packStaleMs: limits.pack_stale_ms,
    rejournalMs: limits.rejournal_ms,
    sendPacks: async (lane, packs) => {
      const [only] = packs;
      const contentType = "json" as const;
      if (packs.length === 1 && only !== undefined) await lanes[lane].send(only, { contentType });
      else await lanes[lane].sendBatch(packs.map((body: Pack) => ({ body, contentType })));
    },
    sendJournal: toJournal(env),
    deleteContent: (all) => content.deleteContent(env.CONTENT, all),
    log,
  };
}

/** What a Source may use. */
export function sourceDeps(env: Env): SourceDeps {
  const { sources } = isolateOf(env).config;
  return { now, limitsOf: (name) => paceLimits(sources[name]) };
}

/** What a RateLimiter may use. */
export const limiterDeps = now;

/** What a Sandbox may use. */
export function sandboxDeps(env: Env): SandboxDeps {
  return {
    now,
    uuid,
    sendJournal: toJournal(env),
  };
}
