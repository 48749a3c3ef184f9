/**
 * One raw Miniflare, without the dev proxy, as a process of its own: `node instance.ts
 * <settings>`. It prints `{"url"}` once it answers, and ends when its standard input does.
 */
import { basename, dirname } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } from "wrangler";
import { migrate } from "../../src/cli/migrate.ts";

export interface InstanceSettings {
  /** The wrangler.toml whose bindings the Worker has. */
  readonly config: string;
  /** The bundle, one ES module. */
  readonly script: string;
  /** A folder with D1 migrations for the binding `DB`. */
  readonly migrations?: string;
  /** SQL for the same database, after the migrations. */
  readonly seed?: string;
  /** Variables and secrets, over those of the config. */
  readonly bindings: Readonly<Record<string, unknown>>;
  readonly state: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** False leaves the queues without their consumers. */
  readonly consume: boolean;
  /** Where the isolate can be looked into (Chrome DevTools Protocol); none if not given. */
  readonly inspectorPort?: number;
}

const settings = JSON.parse(process.argv[2] ?? "{}") as InstanceSettings;
const { workerOptions } = unstable_getMiniflareWorkerOptions(settings.config);
const { rootPath: _root, modulesRules: _rules, queueConsumers, ...options } = workerOptions;
const mf = new Miniflare(
  convertV4MiniflareOptions({
    ...options,
    ...(settings.consume ? { queueConsumers } : {}),
    bindings: Object.assign({}, options.bindings, settings.bindings),
    name: "bench",
    modules: true,
    rootPath: dirname(settings.script),
    scriptPath: basename(settings.script),
    port: settings.port,
    ...(settings.inspectorPort === undefined ? {} : { inspectorPort: settings.inspectorPort }),
    resourcePersistencePath: settings.state,
    log: new Log(LogLevel.ERROR),
    logRequests: false,
  } as Parameters<typeof convertV4MiniflareOptions>[0]),
);

const url = await mf.ready;
if (settings.migrations !== undefined) {
  await migrate(await mf.getD1Database("DB"), settings.migrations);
}
if (settings.seed !== undefined) {
  const db = await mf.getD1Database("DB");
  await db.batch(unstable_splitSqlQuery(settings.seed).map((sql) => db.prepare(sql)));
}
process.stdout.write(`${JSON.stringify({ url: url.href })}\n`);

const end = async (): Promise<void> => {
  await mf.dispose();
  process.exit(0);
};
process.stdin.on("end", end).resume();
process.on("SIGTERM", end);
