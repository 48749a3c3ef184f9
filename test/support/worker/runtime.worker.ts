/**
 * What every worker test stands on: the real runtime, this repository's bindings and migrations.
 */
import { env, exports } from "cloudflare:workers";
import { expect, test } from "vitest";
import { testConfig } from "./config.ts";

const bindings: Record<string, unknown> = { ...env };

test("the runtime is workerd, with every binding of wrangler.toml", () => {
  expect(navigator.userAgent).toBe("Cloudflare-Workers");
  const names = ["DB", "CACHE", "CONTENT", "OUTBOX", "SOURCE", "LIMITER", "SANDBOX", "JOURNAL"];
  for (const name of [
    ...names,
    "LANE_TRANSACTIONAL",
    "LANE_BROADCAST",
    "EVENTS",
    "DEAD",
    "VERIFY",
    "JOB",
  ]) {
    expect(bindings[name], name).toBeDefined();
  }
});

test("POSTERN is the test configuration and not the one of wrangler.toml", () => {
  const { verify, ...rest } = env.POSTERN as typeof testConfig & { verify: unknown };
  expect(rest).toEqual(testConfig);
  // Addresses are looked up on this machine only.
  expect(verify).toEqual({ resolvers: [expect.stringMatching(/^http:\/\/127\.0\.0\.1:/)] });
});

test("the migrations are applied before a test starts", async () => {
  const { results } = await env.DB.prepare("SELECT name FROM d1_migrations").all();
  expect(results.length).toBeGreaterThan(0);
});

test("the Worker under test answers", async () => {
  const response = await exports.default.fetch("http://postern.test/health");
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ status: "ok" });
});
