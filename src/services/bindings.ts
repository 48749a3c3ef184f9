/** The bindings of wrangler.toml. */
export interface Env {
  readonly DB: D1Database;
  readonly CACHE: KVNamespace;
  readonly CONTENT: R2Bucket;
  readonly OUTBOX: DurableObjectNamespace;
  readonly SOURCE: DurableObjectNamespace;
  readonly LIMITER: DurableObjectNamespace;
  readonly SANDBOX: DurableObjectNamespace;
  readonly JOB: DurableObjectNamespace;
  readonly LANE_TRANSACTIONAL: Queue;
  readonly LANE_BROADCAST: Queue;
  readonly JOURNAL: Queue;
  readonly WEBHOOKS: Queue;
  readonly EVENTS: Queue;
  readonly VERIFY: Queue;
  readonly DEAD: Queue;
  readonly POSTERN?: unknown;
  readonly POSTERN_SECRET?: string;
  readonly POSTERN_ADMIN_KEY?: string;
}
