import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import worker from "../../src/index.ts";
import { request } from "../support/worker/client.ts";

test("health answers without a key, and tells only that the parts answer", async () => {
  const response = await request("/health");
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    status: "ok",
    checks: { database: "ok", event_feeds: "ok" },
  });
});

/** Asks the Worker with a database that behaves as given. */
async function healthWith(first: () => Promise<unknown>): Promise<unknown> {
  const DB = { prepare: () => ({ first }) } as unknown as D1Database;
  const context = createExecutionContext();
  const asked = new Request("http://postern.test/health") as Request<
    unknown,
    IncomingRequestCfProperties
  >;
  const response = await worker.fetch(asked, { ...env, DB } as never, context);
  await waitOnExecutionContext(context);
  expect(response.status).toBe(200);
  return response.json();
}

test("a database that fails or does not answer makes it degraded: mail goes on", async () => {
  const checks = { database: "unavailable", event_feeds: "unknown" };
  const degraded = { status: "degraded", checks };
  expect(await healthWith(() => Promise.reject(new Error("down")))).toEqual(degraded);
  expect(await healthWith(() => new Promise(() => {}))).toEqual(degraded);
});
