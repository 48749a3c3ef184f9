/**
 * Verification: verdicts from memory beside a bare Worker that does one KV get, in turn; a list of
 * 100,000 addresses with the domains of sign-ups against a resolver that answers after 20 ms; the
 * most that the Worker's isolate holds while it verifies 10,000, 100,000 and a million, garbage
 * collected before each look; what warming is worth, in virtual time; and how often other projects'
 * test strings are judged as they are there.
 */
import { join } from "node:path";
import { freePort } from "../support/instance.ts";
import {
  boot,
  bundle,
  here,
  launch,
  machine,
  type Running,
  scratchFolder,
  workerdPeakMb,
} from "./harness.ts";
import { type HeapPeak, watchHeap } from "./heap.ts";
import { forMs, type LoadResult, request, run } from "./load.ts";
import { type Postern, posternBundle, startPostern, vars } from "./postern.ts";
import type { Report } from "./report.ts";
import { median, round, sleep } from "./stats.ts";
import { simulateCache } from "./verify-cache.ts";
import { addressList, popularDomains } from "./verify-list.ts";
import { syntaxAgreement } from "./verify-syntax.ts";

const CONNECTIONS = 32;
const SLICE_MS = 1_500;
const ROUNDS = 9;
/** Addresses that are asked for again and again. */
const WARM = 200;

const LIST = 100_000;
/** To a large resolver and back, from most places. */
const RTT_MS = 20;
/** Requests that one invocation of a Worker has under way. */
const IN_FLIGHT = 6;
const SIZES = [10_000, 100_000, 1_000_000] as const;
const SEED = 7;
const POLL_MS = 200;
/** A million addresses take minutes here. */
const JOB_LIMIT_MS = 20 * 60_000;

type Log = (line: string) => void;

interface Job {
  readonly id: string;
  readonly state: string;
  readonly counts: {
    readonly lines: number;
    readonly addresses: number;
    readonly domains: number;
    readonly done: number;
    readonly status: Readonly<Record<string, number>>;
  };
}

interface Resolver extends Running {
  counts(): Promise<{ questions: number; asked: Record<string, number> }>;
}

/** The local resolver, as a process of its own. */
async function startResolver(delayMs: number): Promise<Resolver> {
  const module = join(here, "verify-zone.ts");
  const script = join(here, "../support/doh/serve.ts");
  const running = await launch(script, { module, delayMs });
  return {
    ...running,
    counts: async () => (await fetch(new URL("/control/counts", running.url))).json() as never,
  };
}

function start(resolver: Resolver, port?: number): Promise<Postern> {
  const verify = { resolvers: [resolver.url.href], hedge_ms: 5_000, time_limit_ms: 20_000 };
  const inspector = port === undefined ? {} : { inspectorPort: port };
  return startPostern({ script: posternBundle(), vars: vars({ verify }), ...inspector });
}

