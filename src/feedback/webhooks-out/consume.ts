/**
 * The webhook queue's consumer. A message only hints: the row decides. Endpoints are served side by
 * side, each at its own pace, and what came of it is written endpoint by endpoint. It never throws.
 */
import { type Backoff, backoffMs } from "../../core/backoff.ts";
import type { Delivery, Endpoint, WebhookPack } from "../../core/webhook.ts";
import { hint } from "./announce.ts";
import { deliver } from "./attempt.ts";
import { deliveriesOf } from "./deliveries.ts";
import { systemEvent } from "./events.ts";
import type { Health, Outcome, WebhookDeps, WebhookMessage } from "./ports.ts";
import { nextAttempt, pauseUntil, persistent } from "./schedule.ts";
import { signingKeys } from "./sign.ts";
import { createTurns } from "./turns.ts";

/**
 * Posts at a time: an invocation has six connections (Workers limits), and one of them is for the
 * database and the queue.
 */
export const IN_FLIGHT = 5;

/** Posts at a time to one endpoint: a slow one leaves most connections to others. */
export const PER_ENDPOINT = 2;

/** After this long no attempt of an invocation begins; a message of the queue then comes again. */
export const BUDGET_MS = 60_000;

/** Attempts kept of one delivery: a round, and as many of replays. */
export const ATTEMPTS_KEPT = 20;

/** A longer wait than this is the cron's: the message is let go. Below what it waits itself. */
const HELD_MAX_S = 60;

/** Comings of one message: what it could not do by then, the cron hints at anew. */
const COMINGS_MAX = 5;

/** A database that does not answer is asked again soon at first. */
const OUTAGE: Backoff = { firstMs: 2_000, maxMs: 300_000 };

interface Turn {
  /** Deliveries that were not tried, and when to come again. */
  readonly left: ReadonlySet<string>;
  readonly comeAgainAt: number;
}

const keyOf = (endpoint: string, event: string): string => `${endpoint}\n${event}`;

/** Handles one batch; every message is acked or retried. */
export async function consumeWebhooks(
  messages: readonly WebhookMessage[],
  deps: WebhookDeps,
): Promise<void> {
  const packs = messages.flatMap((message) => {
    const pack = readPack(message.body);
    if (pack !== null) return [{ message, pack }];
    deps.log("webhook_hint_malformed", { attempts: message.attempts });
    message.ack();
    return [];
  });
  let turns: Map<string, Turn>;
  try {
    turns = await serve(
      packs.map(({ pack }) => pack),
      deps,
    );
  } catch (error) {
    deps.log("webhooks_unreadable", { reason: String(error) });
    for (const { message } of packs) {
      const waitMs = backoffMs(OUTAGE, message.attempts, deps.random());
      message.retry({ delaySeconds: Math.ceil(waitMs / 1_000) });
    }
    return;
  }
  for (const { message, pack } of packs) {
    const turn = turns.get(pack.endpoint);
    const left = pack.due.some(({ event }) => turn?.left.has(keyOf(pack.endpoint, event)));
    const waitS = Math.max(1, Math.ceil(((turn?.comeAgainAt ?? 0) - deps.now()) / 1_000));
    if (!left || waitS > HELD_MAX_S || message.attempts >= COMINGS_MAX) message.ack();
    else message.retry({ delaySeconds: waitS });
  }
}

function readPack(body: unknown): WebhookPack | null {
  const pack = body as Partial<WebhookPack> | null | undefined;
  if (typeof pack !== "object" || pack === null || pack.v !== 1) return null;
  if (typeof pack.endpoint !== "string" || !Array.isArray(pack.due)) return null;
  const sound = pack.due.every(
    (one) => typeof one?.event === "string" && typeof one?.tries === "number",
  );
  return sound ? (pack as WebhookPack) : null;
}

/** Tries everything that the packs hint at and that is still due. */
async function serve(packs: readonly WebhookPack[], deps: WebhookDeps): Promise<Map<string, Turn>> {
  const wanted = new Map<string, { endpoint: string; event: string; tries: Set<number> }>();
  for (const { endpoint, due } of packs) {
    for (const { event, tries } of due) {
      const key = keyOf(endpoint, event);
      const known = wanted.get(key);
      if (known !== undefined) known.tries.add(tries);
      else wanted.set(key, { endpoint, event, tries: new Set([tries]) });
    }
  }
  if (wanted.size === 0) return new Map();
  const { endpoints, deliveries } = await deps.readDue([...wanted.values()]);
  const due = deliveries.filter(({ endpoint, event, status, tries }) => {
    const hinted = wanted.get(keyOf(endpoint, event))?.tries.has(tries) ?? false;
    return status === "pending" && hinted;
  });
  const slots = createTurns(IN_FLIGHT);
  const until = deps.now() + BUDGET_MS;
  const served = endpoints.map(async (endpoint): Promise<[string, Turn]> => {
    const own = due.filter((delivery) => delivery.endpoint === endpoint.id);
    // One endpoint's trouble, whatever it is, is not the others'.
    const turn = await serveEndpoint(endpoint, own, until, slots, deps).catch((error: unknown) => {
      deps.log("webhook_endpoint_failed", { endpoint: endpoint.id, reason: String(error) });
      return { left: new Set<string>(), comeAgainAt: 0 };
    });
    return [endpoint.id, turn];
  });
  return new Map(await Promise.all(served));
}

