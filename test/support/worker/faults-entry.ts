/**
 * The Worker of src/index.ts with every Dep behind a fault point. A queue's batch is split by
 * account: one invocation of the consumer each, as if the queue had delivered them to different
 * ones. The queue takes back what an invocation that died had in hand.
 */
import { createApp } from "../../../src/app.ts";
import type { JournalBody, Pack } from "../../../src/core/custody.ts";
import { consumeLane } from "../../../src/deliver/consume.ts";
import type { LaneMessage } from "../../../src/deliver/ports.ts";
import { consumeDead, redrive } from "../../../src/feedback/dead.ts";
import { consumeJournal } from "../../../src/feedback/ingest.ts";
import type { JournalMessage } from "../../../src/feedback/ports.ts";
import { OutboxObject } from "../../../src/objects/outbox/outbox.ts";
import {
  deadServices,
  type Env,
  edgeServices,
  journalServices,
  laneServices,
  outboxDeps,
  touchShards,
} from "../../../src/services.ts";
import { createLife, faultyJournal, faultyLane, faultyOutbox, scriptFor } from "./faults.ts";
import { breakable } from "./faults-database.ts";

export { RateLimiter, Sandbox, Source, VerificationJob } from "../../../src/index.ts";

/** A queue gives the messages of a dead consumer to another one after this long. */
const REDELIVERY_S = 1;

const breakables = new WeakMap<Env, Map<string, Env>>();

/** The bindings, with a database that can be taken down, also for the consumers of one scope. */
export function fragile(env: Env, scope = ""): Env {
  const scopes = breakables.get(env) ?? new Map<string, Env>();
  breakables.set(env, scopes);
  const made = scopes.get(scope) ?? { ...env, DB: breakable(env.DB, scope) };
  scopes.set(scope, made);
  return made;
}

const app = createApp((env: Env) => edgeServices(fragile(env)));

export default {
  fetch: app.fetch,

  async queue(batch, env) {
    if (batch.queue === "postern-dead") return consumeDead(batch.messages, deadServices(env));
    const scopes = Map.groupBy(batch.messages, (message) => scopeOf(message.body));
    await Promise.all(
      [...scopes].map(([scope, messages]) =>
        batch.queue === "postern-journal"
          ? journalInvocation(env, scope, messages)
          : laneInvocations(env, scope, messages),
      ),
    );
  },

  async scheduled(_controller, env) {
    await touchShards(env);
    await redrive(deadServices(env));
  },
} satisfies ExportedHandler<Env>;

function scopeOf(body: unknown): string {
  const { account, events } = body as { account?: string } & Extract<
    JournalBody,
    { kind: "events" }
  >;
  return account ?? events?.[0]?.account ?? "";
}

/** One invocation of the lane consumer on `messages`. False when it died. */
export async function invokeLane(
  env: Env,
  scope: string,
  messages: readonly LaneMessage[],
): Promise<boolean> {
  const life = createLife();
  const mine = messages.map(({ body, attempts, ...message }) => ({
    body,
    attempts,
    ack: () => life.dead || message.ack(),
    retry: (options: { delaySeconds: number }) => life.dead || message.retry(options),
  }));
  await Promise.race([
    consumeLane(
      mine as readonly LaneMessage[],
      faultyLane(laneServices(fragile(env, scope)), scope, life),
    ),
    life.death,
  ]);
  return !life.dead;
}

async function laneInvocations(
  env: Env,
  scope: string,
  messages: readonly LaneMessage[],
): Promise<void> {
  const script = scriptFor(scope);
  if (script.handOver) {
    script.handed.push(...messages.map((message) => message.body as Pack));
    for (const message of messages) message.ack();
    return;
  }
  const copies = script.twice() ? 2 : 1;
  const all = messages.map(settling);
  const lived = await Promise.all(
    Array.from({ length: copies }, () => invokeLane(env, scope, all)),
  );
  if (!lived.includes(true)) {
    for (const message of all) message.retry({ delaySeconds: REDELIVERY_S });
  }
}

/** A queue's message of which the first answer counts, as for the deliveries of a queue. */
function settling(message: LaneMessage): LaneMessage {
  let answered = false;
  const once = (answer: () => void): void => {
    if (!answered) answer();
    answered = true;
  };
  return {
    body: message.body,
    attempts: message.attempts,
    ack: () => once(() => message.ack()),
    retry: (options) => once(() => message.retry(options)),
  };
}

async function journalInvocation(
  env: Env,
  scope: string,
  messages: readonly JournalMessage[],
): Promise<void> {
  const life = createLife();
  const deps = faultyJournal(journalServices(fragile(env, scope)), scope, life);
  const all = messages.map((one) => ({
    id: one.id,
    timestamp: one.timestamp,
    ...settling(one),
  }));
  await Promise.race([consumeJournal(all, deps), life.death]);
  if (life.dead) for (const message of all) message.retry({ delaySeconds: REDELIVERY_S });
}

/** The Outbox, whose queues and storage may refuse. */
export class Outbox extends OutboxObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    const scope = ctx.id.name?.split("/")[0] ?? "";
    super(ctx, env, faultyOutbox(outboxDeps(env), scope));
  }
}