/** Verdicts from memory, and the bare Worker, slice by slice. */
async function cached(log: Log) {
  const resolver = await startResolver(0);
  const config = join(here, "workers/bare-kv.toml");
  const script = bundle("bare-kv", join(here, "workers/bare-kv.worker.ts"), config);
  const settings = { config, script, bindings: {}, port: 0, consume: false };
  const [bare, postern] = await Promise.all([
    boot({ ...settings, state: scratchFolder("bare-kv") }),
    start(resolver),
  ]);
  const key = await postern.key("live");
  const headers = { authorization: `Bearer ${key}` };
  const body = (n: number): string =>
    JSON.stringify({ email: `person.${n % WARM}@${popularDomains[n % 20]}` });
  const slice = async (origin: URL, ms: number): Promise<LoadResult> => {
    const result = await run({
      origin,
      connections: CONNECTIONS,
      request: (index) => request(origin, "/verifications", headers, body(index)),
      next: forMs(ms),
    });
    const { answered, broken, statuses } = result;
    if (broken > 0 || statuses["200"] !== answered) {
      throw new Error(`not all were answered: ${JSON.stringify({ broken, statuses })}`);
    }
    return result;
  };
  for (const { url } of [bare, postern]) await slice(url, 2 * SLICE_MS);
  const rounds: { bare: LoadResult; postern: LoadResult }[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    // Every other round goes backwards: nobody always follows the same neighbour.
    const first = await slice(n % 2 === 0 ? bare.url : postern.url, SLICE_MS);
    const second = await slice(n % 2 === 0 ? postern.url : bare.url, SLICE_MS);
    rounds.push(n % 2 === 0 ? { bare: first, postern: second } : { bare: second, postern: first });
  }
  await Promise.all([bare.stop(), postern.stop(), resolver.stop()]);
  const of = (name: "bare" | "postern") => ({
    rps: Math.round(median(rounds.map((one) => one[name].rps))),
    p50_ms: round(median(rounds.map((one) => one[name].p50_ms))),
    p99_ms: round(median(rounds.map((one) => one[name].p99_ms))),
  });
  log(`from memory ${of("postern").rps}/s, one KV get ${of("bare").rps}/s`);
  return {
    ratio: round(median(rounds.map((one) => one.postern.rps / one.bare.rps)), 2),
    bare_kv_get: of("bare"),
    memory: of("postern"),
  };
}