async function serveEndpoint(
  endpoint: Endpoint,
  due: readonly Delivery[],
  until: number,
  slots: ReturnType<typeof createTurns>,
  deps: WebhookDeps,
): Promise<Turn> {
  // The rows of an endpoint that is switched off are ended by the cron.
  if (due.length === 0 || endpoint.status !== "enabled") return { left: new Set(), comeAgainAt: 0 };
  const keys = await signingKeys(await deps.signer(), endpoint, deps.now());
  const waiting = due.toSorted((a, b) => (a.event < b.event ? -1 : 1));
  const outcomes: Outcome[] = [];
  let { fails, slowUntil } = endpoint;
  let succeeded = 0;
  let exhausted = 0;
  let gone = false;

  const worker = async (): Promise<void> => {
    for (;;) {
      const one = await slots.run(async () => {
        if (gone || deps.now() < slowUntil || deps.now() >= until) return null;
        const delivery = waiting.shift();
        if (delivery === undefined) return null;
        return { delivery, ...(await deliver(endpoint, delivery, keys, deps)) };
      });
      if (one === null) return;
      const { delivery, attempt } = one;
      const now = deps.now();
      const step = delivery.step + 1;
      const attempts = [...delivery.attempts, attempt].slice(-ATTEMPTS_KEPT);
      const common = { event: delivery.event, seen: delivery.tries, step, attempts };
      if (one.ok) {
        fails = 0;
        succeeded += 1;
        outcomes.push({ ...common, status: "success", nextAt: null });
        continue;
      }
      fails += 1;
      gone ||= one.gone;
      const asked = { status: attempt.status, retryAfterMs: one.retryAfterMs };
      slowUntil = Math.max(slowUntil, pauseUntil(asked, fails, now, deps.random()) ?? 0);
      const next = nextAttempt(step, now, deps.random(), one.retryAfterMs);
      if (next === null) exhausted += 1;
      const nextAt = next === null || gone ? null : Math.max(next, slowUntil);
      outcomes.push({ ...common, status: nextAt === null ? "failed" : "pending", nextAt });
    }
  };
  await Promise.all(Array.from({ length: PER_ENDPOINT }, worker));

  const left = new Set(waiting.map(({ event }) => keyOf(endpoint.id, event)));
  const turn = { left, comeAgainAt: Math.max(deps.now(), slowUntil) };
  if (outcomes.length === 0) return turn;
  const failed = outcomes.length - succeeded;
  const health = { at: deps.now(), succeeded, failed, exhausted, slowUntil };
  await settle(endpoint, outcomes, health, gone, deps);
  return turn;
}

/** Writes what came of it, hints at what is to be tried again, and gives up whom it must. */
async function settle(
  endpoint: Endpoint,
  outcomes: readonly Outcome[],
  health: Health,
  gone: boolean,
  deps: WebhookDeps,
): Promise<void> {
  const stands = await deps.record(endpoint.id, outcomes, health);
  const again = outcomes.flatMap(({ event, seen, nextAt }) =>
    nextAt === null ? [] : [{ endpoint: endpoint.id, event, tries: seen + 1, nextAt }],
  );
  await hint(again, deps);
  const given = gone ? "gone" : stands !== null && persistent(stands, health.at) ? "failing" : null;
  if (given === null) return;
  const others = (await deps.readEndpoints([endpoint.account])).filter(
    ({ id }) => id !== endpoint.id,
  );
  const notice = await systemEvent(
    "webhook.disabled",
    { account: endpoint.account, at: health.at, key: endpoint.id },
    {
      id: endpoint.id,
      endpoint: endpoint.url,
      reason: given,
      failing_since: stands?.failingSince ? new Date(stands.failingSince).toISOString() : null,
    },
  );
  const notices = deliveriesOf([notice], others, health.at);
  const hints = await deps.disable(endpoint.id, given, health.at, notices);
  deps.log("webhook_disabled", { endpoint: endpoint.id, reason: given });
  await hint(hints, deps);
}
