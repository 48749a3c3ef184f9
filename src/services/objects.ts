/** What the Durable Objects may use. */
import type { Lane, Pack } from "../core/custody.ts";
import type { OutboxDeps } from "../objects/outbox/state.ts";
import type { SandboxDeps } from "../objects/sandbox.ts";
import type { SourceDeps } from "../objects/source.ts";
import * as content from "../store/content.ts";
import type { Env } from "./bindings.ts";
import { isolateOf, log, now, sleep, toJournal, uuid } from "./isolate.ts";
import { paceLimits } from "./terms.ts";

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
