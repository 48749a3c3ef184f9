/** What the journal's consumer may use. */
import { readId } from "../core/ids.ts";
import type { JournalDeps } from "../feedback/ports.ts";
import { isAnonymous } from "../providers/registry.ts";
import * as content from "../store/content.ts";
import { recordJournal } from "../store/journal.ts";
import { readMessages } from "../store/messages.ts";
import type { Env } from "./bindings.ts";
import { databaseAnswers, isolateOf, log, now, outboxOf, uuid } from "./isolate.ts";
import { scopesOf } from "./terms.ts";

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
    effects: { now: now() },
    contexts: (refs, keys) => readMessages(env.DB, refs, keys),
    heads: (ref, ids) => outboxOf(env, ref).heads(ids),
    shardOf,
    accountOf: async (id) => {
      for (const scope of scopesOf(config)) if ((await shardOf(scope, id)) !== null) return scope;
      return null;
    },
    record: (record) => recordJournal(env.DB, record),
    follow: async () => {},
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
