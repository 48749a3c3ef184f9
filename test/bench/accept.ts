/**
 * How fast mail is accepted: Postern with everything on, beside the cheapest durable acceptance
 * and beside what people write first. One instance lives at a time, each round starts every one
 * afresh, and the ratios are medians of the rounds' ratios, so that the machine's moods fall on
 * all of them.
 */
import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import { boot, bundle, here, machine, scratchFolder } from "./harness.ts";
import { forMs, type LoadResult, run } from "./load.ts";
import { mail, type Postern, postEmail, posternBundle, startPostern, vars } from "./postern.ts";
import type { Report } from "./report.ts";
import { median, round } from "./stats.ts";

const CONNECTIONS = 32;
/** Odd, so that the median is a round that was run. */
const ROUNDS = 5;
/** Compilers and caches are warm after this long. */
const WARM_MS = 1_500;
const SLICE_MS = 4_000;
const KEYS = 20;

type Bytes = (index: number) => Buffer;
type Log = (line: string) => void;

interface Slice {
  readonly name: string;
  measure(round: Map<string, LoadResult>): Promise<void>;
}

async function measured(origin: URL, bytes: Bytes, warm = true): Promise<LoadResult> {
  const load = { origin, connections: CONNECTIONS, request: bytes };
  if (warm) await run({ ...load, next: forMs(WARM_MS) });
  const result = await run({ ...load, next: forMs(SLICE_MS, 1_000_000) });
  const { answered, broken, statuses } = result;
  if (broken > 0 || statuses["200"] !== answered) {
    throw new Error(`not all were accepted: ${JSON.stringify({ broken, statuses })}`);
  }
  return result;
}

function slices(): readonly Slice[] {
  const workers = join(here, "workers");
  const built = (name: string): { config: string; script: string } => {
    const config = join(workers, `${name}.toml`);
    return { config, script: bundle(name, join(workers, `${name}.worker.ts`), config) };
  };
  const bareBuild = built("bare");
  const naiveBuild = built("naive");
  const script = posternBundle();

  const bare: Slice = {
    name: "bare",
    measure: async (results) => {
      const state = scratchFolder("bare");
      const instance = await boot({ ...bareBuild, bindings: {}, state, port: 0, consume: false });
      const bytes: Bytes = (i) => postEmail(instance.url, "-", mail("bare", i));
      results.set("bare", await measured(instance.url, bytes));
      await instance.stop();
    },
  };

  const token = `key_${randomUUID()}`;
  const hash = createHash("sha256").update(token).digest("hex");
  const naive = (name: string, consume: boolean): Slice => ({
    name,
    measure: async (results) => {
      const instance = await boot({
        ...naiveBuild,
        migrations: join(workers, "naive-migrations"),
        seed: `INSERT INTO api_keys (id, hash, account) VALUES ('1', '${hash}', 'default')`,
        bindings: {},
        state: scratchFolder("naive"),
        port: 0,
        consume,
      });
      const bytes: Bytes = (i) => postEmail(instance.url, token, mail("naive", i));
      results.set(name, await measured(instance.url, bytes));
      await instance.stop();
    },
  });

  const paused: Slice = {
    name: "postern, postern_idempotent, postern_20_keys",
    measure: async (results) => {
      const instance = await startPostern({ script, vars: vars() });
      const keys = await makeKeys(instance);
      const first = keys[0] ?? "";
      await instance.call(first, "POST", "/streams/transactional/pause");
      const one: Bytes = (i) => postEmail(instance.url, first, mail("postern", i));
      const keyed: Bytes = (i) =>
        postEmail(instance.url, first, mail("postern", i), { "idempotency-key": `order-${i}` });
      const many: Bytes = (i) => postEmail(instance.url, keys[i % KEYS] ?? "", mail("postern", i));
      results.set("postern", await measured(instance.url, one));
      results.set("postern_idempotent", await measured(instance.url, keyed, false));
      results.set("postern_20_keys", await measured(instance.url, many, false));
      await instance.stop();
    },
  };

  const draining: Slice = {
    name: "postern_draining",
    measure: async (results) => {
      const instance = await startPostern({ script, vars: vars() });
      const key = await instance.key("test");
      const bytes: Bytes = (i) => postEmail(instance.url, key, mail("postern", i));
      results.set("postern_draining", await measured(instance.url, bytes));
      await instance.stop();
    },
  };

  return [bare, naive("naive", false), paused, naive("naive_draining", true), draining];
}

async function makeKeys(instance: Postern): Promise<readonly string[]> {
  const keys: string[] = [];
  while (keys.length < KEYS) keys.push(await instance.key("test"));
  return keys;
}

/** Runs the bench; `log` takes its progress. */
export async function bench(log: Log): Promise<Report> {
  log("building the Workers");
  const all = slices();
  const rounds: Map<string, LoadResult>[] = [];
  for (let n = 1; n <= ROUNDS; n++) {
    const results = new Map<string, LoadResult>();
    rounds.push(results);
    // Every other round goes backwards: nobody always runs on the warmer machine.
    for (const slice of n % 2 === 1 ? all : [...all].reverse()) {
      log(`round ${n} of ${ROUNDS}: ${slice.name}`);
      await slice.measure(results);
    }
  }
  return report(rounds);
}

function report(rounds: readonly Map<string, LoadResult>[]): Report {
  const names = [
    "bare",
    "naive",
    "naive_draining",
    "postern",
    "postern_draining",
    "postern_idempotent",
    "postern_20_keys",
  ];
  const pick = (name: string, of: (result: LoadResult) => number): number[] =>
    rounds.map((results) => of(results.get(name) as LoadResult));
  const figures: Record<string, { rps: number; p50_ms: number; p99_ms: number }> = {};
  for (const name of names) {
    figures[name] = {
      rps: Math.round(median(pick(name, (result) => result.rps))),
      p50_ms: round(median(pick(name, (result) => result.p50_ms))),
      p99_ms: round(median(pick(name, (result) => result.p99_ms))),
    };
  }
  const ratio = (over: string, under: string): number => {
    const below = pick(under, (result) => result.rps);
    return round(median(pick(over, (result) => result.rps).map((rps, i) => rps / below[i]!)), 2);
  };
  const ratios = {
    ratio: ratio("postern", "bare"),
    vs_naive: ratio("postern", "naive"),
    draining_vs_naive_draining: ratio("postern_draining", "naive_draining"),
  };
  const ofRound = (results: Map<string, LoadResult>): Record<string, number> =>
    Object.fromEntries(names.map((name) => [name, results.get(name)?.rps ?? 0]));
  return {
    title: `Accepted mail per second, ${CONNECTIONS} connections, closed loop, ${ROUNDS} rounds`,
    columns: ["", "rps", "p50 ms", "p99 ms"],
    rows: names.map((name) => {
      const { rps = 0, p50_ms = 0, p99_ms = 0 } = figures[name] ?? {};
      return [name, rps, p50_ms, p99_ms];
    }),
    notes: [
      `postern / bare ${ratios.ratio} (target 0.6 or more)`,
      `postern / naive ${ratios.vs_naive} (target 1.3 or more)`,
      `both draining: ${ratios.draining_vs_naive_draining}`,
    ],
    json: { ...figures, ...ratios, rounds: rounds.map(ofRound), machine: machine() },
  };
}
