/**
 * The types of the Workers runtime that sources tested in Node name. Only these: the whole set
 * would take the place of Node's own Buffer, timers and fetch in the tools and their tests.
 */
type SqlStorage = import("@cloudflare/workers-types/index.ts").SqlStorage;
type D1Database = import("@cloudflare/workers-types/index.ts").D1Database;
type D1PreparedStatement = import("@cloudflare/workers-types/index.ts").D1PreparedStatement;
type KVNamespace = import("@cloudflare/workers-types/index.ts").KVNamespace;
type R2Bucket = import("@cloudflare/workers-types/index.ts").R2Bucket;
type Queue<Body = unknown> = import("@cloudflare/workers-types/index.ts").Queue<Body>;
