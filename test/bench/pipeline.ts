/**
 * How fast accepted mail leaves: messages through the `resend` source to a provider that answers
 * in 20 ms. The provider's own clock says when it had a message, the client's when its POST left.
 * Messages are accepted by hundreds, so that delivering is what is measured; `single_posts` shows
 * the same with one POST each, where accepting takes most of the one thread that a local runtime
 * has. A call each, but for the last two: there what is at hand together shares one, as shipped.
 */
import { machine, workerdCpuMs } from "./harness.ts";
import { request, run, upTo } from "./load.ts";
import {
  mail,
  type Postern,
  postEmail,
  posternBundle,
  shipped,
  startPostern,
  throughStub,
} from "./postern.ts";
import { type Provider, startProvider } from "./provider.ts";
import type { Report } from "./report.ts";
import { type Latency, latency, median, round, sleep, waitUntil, wallMs } from "./stats.ts";

const MESSAGES = 5_000;
const CONNECTIONS = 32;
const BATCH = 100;
const ROUNDS = 3;
const PROVIDER_DELAY_MS = 20;
/** Caches, compilers and connections are warm after as many. */
const WARM_MESSAGES = 300;
/** 5,000 messages at a tenth of the least that is wanted. */
const DRAIN_LIMIT_MS = 100_000;
const IDLE_SAMPLES = 200;
/** The account is quiet in between: packs, timers and connections come to rest. */
const IDLE_GAP_MS = 100;
/** One transactional message each, at fixed times, while broadcasts drain. */
const PROBE_EVERY_MS = 50;
/** The drains are short, so that several are needed for a p99. */
const DRAINS = 3;

type Log = (line: string) => void;
type Stream = "transactional" | "broadcast";

interface Throughput {
  readonly messages_per_second: number;
  readonly accepted: number;
  readonly lost: number;
  readonly doubled: number;
  readonly messages_per_call: number;
  /** Of all of workerd, acceptance and journal included: what a busy machine changes little. */
  readonly cpu_ms_per_message: number;
}

const KINDS = [
  ...(["transactional", "broadcast", "single_posts", "six"] as const),
  ...(["shared", "shared_broadcast"] as const),
];
/** What each kind of drain came to, round by round. */
type Rounds = Record<(typeof KINDS)[number], Throughput[]>;

interface Bed {
  readonly postern: Postern;
  readonly provider: Provider;
  readonly key: string;
}

let serial = 0;
/** A subject line that no other message of this run has. */
const subject = (): string => `bench-${serial++}`;

async function bed(limits: Readonly<Record<string, number>> = {}, batch = false): Promise<Bed> {
  const provider = await startProvider({ delayMs: PROVIDER_DELAY_MS, deduplicates: true });
  const script = posternBundle();
  const postern = await startPostern({
    script,
    vars: throughStub(provider.url, true, limits, batch),
  });
  const key = await postern.key("live");
  const made: Bed = { postern, provider, key };
  await drain(made, "transactional", WARM_MESSAGES);
  await drain(made, "broadcast", WARM_MESSAGES);
  return made;
}

async function fold({ postern, provider }: Bed): Promise<void> {
  await postern.stop();
  await provider.stop();
}

/** Posts `count` messages one by one; gives the wall clock of the first acceptance. */
async function postSingles(bed: Bed, stream: Stream, count: number): Promise<number> {
  let firstAt = 0;
  const result = await run({
    origin: bed.postern.url,
    connections: CONNECTIONS,
    next: upTo(count),
    request: (i) => postEmail(bed.postern.url, bed.key, mail(subject(), i, { stream })),
    onAnswer: () => {
      firstAt ||= wallMs();
    },
  });
  if (result.statuses["200"] !== count) throw new Error(JSON.stringify(result.statuses));
  return firstAt;
}

