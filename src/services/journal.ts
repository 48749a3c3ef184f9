/** What the journal's consumer may use. */
import { readId } from "../core/ids.ts";
import { idsFrom } from "../core/webhook.ts";
import type { FollowDeps } from "../feedback/follow.ts";
import type { JournalDeps } from "../feedback/ports.ts";
import { isAnonymous } from "../providers/registry.ts";
import * as content from "../store/content.ts";
import { lookJournal, recordJournal } from "../store/journal.ts";
import { pruneRawEvents } from "../store/raw-events.ts";
import { traitsOf } from "../verify/lists.ts";
import type { Env } from "./bindings.ts";
import { databaseAnswers, isolateOf, log, now, outboxOf, uuid } from "./isolate.ts";
import { guardServices } from "./reputation.ts";
import { isTestScope, scopesOf } from "./terms.ts";
import { announceServices } from "./webhooks.ts";

/** What follows a transaction of the journal, and what the cron and the routes have of it. */
export function followServices(env: Env): FollowDeps {
  const scopes = scopesOf(isolateOf(env).config);
  return { webhooks: announceServices(env), guard: guardServices(env), scopes };
}

/** Providers whose mail comes back if at all, and of whose deliveries nobody tells. */
const SILENT: ReadonlySet<string> = new Set(["smtp", "mailpit"]);

/** What the journal's consumer may use. */
export function journalServices(env: Env): JournalDeps {
  const { config, signer } = isolateOf(env);
  const shardOf: JournalDeps["shardOf"] = async (account, id) => {
    const read = await readId(await signer, account, id);
    return read === null ? null : { account, shard: read.shard };
  };
  return {
    now,
    isAnonymous: (source) => {
      const provider = config.sources[source]?.provider;
      return provider !== undefined && isAnonymous(provider);
    },
    effects: {
      now,
      isTest: isTestScope,
      traitsOf,
      reportsDeliveries: (source) => {
        const provider = config.sources[source]?.provider;
        return provider !== undefined && !SILENT.has(provider);
      },
    },
    follow: followServices(env),
    scopes: scopesOf(config),
    look: (refs, keys, accounts) => lookJournal(env.DB, refs, keys, accounts),
    heads: (ref, ids) => outboxOf(env, ref).heads(ids),
    shardOf,
    accountOf: async (id) => {
      for (const scope of scopesOf(config)) if ((await shardOf(scope, id)) !== null) return scope;
      return null;
    },
    record: (record) =>
      recordJournal(env.DB, record, config.suppression, now(), config.verify.share_evidence),
    recordAnswers: () => databaseAnswers(env),
    confirm: (ref, confirmations) => outboxOf(env, ref).confirm(confirmations),
    settle: (ref, settlements) => outboxOf(env, ref).settle(settlements),
    journalLater: async (body, delaySeconds) => {
      await env.JOURNAL.send(body, { contentType: "json", delaySeconds });
    },
    keepAside: (where, body, reason) =>
      content.keepAside(env.CONTENT, where, body, reason, { at: now(), id: uuid() }),
    log,
  };
}

/** Events as they came are kept this long: a complaint comes weeks after its mail. */
const RAW_KEPT_MS = 30 * 86_400_000;

/** Deleted for one account in one round: far more than comes in a minute. */
const RAW_PRUNE_MAX = 1_000;

/** The cron's pruning of events as they came: one account a minute, in turn. */
export async function pruneRaw(env: Env): Promise<void> {
  const scopes = scopesOf(isolateOf(env).config);
  const scope = scopes[Math.floor(now() / 60_000) % scopes.length];
  if (scope === undefined) return;
  await pruneRawEvents(env.DB, scope, idsFrom(now() - RAW_KEPT_MS), RAW_PRUNE_MAX);
}
