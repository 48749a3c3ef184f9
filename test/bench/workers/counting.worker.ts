/** Postern with a meter on every binding and object; `/__counts` reads the meters. */
import worker, {
  Outbox as RealOutbox,
  RateLimiter as RealRateLimiter,
  Sandbox as RealSandbox,
  Source as RealSource,
  VerificationJob as RealVerificationJob,
} from "../../../src/index.ts";
import { countedEnv, kinds, queueChunks } from "./counted-env.ts";
import { countedObject } from "./counted-object.ts";
import { count, read, reset, watchTimers } from "./counts.ts";

type Bindings = Readonly<Record<string, unknown>>;
type Handler = (subject: unknown, env: unknown, ctx: ExecutionContext) => Promise<unknown>;

watchTimers();
const handlers = worker as unknown as Record<"fetch" | "queue" | "scheduled", Handler>;

export const Outbox = countedObject(RealOutbox, { name: "Outbox", billed: true });
export const Source = countedObject(RealSource, { name: "Source", billed: true });
export const RateLimiter = countedObject(RealRateLimiter, { name: "RateLimiter", billed: true });
export const VerificationJob = countedObject(RealVerificationJob, {
  name: "VerificationJob",
  billed: true,
});
/** The provider: it bills its own work, but each of its reports reaches us as a webhook. */
export const Sandbox = countedObject(RealSandbox, {
  name: "Sandbox",
  billed: false,
  onJournal: () => count("worker_requests", 1, "webhook"),
});

/** One per isolate, as the bindings themselves: what is kept beside them is kept here too. */
const wrapped = new WeakMap<Bindings, Bindings>();
function metered(env: Bindings): Bindings {
  const known = wrapped.get(env) ?? countedEnv(env, undefined);
  wrapped.set(env, known);
  return known;
}

const DELIVERED = "SELECT count(*) AS n FROM recipient WHERE state = 'delivered'";

/** Recipients that a provider has accepted, and those of whom it has reported anything since. */
const MARKS = `SELECT count(*) FILTER (WHERE marks & 1 AND rev > 0 AND custody = 0) AS sent,
  count(*) FILTER (WHERE marks & ~1) AS reported FROM recipient`;

/** Routes of the bench. They use the bare bindings, so that looking costs nothing. */
async function control(path: string, env: Bindings, ctx: ExecutionContext): Promise<Response> {
  switch (path) {
    case "/__counts":
      return Response.json({ counts: read(), kinds: kinds(env) });
    case "/__reset":
      reset();
      return Response.json({});
    case "/__delivered":
      return Response.json(await (env.DB as D1Database).prepare(DELIVERED).first());
    case "/__marks":
      return Response.json(await (env.DB as D1Database).prepare(MARKS).first());
    case "/__cron": {
      const scheduledTime = Date.now();
      const event = { cron: "* * * * *", scheduledTime, noRetry: () => undefined };
      count("worker_requests", 1, "cron");
      await handlers.scheduled(event, metered(env), ctx);
      return Response.json({});
    }
    default:
      return new Response("no such route", { status: 404 });
  }
}

export default {
  fetch: (request: Request, env: Bindings, ctx: ExecutionContext) => {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/__")) return control(pathname, env, ctx);
    count("worker_requests", 1, "fetch");
    return handlers.fetch(request, metered(env), ctx);
  },
  queue: (batch: MessageBatch, env: Bindings, ctx: ExecutionContext) => {
    count("worker_requests", 1, `queue ${batch.queue}`);
    for (const message of batch.messages) {
      const chunks = queueChunks(message.body);
      count("queue_operations", chunks, `${batch.queue} read`);
      // Each message is deleted once, and each further delivery is one more read.
      if (message.attempts === 1) count("queue_operations", chunks, `${batch.queue} delete`);
    }
    return handlers.queue(batch, metered(env), ctx);
  },
  scheduled: (event: ScheduledController, env: Bindings, ctx: ExecutionContext) => {
    count("worker_requests", 1, "cron");
    return handlers.scheduled(event, metered(env), ctx);
  },
};
