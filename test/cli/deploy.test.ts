import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { unstable_readConfig } from "wrangler";
import { commands } from "../../src/cli/deploy.ts";
import { QUIET_WRANGLER, ROOT, WRANGLER, WRANGLER_CONFIG } from "../../src/cli/paths.ts";

/** A tenth of what a Worker on the paid plan may weigh, and it is parsed at every cold start. */
const GZIP_MAX_BYTES = 1_000_000;

const outdir = mkdtempSync(join(tmpdir(), "postern-deploy-"));
const config = unstable_readConfig({ config: WRANGLER_CONFIG }) as unknown as {
  d1_databases: { binding: string }[];
  kv_namespaces: { binding: string }[];
  r2_buckets: { binding: string }[];
  durable_objects: { bindings: { name: string }[] };
  queues: {
    producers: { binding: string; queue: string }[];
    consumers: { queue: string; dead_letter_queue?: string }[];
  };
  vars: Record<string, unknown>;
};
let printed = "";

const command = (...args: string[]): string =>
  execFileSync(process.execPath, args, {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, ...QUIET_WRANGLER },
  });

beforeAll(() => {
  printed = command(WRANGLER, "deploy", "--dry-run", "--outdir", outdir);
});

afterAll(() => rmSync(outdir, { recursive: true, force: true }));

test("the bundle is far below what a Worker may weigh", () => {
  const bundle = readFileSync(join(outdir, "index.js"));
  const gzip = gzipSync(bundle).byteLength;
  console.log(`The bundle: ${bundle.byteLength} bytes, ${gzip} gzipped.`);
  expect(gzip).toBeGreaterThan(0);
  expect(gzip).toBeLessThan(GZIP_MAX_BYTES);
});

test("wrangler deploys every binding of wrangler.toml", () => {
  const names = [
    ...config.d1_databases.map(({ binding }) => binding),
    ...config.kv_namespaces.map(({ binding }) => binding),
    ...config.r2_buckets.map(({ binding }) => binding),
    ...config.durable_objects.bindings.map(({ name }) => name),
    ...config.queues.producers.map(({ binding }) => binding),
    ...Object.keys(config.vars),
  ];
  expect(names.length).toBeGreaterThanOrEqual(12);
  for (const name of names) expect(printed).toMatch(new RegExp(`\\benv\\.${name}\\b`));
});

test("every consumed queue, the dead-letter queue too, has a producer that provisions it", () => {
  const produced = config.queues.producers.map(({ queue }) => queue);
  for (const { queue, dead_letter_queue } of config.queues.consumers) {
    expect(produced).toContain(queue);
    if (dead_letter_queue !== undefined) expect(produced).toContain(dead_letter_queue);
  }
});

test("every consumer states its batch, wait, retries and concurrency", () => {
  for (const consumer of config.queues.consumers) {
    expect(consumer).toMatchObject({
      max_batch_size: expect.any(Number),
      max_batch_timeout: expect.any(Number),
      max_retries: 100,
      max_concurrency: expect.any(Number),
    });
  }
});

test("nothing is bound by an id, so that a first deployment creates it", () => {
  expect(readFileSync(WRANGLER_CONFIG, "utf8")).not.toMatch(/^\s*(database_)?id\s*=/m);
});

test("the database is migrated before a Worker that needs it is deployed", () => {
  const { list, create, migrate, deploy, retain } = commands({ database: "a", queues: ["b", "c"] });
  expect(create).toEqual(["d1", "create", "a", "--update-config=false"]);
  expect(retain.map((line) => line.join(" "))).toEqual([
    "queues update b --message-retention-period-secs 1209600",
    "queues update c --message-retention-period-secs 1209600",
  ]);
  const dry = command(join(ROOT, "src/cli/postern.ts"), "deploy", "--dry-run").split("\n");
  const at = (line: readonly string[]): number =>
    dry.findIndex((one) => one.startsWith(`wrangler ${line.slice(0, 2).join(" ")}`));
  expect(at(list)).toBe(0);
  expect(at(["d1", "create"])).toBeLessThan(at(migrate));
  expect(at(migrate)).toBeLessThan(at(deploy));
  const updated = dry.filter((line) => line.startsWith("wrangler queues update"));
  expect(updated.length).toBe(config.queues.producers.length);
  expect(updated.length).toBeGreaterThan(4);
});