/** Posts `count` messages by hundreds; gives the wall clock of the first acceptance. */
async function postBatches(bed: Bed, stream: Stream, count: number): Promise<number> {
  let firstAt = 0;
  const { url } = bed.postern;
  const result = await run({
    origin: url,
    connections: 4,
    next: upTo(count / BATCH),
    request: (n) => {
      const mails = Array.from({ length: BATCH }, (_, i) =>
        mail(subject(), n * BATCH + i, { stream }),
      );
      const headers = { authorization: `Bearer ${bed.key}` };
      return request(url, "/emails/batch", headers, JSON.stringify(mails));
    },
    onAnswer: () => {
      firstAt ||= wallMs();
    },
  });
  if (result.statuses["200"] !== count / BATCH) throw new Error(JSON.stringify(result.statuses));
  return firstAt;
}

async function drain(
  bed: Bed,
  stream: Stream,
  count: number,
  post: typeof postBatches = postBatches,
): Promise<Throughput> {
  await bed.provider.reset();
  const cpuBefore = workerdCpuMs(bed.postern.pid);
  const firstAt = await post(bed, stream, count);
  await handedOver(bed, count);
  // Long enough for a second sending of the last ones to be seen.
  await sleep(1_000);
  const { entries, lastAt, calls } = await bed.provider.books();
  return {
    messages_per_second: Math.round(entries.length / ((lastAt - firstAt) / 1000)),
    accepted: count,
    lost: count - entries.length,
    doubled: entries.filter((entry) => entry.sent > 1).length,
    messages_per_call: round(entries.length / calls),
    cpu_ms_per_message: round((workerdCpuMs(bed.postern.pid) - cpuBefore) / count, 2),
  };
}

/** Waits until the provider has `count` messages, or the limit has passed. */
async function handedOver(bed: Bed, count: number): Promise<boolean> {
  const has = async (): Promise<boolean> => (await bed.provider.totals()).distinct >= count;
  return waitUntil(has, DRAIN_LIMIT_MS, 100);
}

/** Posts one transactional message and notes when it left us, by its subject. */
async function probe(bed: Bed, left: Map<string, number>): Promise<void> {
  const name = subject();
  await run({
    origin: bed.postern.url,
    connections: 1,
    next: upTo(1),
    request: (i) => {
      left.set(name, wallMs());
      return postEmail(bed.postern.url, bed.key, mail(name, i));
    },
  });
}

async function timesOf(bed: Bed, left: ReadonlyMap<string, number>): Promise<number[]> {
  const { entries } = await bed.provider.books();
  const arrived = new Map(entries.map((entry) => [entry.subject, entry.takenAt[0]]));
  const times = [...left].map(([name, at]) => (arrived.get(name) ?? Number.NaN) - at);
  if (times.some(Number.isNaN)) throw new Error("a probe has not reached the provider");
  return times;
}

async function idleLatency(bed: Bed): Promise<Latency> {
  await bed.provider.reset();
  const left = new Map<string, number>();
  for (let i = 0; i < IDLE_SAMPLES; i++) {
    await probe(bed, left);
    await waitUntil(async () => (await bed.provider.totals()).distinct > i, DRAIN_LIMIT_MS, 20);
    await sleep(IDLE_GAP_MS);
  }
  return latency(await timesOf(bed, left));
}

/**
 * Probes at fixed times from the acceptance of 5,000 broadcasts until the last of them has left.
 */
async function drainingLatency(bed: Bed, times: number[]): Promise<void> {
  await bed.provider.reset();
  await postBatches(bed, "broadcast", MESSAGES);
  const left = new Map<string, number>();
  const probes: Promise<void>[] = [];
  const timer = setInterval(() => probes.push(probe(bed, left)), PROBE_EVERY_MS);
  await waitUntil(
    async () => (await bed.provider.totals()).distinct >= MESSAGES + left.size,
    DRAIN_LIMIT_MS,
    100,
  );
  clearInterval(timer);
  await Promise.all(probes);
  await handedOver(bed, MESSAGES + left.size);
  times.push(...(await timesOf(bed, left)));
}

