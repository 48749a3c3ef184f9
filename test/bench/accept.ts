/**
 * How fast mail is accepted: Postern with everything on, beside the cheapest durable acceptance
 * and beside what people write first. The three live side by side and are loaded in turn, in
 * short slices, and a ratio is the median of neighbours' ratios: the machine's moods fall on all
 * alike. Each bed is used for less than a minute, after which Postern would journal what waits.
 * What drains runs alone.
 */
import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import { boot, bundle, here, machine, type Running, scratchFolder } from "./harness.ts";
import { forMs, type LoadResult, run } from "./load.ts";
import { mail, postEmail, posternBundle, startPostern, vars } from "./postern.ts";
import type { Report } from "./report.ts";
import { median, round } from "./stats.ts";

const CONNECTIONS = 32;
const BEDS = 5;
/** Odd times odd, so that the median is a round that was run. */
const ROUNDS_PER_BED = 3;
/** Compilers and caches are warm after this long. */
const WARM_MS = 1_500;
const SLICE_MS = 1_500;
const DRAINING_MS = 4_000;
const KEYS = 20;

type Log = (line: string) => void;
type Round = Map<string, LoadResult>;

/** One thing to load: where, and what its requests are. */
interface Target {
  readonly origin: URL;
  readonly request: (index: number) => Buffer;
}

interface Build {
  readonly config: string;
  readonly script: string;
}

interface Builds {
  readonly bare: Build;
  readonly naive: Build;
  /** Postern's bundle. */
  readonly script: string;
}

interface Bed {
  readonly targets: Readonly<Record<string, Target>>;
  readonly instances: readonly Running[];
}

const workers = join(here, "workers");
const token = `key_${randomUUID()}`;
const tokenHash = createHash("sha256").update(token).digest("hex");

/** Indices go on from slice to slice: idempotency keys and subjects are used once. */
let used = 0;

async function slice({ origin, request }: Target, ms: number): Promise<LoadResult> {
  const result = await run({ origin, connections: CONNECTIONS, request, next: forMs(ms, used) });
  used += result.answered + CONNECTIONS;
  const { answered, broken, statuses } = result;
  if (broken > 0 || statuses["200"] !== answered) {
    throw new Error(`not all were accepted: ${JSON.stringify({ broken, statuses })}`);
  }
  return result;
}

function build(name: string): Build {
  const config = join(workers, `${name}.toml`);
  return { config, script: bundle(name, join(workers, `${name}.worker.ts`), config) };
}

function startNaive(naive: Build, consume: boolean): Promise<Running> {
  return boot({
    ...naive,
    migrations: join(workers, "naive-migrations"),
    seed: `INSERT INTO api_keys (id, hash, account) VALUES ('1', '${tokenHash}', 'default')`,
    bindings: {},
    state: scratchFolder("naive"),
    port: 0,
    consume,
  });
}

const toNaive = (origin: URL): Target => ({
  origin,
  request: (i) => postEmail(origin, token, mail("naive", i)),
});

/** The three that are compared, none of which has anything to do when it is not loaded. */
async function bedOfThree(builds: Builds): Promise<Bed> {
  const state = scratchFolder("bare");
  const [bare, naive, postern] = await Promise.all([
    boot({ ...builds.bare, bindings: {}, state, port: 0, consume: false }),
    startNaive(builds.naive, false),
    startPostern({ script: builds.script, vars: vars() }),
  ]);
  const keys: string[] = [];
  while (keys.length < KEYS) keys.push(await postern.key("test"));
  const first = keys[0] ?? "";
  await postern.call(first, "POST", "/streams/transactional/pause");
  const origin = postern.url;
  const post = (key: string, i: number, headers = {}): Buffer =>
    postEmail(origin, key, mail("postern", i), headers);
  return {
    targets: {
      bare: { origin: bare.url, request: (i) => postEmail(bare.url, "-", mail("bare", i)) },
      naive: toNaive(naive.url),
      postern: { origin, request: (i) => post(first, i) },
      postern_idempotent: {
        origin,
        request: (i) => post(first, i, { "idempotency-key": `order-${i}` }),
      },
      postern_20_keys: { origin, request: (i) => post(keys[i % KEYS] ?? "", i) },
    },
    instances: [bare, naive, postern],
  };
}

