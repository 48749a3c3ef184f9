/** What the queue consumers and the cron may use. */
import type { LaneDeps, SourcePort } from "../deliver/ports.ts";
import type { DeadDeps, RedriveDeps } from "../feedback/dead.ts";
import * as content from "../store/content.ts";
import type { Env } from "./bindings.ts";
import {
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
import { laneLinks } from "./links.ts";
import { laneGuard } from "./reputation.ts";
import { laneSuppression } from "./suppressions.ts";
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
    ...laneSuppression(env),
    ...laneGuard(env),
    content: (key) => content.readContent(env.CONTENT, key),
    links: laneLinks(env),
    journal: toJournal(env),
    log,
  };
}

/** What the dead-letter consumer and the cron may use. */
export function deadServices(env: Env): DeadDeps & RedriveDeps {
  return {
    keepDead: (body) => content.keepDead(env.CONTENT, body, { at: now(), id: uuid() }),
    dead: (limit) => content.listDead(env.CONTENT, limit),
    journal: (body) => putBack(env, body),
    forget: (key) => content.deleteContent(env.CONTENT, [key]),
    log,
  };
}

/** A provider's event has no `kind`: it goes back to the queue where it is read. */
async function putBack(env: Env, body: unknown): Promise<void> {
  const isOurs = (body as { kind?: unknown } | null)?.kind !== undefined;
  if (isOurs) await toJournal(env)(body);
  else await env.EVENTS.send(body, { contentType: "json" });
}

/** Wakes every shard that the configuration names: objects cannot be listed. */
export async function touchShards(env: Env): Promise<void> {
  const refs = everyShard(isolateOf(env).config, now());
  const results = await Promise.allSettled(refs.map((ref) => outboxOf(env, ref).touch()));
  for (const result of results) {
    if (result.status === "rejected") log("touch_failed", { reason: String(result.reason) });
  }
}
