/** What webhooks may use: the routes, the consumer, the cron, and whoever announces something. */
import { idsFrom } from "../core/webhook.ts";
import type { WebhookServices } from "../edge/webhooks.ts";
import type { DelayedPack } from "../feedback/webhooks-out/deliveries.ts";
import type { AnnounceDeps, SweepDeps, WebhookDeps } from "../feedback/webhooks-out/ports.ts";
import * as deliveries from "../store/webhook-deliveries.ts";
import * as endpoints from "../store/webhook-endpoints.ts";
import * as deliveryLog from "../store/webhook-log.ts";
import type { Env } from "./bindings.ts";
import { isolateOf, log, now, outside, uuid } from "./isolate.ts";

/** Messages in one call of the queue (Queues limits). */
const SEND_MAX = 100;

/** Puts hints on the webhook queue. */
export async function enqueueWebhooks(env: Env, packs: readonly DelayedPack[]): Promise<void> {
  for (let from = 0; from < packs.length; from += SEND_MAX) {
    const part = packs.slice(from, from + SEND_MAX);
    await env.WEBHOOKS.sendBatch(part.map((pack) => ({ ...pack, contentType: "json" as const })));
  }
}

/** What announcing an event needs. */
export function announceServices(env: Env): AnnounceDeps {
  return {
    now,
    readEndpoints: (accounts) => endpoints.readEndpoints(env.DB, accounts),
    insertDeliveries: (all) => deliveries.insertDeliveries(env.DB, all),
    enqueue: (packs) => enqueueWebhooks(env, packs),
    log,
  };
}

/** What the webhook queue's consumer may use. */
export function webhookServices(env: Env): WebhookDeps {
  const { config, signer } = isolateOf(env);
  return {
    ...announceServices(env),
    fetch: outside,
    timeLimit: (ms) => AbortSignal.timeout(ms),
    uuid,
    random: Math.random,
    allowLocal: config.webhooks.allow_local,
    signer: () => signer,
    readDue: (hints) => deliveries.readDue(env.DB, hints),
    record: (endpoint, outcomes, health) =>
      deliveries.settleDeliveries(env.DB, endpoint, outcomes, health),
    disable: (endpoint, reason, at, notices) =>
      deliveries.disableEndpoint(env.DB, endpoint, reason, at, notices),
  };
}

/** What the cron's round of the webhooks may use. */
export function sweepServices(env: Env): SweepDeps {
  return {
    now,
    enqueue: (packs) => enqueueWebhooks(env, packs),
    claimOverdue: (before, again) => deliveries.claimOverdue(env.DB, before, again, now()),
    settleDisabled: () => deliveries.settleDisabled(env.DB),
    prune: (before, after) => deliveries.pruneDeliveries(env.DB, idsFrom(before), idsFrom(after)),
    log,
  };
}

/** What the routes of webhooks may use. */
export function webhookRoutes(env: Env): WebhookServices {
  return {
    ...announceServices(env),
    allowLocal: isolateOf(env).config.webhooks.allow_local,
    read: (account, id) => endpoints.readEndpoint(env.DB, account, id),
    insert: (endpoint, most) => endpoints.insertEndpoint(env.DB, endpoint, most),
    update: (account, id, patch, at) => endpoints.updateEndpoint(env.DB, account, id, patch, at),
    rotate: (endpoint, previous) => endpoints.rotateSecret(env.DB, endpoint, previous),
    remove: (account, id, at) => endpoints.deleteEndpoint(env.DB, account, id, at),
    listDeliveries: (endpoint, page) => deliveryLog.listDeliveries(env.DB, endpoint, page),
    readDelivery: (endpoint, event) => deliveryLog.readDelivery(env.DB, endpoint, event),
    replay: (endpoint, event, at) => deliveryLog.replayDelivery(env.DB, endpoint, event, at),
    replayRange: (endpoint, range, at) => deliveryLog.replayRange(env.DB, endpoint, range, at),
  };
}
