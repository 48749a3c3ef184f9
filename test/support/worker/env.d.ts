/**
 * The types of `env` and `exports` from "cloudflare:workers" in tests; the code's own are in src.
 */
declare namespace Cloudflare {
  interface GlobalProps {
    mainModule: typeof import("../../../src/index.ts");
    durableNamespaces: "Outbox" | "Source" | "RateLimiter" | "Sandbox" | "VerificationJob";
  }
  interface Env {
    DB: D1Database;
    CACHE: KVNamespace;
    CONTENT: R2Bucket;
    OUTBOX: DurableObjectNamespace<import("../../../src/index.ts").Outbox>;
    SOURCE: DurableObjectNamespace<import("../../../src/index.ts").Source>;
    LIMITER: DurableObjectNamespace<import("../../../src/index.ts").RateLimiter>;
    SANDBOX: DurableObjectNamespace<import("../../../src/index.ts").Sandbox>;
    JOB: DurableObjectNamespace<import("../../../src/index.ts").VerificationJob>;
    LANE_TRANSACTIONAL: Queue;
    LANE_BROADCAST: Queue;
    JOURNAL: Queue;
    WEBHOOKS: Queue;
    EVENTS: Queue;
    VERIFY: Queue;
    DEAD: Queue;
    POSTERN: unknown;
    POSTERN_SECRET: string;
    POSTERN_ADMIN_KEY: string;
    /** Given by vitest.config.ts to test/providers/cloudflare/send.worker.ts. */
    EMAIL: SendEmail;
    /** Given by vitest.config.ts to test/support/worker/setup.ts. */
    TEST_MIGRATIONS: import("cloudflare:test").D1Migration[];
  }
}