async function alternate(builds: Builds): Promise<readonly Round[]> {
  const { targets, instances } = await bedOfThree(builds);
  const names = Object.keys(targets);
  for (const name of names.slice(0, instances.length)) await slice(targets[name]!, WARM_MS);
  const rounds: Round[] = [];
  for (let n = 0; n < ROUNDS_PER_BED; n++) {
    const round: Round = new Map();
    // Every other round goes backwards: nobody always follows the same neighbour.
    for (const name of n % 2 === 0 ? names : [...names].reverse()) {
      round.set(name, await slice(targets[name]!, SLICE_MS));
    }
    rounds.push(round);
  }
  await Promise.all(instances.map((instance) => instance.stop()));
  return rounds;
}

/** Both while they also work off what they accept, one after the other. */
async function drainingRound(builds: Builds): Promise<Round> {
  const round: Round = new Map();
  const naive = await startNaive(builds.naive, true);
  await slice(toNaive(naive.url), WARM_MS);
  round.set("naive_draining", await slice(toNaive(naive.url), DRAINING_MS));
  await naive.stop();
  const postern = await startPostern({ script: builds.script, vars: vars() });
  const key = await postern.key("test");
  const target: Target = {
    origin: postern.url,
    request: (i) => postEmail(postern.url, key, mail("postern", i)),
  };
  await slice(target, WARM_MS);
  round.set("postern_draining", await slice(target, DRAINING_MS));
  await postern.stop();
  return round;
}

/** Runs the bench; `log` takes its progress. */
export async function bench(log: Log): Promise<Report> {
  log("building the Workers");
  const builds = { bare: build("bare"), naive: build("naive"), script: posternBundle() };
  const rounds: Round[] = [];
  const draining: Round[] = [];
  for (let n = 1; n <= BEDS; n++) {
    log(`bed ${n} of ${BEDS}: bare, naive and postern in turn`);
    rounds.push(...(await alternate(builds)));
    log(`bed ${n} of ${BEDS}: naive and postern while they drain`);
    draining.push(await drainingRound(builds));
  }
  return report(rounds, draining);
}

/** The median over the rounds of one figure. */
function over(rounds: readonly Round[], name: string, of: (one: LoadResult) => number): number {
  return median(rounds.map((round) => of(round.get(name)!)));
}

/** The median of the rounds' own ratios. */
function ratio(rounds: readonly Round[], above: string, below: string): number {
  return round2(median(rounds.map((one) => one.get(above)!.rps / one.get(below)!.rps)));
}

const round2 = (value: number): number => round(value, 2);

function figuresOf(rounds: readonly Round[]): Record<string, Figures> {
  const figures: Record<string, Figures> = {};
  for (const name of rounds[0]?.keys() ?? []) {
    figures[name] = {
      rps: Math.round(over(rounds, name, (one) => one.rps)),
      p50_ms: round(over(rounds, name, (one) => one.p50_ms)),
      p99_ms: round(over(rounds, name, (one) => one.p99_ms)),
    };
  }
  return figures;
}

interface Figures {
  readonly rps: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

function report(rounds: readonly Round[], draining: readonly Round[]): Report {
  const figures = { ...figuresOf(rounds), ...figuresOf(draining) };
  const ratios = {
    ratio: ratio(rounds, "postern", "bare"),
    vs_naive: ratio(rounds, "postern", "naive"),
    draining_vs_naive_draining: ratio(draining, "postern_draining", "naive_draining"),
  };
  const perSecond = (one: Round): Record<string, number> =>
    Object.fromEntries([...one].map(([name, { rps }]) => [name, rps]));
  return {
    title: `Accepted mail per second, ${CONNECTIONS} connections, closed loop`,
    columns: ["", "rps", "p50 ms", "p99 ms"],
    rows: Object.entries(figures).map(([name, one]) => [name, one.rps, one.p50_ms, one.p99_ms]),
    notes: [
      `postern / bare ${ratios.ratio} (target 0.6 or more), postern / naive ${ratios.vs_naive} ` +
        `(target 1.3 or more): medians of ${rounds.length} rounds`,
      `both draining: ${ratios.draining_vs_naive_draining}`,
    ],
    json: {
      ...figures,
      ...ratios,
      rounds: rounds.map(perSecond),
      draining_rounds: draining.map(perSecond),
      machine: machine(),
    },
  };
}
