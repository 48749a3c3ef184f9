/**
 * Services: the only room that touches bindings. Makes each step the Deps it declares:
 * `services/edge.ts` for requests, `consumers.ts` for queues and cron, `objects.ts` for Durable
 * Objects.
 */
export type { Env } from "./services/bindings.ts";
export * from "./services/consumers.ts";
export { edgeServices } from "./services/edge.ts";
export { eventServices } from "./services/events.ts";
export * from "./services/feeds.ts";
export { inboundServices } from "./services/inbound.ts";
export { followServices, journalServices, pruneRaw } from "./services/journal.ts";
export * from "./services/objects.ts";
export { pruneGuard } from "./services/reputation.ts";
export { tendSuppressions } from "./services/suppressions.ts";
export { jobDeps, taskServices, tendJobs } from "./services/verification-jobs.ts";
export { warmFacts } from "./services/verify.ts";
export { announceServices, sweepServices, webhookServices } from "./services/webhooks.ts";
