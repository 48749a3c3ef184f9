/** What the queue consumers and the cron may use. */
import { readId } from "../core/ids.ts";
import type { LaneDeps, SourcePort } from "../deliver/ports.ts";
import type { DeadDeps, RedriveDeps } from "../feedback/dead.ts";
import type { JournalDeps } from "../feedback/ports.ts";
import * as content from "../store/content.ts";
import * as recipients from "../store/recipients.ts";
import { readSuppressed } from "../store/suppressions.ts";
import type { Env } from "./bindings.ts";
import {
  databaseAnswers,
  isolateOf,
  log,
  now,
  outboxOf,
  outside,
  providerOf,
  sleep,
  sourcesFor,
  toJournal,
  uuid,
} from "./isolate.ts";
import { everyShard } from "./terms.ts";

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
  const refs = everyShard(isolateOf(env).config, now());
  const results = await Promise.allSettled(refs.map((ref) => outboxOf(env, ref).touch()));
  for (const result of results) {
    if (result.status === "rejected") log("touch_failed", { reason: String(result.reason) });
  }
}