/** Runs a list as a job; answers its end, and how long it took from the upload on. */
async function runJob(
  postern: Postern,
  size: number,
  seen: Set<string>,
  log: Log,
  at: (stage: string) => void = () => {},
) {
  const key = await postern.key("live");
  const csv = [...addressList(size, SEED, seen)].join("");
  const started = performance.now();
  const response = await fetch(new URL("/verifications/jobs", postern.url), {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "text/csv" },
    body: csv,
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  const { id } = (await response.json()) as Job;
  let told = "";
  /** When each stage was seen first, seconds from the upload's beginning. */
  const stages: Record<string, number> = {};
  for (;;) {
    const job = await postern.call<Job>(key, "GET", `/verifications/jobs/${id}`);
    const seconds = (performance.now() - started) / 1_000;
    at(job.state);
    if (job.state !== told) log(`${size} addresses: ${job.state} after ${round(seconds, 1)} s`);
    told = job.state;
    stages[job.state] ??= round(seconds, 1);
    if (["done", "failed", "cancelled"].includes(job.state)) return { job, seconds, stages };
    if (seconds * 1_000 > JOB_LIMIT_MS) throw new Error(`no end: ${JSON.stringify(job)}`);
    await sleep(POLL_MS);
  }
}

/** The list against a resolver that takes its time. */
async function list(log: Log) {
  const resolver = await startResolver(RTT_MS);
  const postern = await start(resolver);
  const seen = new Set<string>();
  const { job, seconds, stages } = await runJob(postern, LIST, seen, log);
  const { questions, asked } = await resolver.counts();
  await Promise.all([postern.stop(), resolver.stop()]);
  if (job.state !== "done" || job.counts.done !== LIST) {
    throw new Error(`not all were verified: ${JSON.stringify(job)}`);
  }
  // Mail hosts have no MX: the names whose MX was asked for are the domains.
  const lookups = Object.entries(asked)
    .filter(([name]) => name.endsWith(" MX"))
    .reduce((sum, [, count]) => sum + count, 0);
  const boundSeconds = (questions * RTT_MS) / 1_000 / IN_FLIGHT;
  return {
    addresses: LIST,
    unique_domains: seen.size,
    seconds: round(seconds, 1),
    addresses_per_second: Math.round(LIST / seconds),
    lookups_per_unique_domain: round(lookups / seen.size, 3),
    questions_per_unique_domain: round(questions / seen.size, 2),
    bound_seconds: round(boundSeconds, 1),
    bound_ratio: round(seconds / boundSeconds, 2),
    stages,
    status: job.counts.status,
  };
}

interface Held {
  /** The most of all stages, objects and buffers. */
  readonly total: number;
  readonly stages: Readonly<Record<string, HeapPeak>>;
  /** Of the whole local runtime with its databases, buckets and queues, garbage and all. */
  readonly process_mb: number;
}

/** The most that the Worker holds while a list of each size is verified, each in a new runtime. */
async function memory(log: Log): Promise<Record<string, Held>> {
  const all: Record<string, Held> = {};
  for (const size of SIZES) {
    const resolver = await startResolver(0);
    const port = await freePort();
    const postern = await start(resolver, port);
    let stage = "upload";
    const heap = await watchHeap(port, () => stage);
    const { job } = await runJob(postern, size, new Set(), log, (now) => {
      stage = now;
    });
    const stages = await heap.stop();
    const total = Math.max(...Object.values(stages).map((one) => one.total));
    all[size] = { total, stages, process_mb: workerdPeakMb(postern.pid) };
    await Promise.all([postern.stop(), resolver.stop()]);
    if (job.counts.done !== size) throw new Error(`not all were verified: ${JSON.stringify(job)}`);
    log(`${size} addresses: at most ${JSON.stringify(all[size])} MB`);
  }
  return all;
}

const afterUpload = ({ stages }: Held): number =>
  Math.max(...Object.entries(stages).map(([name, { total }]) => (name === "upload" ? 0 : total)));

/** Runs the bench; `log` takes its progress. */
export async function bench(log: Log): Promise<Report> {
  const syntax = syntaxAgreement();
  log("warming, in virtual time");
  const warming = await simulateCache();
  const fromMemory = await cached(log);
  const listed = await list(log);
  const peaks = await memory(log);
  const rows: (readonly (string | number)[])[] = [
    ["verdicts a second from memory", fromMemory.memory.rps],
    ["  p50, p99 ms", `${fromMemory.memory.p50_ms}, ${fromMemory.memory.p99_ms}`],
    ["one KV get a second, a bare Worker", fromMemory.bare_kv_get.rps],
    ["  p50, p99 ms", `${fromMemory.bare_kv_get.p50_ms}, ${fromMemory.bare_kv_get.p99_ms}`],
    ["addresses a second of a list", listed.addresses_per_second],
    ["lookups per unique domain", listed.lookups_per_unique_domain],
    ["questions per unique domain", listed.questions_per_unique_domain],
    ...Object.entries(peaks).map(([size, peak]) => [
      `MB at most, ${size} addresses (once it is uploaded)`,
      `${peak.total} (${afterUpload(peak)})`,
    ]),
    ...(syntax ?? []).map(({ corpus, agree, total, plain, html5, zod }) => [
      `syntax as ${corpus}`,
      `${agree} of ${total} (no policy ${plain ?? "-"}, HTML5 ${html5 ?? "-"}, zod ${zod ?? "-"})`,
    ]),
  ];
  return {
    title: "Verification",
    columns: ["", "figure"],
    rows,
    notes: [
      `from memory / one KV get ${fromMemory.ratio} (target 0.7 or more): ${ROUNDS} rounds in turn`,
      `the list took ${listed.seconds} s, ${listed.bound_ratio} times the` +
        ` ${listed.bound_seconds} s` +
        ` that ${IN_FLIGHT} requests at a time of ${RTT_MS} ms allow one invocation`,
      `warming: ${JSON.stringify(warming)}`,
    ],
    json: {
      cached_ratio: fromMemory.ratio,
      addresses_per_second: listed.addresses_per_second,
      lookups_per_unique_domain: listed.lookups_per_unique_domain,
      bound_ratio: listed.bound_ratio,
      memory_mb: Object.fromEntries(Object.entries(peaks).map(([size, one]) => [size, one.total])),
      memory: peaks,
      syntax,
      cached: fromMemory,
      list: listed,
      warming,
      machine: machine(),
    },
  };
}