/** The median of the rounds' rates; lost and doubled of all rounds together. */
function merged(rounds: readonly Throughput[]): Throughput {
  const sum = (of: (one: Throughput) => number): number =>
    rounds.reduce((total, one) => total + of(one), 0);
  return {
    messages_per_second: median(rounds.map((one) => one.messages_per_second)),
    accepted: sum((one) => one.accepted),
    lost: sum((one) => one.lost),
    doubled: sum((one) => one.doubled),
    messages_per_call: median(rounds.map((one) => one.messages_per_call)),
    cpu_ms_per_message: median(rounds.map((one) => one.cpu_ms_per_message)),
  };
}

/** Runs the bench; `log` takes its progress. */
export async function bench(log: Log): Promise<Report> {
  log("building the Worker");
  const rounds = Object.fromEntries(KINDS.map((kind) => [kind, []])) as unknown as Rounds;
  for (let n = 1; n <= ROUNDS; n++) {
    log(`round ${n} of ${ROUNDS}: transactional, broadcast, transactional by single posts`);
    const full = await bed();
    rounds.transactional.push(await drain(full, "transactional", MESSAGES));
    rounds.broadcast.push(await drain(full, "broadcast", MESSAGES));
    rounds.single_posts.push(await drain(full, "transactional", MESSAGES, postSingles));
    await fold(full);
    log(`round ${n} of ${ROUNDS}: six in flight`);
    const six = await bed({ sends_in_flight: 6 });
    rounds.six.push(await drain(six, "transactional", MESSAGES));
    await fold(six);
    log(`round ${n} of ${ROUNDS}: transactional and broadcast in shared calls`);
    const shared = await bed({}, true);
    rounds.shared.push(await drain(shared, "transactional", MESSAGES));
    rounds.shared_broadcast.push(await drain(shared, "broadcast", MESSAGES));
    await fold(shared);
  }
  const quiet = await bed();
  log(`${IDLE_SAMPLES} transactional messages on an idle account`);
  const idle = await idleLatency(quiet);
  const times: number[] = [];
  for (let n = 1; n <= DRAINS; n++) {
    log(`transactional while ${MESSAGES} broadcasts drain, ${n} of ${DRAINS}`);
    await drainingLatency(quiet, times);
  }
  await fold(quiet);
  return report(rounds, idle, latency(times));
}

function report(rounds: Rounds, idle: Latency, draining: Latency): Report {
  const top = merged(rounds.transactional);
  const beside = Object.fromEntries(
    KINDS.slice(1).map((kind) => [kind, merged(rounds[kind])]),
  ) as Record<keyof Rounds, Throughput>;
  const { sendsInFlight } = shipped();
  const line = (name: string, one: Throughput): (string | number)[] => [
    name,
    one.messages_per_second,
    one.lost,
    one.doubled,
    one.messages_per_call,
    one.cpu_ms_per_message,
  ];
  return {
    title: `${MESSAGES} messages to a provider that answers in ${PROVIDER_DELAY_MS} ms`,
    columns: ["", "messages/s", "lost", "doubled", "per call", "CPU ms each"],
    rows: [
      line(`transactional, ${sendsInFlight} in flight`, top),
      line("transactional, accepted one by one", beside.single_posts),
      line("broadcast", beside.broadcast),
      line("transactional, 6 in flight", beside.six),
      line("transactional, calls shared", beside.shared),
      line("broadcast, calls shared", beside.shared_broadcast),
    ],
    notes: [
      `POST to provider, idle: p50 ${idle.p50_ms} ms, p99 ${idle.p99_ms} ms`,
      `while broadcasts drain: p50 ${draining.p50_ms} ms, p99 ${draining.p99_ms} ms`,
      "targets: 500 messages/s or more, idle p50 100 ms or less",
    ],
    json: {
      ...top,
      idle,
      draining,
      ...beside,
      sends_in_flight: sendsInFlight,
      rounds: rounds.transactional.map((one) => round(one.messages_per_second)),
      machine: machine(),
    },
  };
}
