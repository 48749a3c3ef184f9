/**
 * Four projects: `unit` in Node, `worker` in workerd with the real bindings, `faults` there too
 * with every Dep behind a fault point, `e2e` from outside.
 */
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { trusting } from "./test/support/trust.ts";
import { testConfig, testSecrets } from "./test/support/worker/config.ts";
import { faultsConfig, faultsConsumers } from "./test/support/worker/faults-config.ts";
import { startResolver } from "./test/support/worker/resolver.ts";

/** A test of the runtime waits for queues and alarms, which tick in whole seconds locally. */
const WORKER_TEST_LIMIT_MS = 30_000;
/** Adapters mostly wait for emulators that are slow on purpose: more files than half the cores. */
const UNIT_FILES_AT_ONCE = 3;
/** Tests of the unit project take milliseconds; a busy machine may hold one up for seconds. */
const UNIT_TEST_LIMIT_MS = 20_000;
/** Tests of the runtime wait for queues and alarms. */
const WORKER_FILES_AT_ONCE = 3;
/** Faults are mostly waited for: leases, graces, backoffs. */
const FAULTS_AT_ONCE = 6;
const FAULT_FILES_AT_ONCE = 3;
/** Each boots a Worker, and most of them mostly wait for it: more would wait for one another. */
const E2E_FILES_AT_ONCE = 2;
/** An end-to-end test builds the bundle and boots workerd, twice in some. */
const E2E_TEST_LIMIT_MS = 120_000;

// The relays beside the tests of the runtime show this one.
const { cloudflareTest, readD1Migrations } = await trusting(
  join(import.meta.dirname, "test/fixtures/localhost-cert.pem"),
  () => import("@cloudflare/vitest-plugin"),
);

const migrations = await readD1Migrations("./migrations");
const verify = { resolvers: [await startResolver()] };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          maxWorkers: UNIT_FILES_AT_ONCE,
          testTimeout: UNIT_TEST_LIMIT_MS,
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**", "test/cli/deploy.test.ts"],
          sequence: { groupOrder: 0 },
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                ...testSecrets,
                POSTERN: { ...testConfig, verify },
                TEST_MIGRATIONS: migrations,
              },
              email: { send_email: [{ name: "EMAIL" }] },
            },
          }),
        ],
        test: {
          name: "worker",
          maxWorkers: WORKER_FILES_AT_ONCE,
          include: ["test/**/*.worker.ts"],
          exclude: ["test/bench/**", "test/faults/**"],
          globalSetup: ["./test/support/smtp-setup.ts"],
          setupFiles: ["./test/support/worker/setup.ts"],
          testTimeout: WORKER_TEST_LIMIT_MS,
          hookTimeout: WORKER_TEST_LIMIT_MS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        plugins: [
          cloudflareTest({
            main: "./test/support/worker/faults-entry.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: { ...testSecrets, POSTERN: faultsConfig, TEST_MIGRATIONS: migrations },
              queueConsumers: faultsConsumers,
            },
          }),
        ],
        test: {
          name: "faults",
          include: ["test/faults/**/*.worker.ts"],
          maxConcurrency: FAULTS_AT_ONCE,
          maxWorkers: FAULT_FILES_AT_ONCE,
          setupFiles: ["./test/support/worker/setup.ts"],
          testTimeout: WORKER_TEST_LIMIT_MS,
          hookTimeout: WORKER_TEST_LIMIT_MS,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.e2e.ts", "test/cli/deploy.test.ts"],
          maxWorkers: E2E_FILES_AT_ONCE,
          testTimeout: E2E_TEST_LIMIT_MS,
          hookTimeout: E2E_TEST_LIMIT_MS,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
