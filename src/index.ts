/** Postern: the Worker. What comes in, and where it goes. */
import { createApp } from "./app.ts";
import { consumeLane } from "./deliver/consume.ts";
import { classify } from "./feedback/classify.ts";
import { consumeDead, redrive } from "./feedback/dead.ts";
import { consumeEvents } from "./feedback/event-queue.ts";
import { fillGaps } from "./feedback/fill.ts";
import { guardOf } from "./feedback/follow.ts";
import { takeReport } from "./feedback/inbound/take.ts";
import { consumeJournal } from "./feedback/ingest.ts";
import { feedTeller } from "./feedback/notices.ts";
import { patrol } from "./feedback/reputation.ts";
import { announceEnd } from "./feedback/verification-events.ts";
import { consumeWebhooks } from "./feedback/webhooks-out/consume.ts";
import { sweepWebhooks } from "./feedback/webhooks-out/sweep.ts";
import { OutboxObject } from "./objects/outbox/outbox.ts";
import { RateLimiterObject } from "./objects/rate-limiter.ts";
import { SandboxObject } from "./objects/sandbox.ts";
import { SourceObject } from "./objects/source.ts";
import { VerificationJobObject } from "./objects/verification-job.ts";
import { rounds } from "./observe/rounds.ts";
import { watchFeeds } from "./observe/watchdog.ts";
import {
  announceServices,
  deadServices,
  type Env,
  edgeServices,
  eventServices,
  fillServices,
  followServices,
  inboundServices,
  jobDeps,
  journalServices,
  laneServices,
  limiterDeps,
  outboxDeps,
  pruneGuard,
  pruneRaw,
  sandboxDeps,
  sourceDeps,
  sweepServices,
  taskServices,
  tendJobs,
  tendSuppressions,
  touchShards,
  warmFacts,
  watchServices,
  webhookServices,
} from "./services.ts";
import { consumeTasks } from "./verify/jobs/consume.ts";

const app = createApp(edgeServices);

export default {
  fetch: app.fetch,

  async queue(batch, env) {
    switch (batch.queue) {
      case "postern-transactional":
      case "postern-broadcast":
        return consumeLane(batch.messages, laneServices(env));
      case "postern-journal":
        return consumeJournal(batch.messages, journalServices(env));
      case "postern-events":
        return consumeEvents(batch.messages, eventServices(env));
      case "postern-webhooks":
        return consumeWebhooks(batch.messages, webhookServices(env));
      case "postern-verify":
        return consumeTasks(batch.messages, taskServices(env));
      default:
        return consumeDead(batch.messages, deadServices(env));
    }
  },

  /** Bounces and complaints by mail. What is thrown makes the server that brings it come again. */
  async email(message, env) {
    const taken = await takeReport(message, inboundServices(env));
    if (!taken.ok) message.setReject("5.1.1 No such address");
  },

  async scheduled(_controller, env) {
    const follow = followServices(env);
    const tell = feedTeller(follow.webhooks, follow.scopes);
    await rounds(
      {
        touch: () => touchShards(env),
        webhooks: () => sweepWebhooks(sweepServices(env)),
        watch: () => watchFeeds(watchServices(env, tell)),
        guard: () => patrol(guardOf(follow)),
        counts: () => pruneGuard(env),
        redrive: () => redrive(deadServices(env)),
        suppressions: () => tendSuppressions(env),
        raw: () => pruneRaw(env),
        jobs: () => tendJobs(env),
        // These wait for resolvers and providers: whatever else is to be done comes before.
        domains: () => warmFacts(env),
        fill: () => fillGaps({ ...fillServices(env), classify }),
      },
      follow.guard.log,
    );
  },
} satisfies ExportedHandler<Env>;

/** Custody of accepted mail: one object per account and shard. */
export class Outbox extends OutboxObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, outboxDeps(env));
  }
}

/** Leave to send: one object per source. */
export class Source extends SourceObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, sourceDeps(env));
  }
}

/** A bulk verification: one object per job. */
export class VerificationJob extends VerificationJobObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(
      ctx,
      env,
      jobDeps(env, (job) => announceEnd(job, announceServices(env))),
    );
  }
}

/** Request rates: one object per account. */
export class RateLimiter extends RateLimiterObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, limiterDeps);
  }
}

/** The sandbox's world: one object per account. */
export class Sandbox extends SandboxObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, sandboxDeps(env));
  }
}
