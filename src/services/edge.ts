import type { GcraLimit, RateGrant } from "../core/gcra.ts";
import { Lease } from "../core/lease.ts";
import { err, ok } from "../core/result.ts";
import type { Services } from "../edge/context.ts";
import * as keys from "../store/api-keys.ts";
import * as content from "../store/content.ts";
import { readRawEvents } from "../store/raw-events.ts";
import * as recipients from "../store/recipients.ts";
import type { Env } from "./bindings.ts";
import { observeServices } from "./feeds.ts";
import { hookServices } from "./hooks.ts";
import {
  bytes,
  databaseAnswers,
  type Isolate,
  isolateOf,
  log,
  now,
  outboxOf,
  outside,
  uuid,
  within,
} from "./isolate.ts";
import { followServices } from "./journal.ts";
import { linkServices } from "./links.ts";
import { reputationRoutes } from "./reputation.ts";
import { suppressionServices } from "./suppressions.ts";
import { rateOf, scopeOf, shardRefs, shardsOf, streamTerms } from "./terms.ts";
import { verificationJobServices } from "./verification-jobs.ts";
import { verifyServices } from "./verify.ts";
import { webhookRoutes } from "./webhooks.ts";

/** Shards that any tier can name: a pause reaches them all, whatever the tier is or becomes. */
const PAUSE_SHARDS = 16;

/** The limiter answers in time or mail goes on without it. */
const LIMITER_MS = 2_000;

/** What the HTTP side may use. */
export function edgeServices(env: Env): Services {
  const isolate = isolateOf(env);
  isolate.edge ??= createEdge(env, isolate);
  return isolate.edge;
}

function createEdge(env: Env, { config, signer }: Isolate): Services {
  const leases = new Map<string, Lease>();
  const stores = { db: env.DB, cache: env.CACHE };
  return {
    now,
    random: bytes,
    uuid,
    fetch: outside,
    log,
    signer: () => signer,
    adminKey: env.POSTERN_ADMIN_KEY ?? "",
    scopeOf,
    accountExists: (account) => Object.hasOwn(config.accounts, account),
    domainsOf: (account) => config.accounts[account]?.domains ?? [],
    stream: (name) => streamTerms(config, name),
    streamNames: () => Object.keys(config.streams),
    knownApiKey: (token) => keys.knownApiKey(token, now()),
    findApiKey: async (token) => {
      try {
        return ok(await keys.findApiKey(stores, token, now()));
      } catch (error) {
        log("keys_unavailable", { reason: String(error) });
        return err("unavailable");
      }
    },
    insertApiKey: (hash, key) => keys.insertApiKey(env.DB, hash, key),
    listApiKeys: () => keys.listApiKeys(env.DB),
    deleteApiKey: (id) => keys.deleteApiKey(stores, id),
    takeRate: async ({ account, scope }) => {
      const lease = leases.get(scope) ?? new Lease();
      leases.set(scope, lease);
      const leased = lease.use(now());
      if (leased !== null) return leased;
      const limiter = env.LIMITER.getByName(scope) as unknown as {
        take(limit: GcraLimit, wanted: number): Promise<RateGrant>;
      };
      const asked = limiter.take(rateOf(config, account), lease.wanted());
      const grant = await within(asked, LIMITER_MS);
      lease.add(grant, grant.granted, now());
      return grant;
    },
    accept: {
      now,
      random: bytes,
      signer: () => signer,
      accept: (ref, request) => outboxOf(env, ref).accept(request),
      replay: (ref, idempotency) => outboxOf(env, ref).replay(idempotency),
      putContent: (key, text) => content.putContent(env.CONTENT, key, text),
      deleteContent: (all) => content.deleteContent(env.CONTENT, all),
      contentKey: content.contentKey,
      log,
    },
    shardsOf: (account) => shardsOf(config, account, now()),
    readOutbox: (ref, id) => outboxOf(env, ref).read(id),
    listOutbox: async (account, scope, { limit, after, before }) => {
      const refs = shardRefs(scope, shardsOf(config, account, now()).all);
      const page = { before: after, after: before };
      return (await Promise.all(refs.map((ref) => outboxOf(env, ref).list(page, limit)))).flat();
    },
    readRawEvents: (scope, id) => readRawEvents(env.DB, scope, id),
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
    reputation: reputationRoutes(env, followServices(env)),
    webhooks: webhookRoutes(env),
    suppressions: suppressionServices(env),
    observe: observeServices(env),
    hooks: hookServices(env),
    links: linkServices(env),
    verify: verifyServices(env),
    verificationJobs: verificationJobServices(env),
  };
}
