/**
 * What a message costs on the platform, from POST to delivered: the Worker runs with a meter on
 * each binding and each object (`workers/counting.worker.ts`). The sandbox stands in for the
 * provider: its own work is not counted, but each of its reports is one Worker request, as a
 * webhook is.
 *
 * CPU time is not in the sums: local workerd simulates the databases and queues in the same
 * process. Its whole CPU time is stated beside them, as an upper bound.
 */
import { join } from "node:path";
import { bundle, here, machine, workerdCpuMs } from "./harness.ts";
import { type LoadResult, request, run, upTo } from "./load.ts";
import { config, mail, type Postern, postEmail, startPostern, vars } from "./postern.ts";
import { CPU_MS_PRICE, dollars, type Operations, operations } from "./prices.ts";
import type { Report } from "./report.ts";
import { round, sleep, waitUntil } from "./stats.ts";

const SINGLES = 100;
const LOADED = 1_000;
const BATCHES = 10;
const BATCH = 100;
const CONNECTIONS = 32;
/** Between two looks whether the one message of an idle account is delivered. */
const LOOK_MS = 50;
/**
 * Providers report seconds later. Longer than the journal's batch wait, so that a report never
 * rides in the batch of the outcome it follows, which would halve the writes.
 */
const EVENT_DELAY_MS = 1_500;
/** From the last POST to the last delivery. */
const DELIVERY_LIMIT_MS = 120_000;
/** Meters that stand still for this long will not move: confirmations and timers are done. */
const QUIET_MS = 5_000;
const QUIET_LIMIT_MS = 60_000;
const CRONS_PER_MONTH = 60 * 24 * 30;

type Log = (line: string) => void;
type Meters = Record<string, number>;

interface Phase {
  readonly messages: number;
  readonly usd_per_1000: number;
  readonly operations: Operations;
  readonly detail: Meters;
  /** Under load only: looking whether the one message is there costs more than the message. */
  readonly cpu?: { readonly ms_per_message: number; readonly usd_per_1000: number };
}

class Counting {
  readonly #postern: Postern;
  readonly #key: string;
  #sent = 0;

  constructor(postern: Postern, key: string) {
    this.#postern = postern;
    this.#key = key;
  }

  async look<T>(path: string): Promise<T> {
    return (await (await fetch(new URL(path, this.#postern.url))).json()) as T;
  }

  async delivered(): Promise<void> {
    const done = await waitUntil(
      async () => (await this.look<{ n: number }>("/__delivered")).n >= this.#sent,
      DELIVERY_LIMIT_MS,
      LOOK_MS,
    );
    if (!done) throw new Error(`not all of ${this.#sent} messages were delivered in time`);
  }

  async meters(): Promise<Meters> {
    return (await this.look<{ counts: Meters }>("/__counts")).counts;
  }

  /** The meters once nothing moves any more. */
  async settled(): Promise<Meters> {
    let before = "";
    await waitUntil(
      async () => {
        const now = JSON.stringify(await this.meters());
        const still = now === before;
        before = now;
        return still;
      },
      QUIET_LIMIT_MS,
      QUIET_MS,
    );
    return this.meters();
  }

  async load(count: number, connections: number, each: (i: number) => Buffer): Promise<void> {
    const origin = this.#postern.url;
    const result = await run({ origin, connections, next: upTo(count), request: each });
    allAccepted(result, count);
  }

  async single(): Promise<void> {
    for (let i = 0; i < SINGLES; i++) {
      await this.load(1, 1, () => postEmail(this.#postern.url, this.#key, mail("single", i)));
      this.#sent++;
      await this.delivered();
    }
  }

  async loaded(): Promise<void> {
    const bytes = (i: number): Buffer => postEmail(this.#postern.url, this.#key, mail("loaded", i));
    await this.load(LOADED, CONNECTIONS, bytes);
    this.#sent += LOADED;
    await this.delivered();
  }

  async batch(): Promise<void> {
    await this.load(BATCHES, 1, (n) => {
      const mails = Array.from({ length: BATCH }, (_, i) => mail("batch", n * BATCH + i));
      const headers = { authorization: `Bearer ${this.#key}` };
      return request(this.#postern.url, "/emails/batch", headers, JSON.stringify(mails));
    });
    this.#sent += BATCHES * BATCH;
    await this.delivered();
  }

  async phase(messages: number, cpu: boolean, work: () => Promise<void>): Promise<Phase> {
    await this.look("/__reset");
    const cpuBefore = workerdCpuMs(this.#postern.pid);
    await work();
    const cpuMs = (workerdCpuMs(this.#postern.pid) - cpuBefore) / messages;
    const meters = await this.settled();
    const sums = operations(meters, messages);
    const detail: Meters = {};
    for (const name of Object.keys(meters).sort()) {
      detail[name] = round((meters[name] ?? 0) / messages, 4);
    }
    return {
      messages,
      usd_per_1000: round(dollars(sums, 1_000), 5),
      operations: rounded(sums),
      detail,
      ...(cpu ? { cpu: cpuOf(cpuMs) } : {}),
    };
  }

  /** What an account that sends nothing costs: the cron, on the warm objects. */
  async standing(): Promise<{ usd_per_month: number; operations_per_cron: Operations }> {
    // The first makes the objects of accounts that have never been used.
    await this.look("/__cron");
    await sleep(QUIET_MS);
    await this.look("/__reset");
    await this.look("/__cron");
    await sleep(QUIET_MS);
    const sums = operations(await this.meters(), 1);
    return {
      usd_per_month: round(dollars(sums, CRONS_PER_MONTH), 4),
      operations_per_cron: rounded(sums),
    };
  }
}

function cpuOf(ms: number): Required<Phase>["cpu"] {
  return { ms_per_message: round(ms, 2), usd_per_1000: round(ms * CPU_MS_PRICE * 1_000, 6) };
}

function allAccepted(result: LoadResult, count: number): void {
  if (result.statuses["200"] !== count) {
    throw new Error(`not all were accepted: ${JSON.stringify(result.statuses)}`);
  }
}

function rounded(of: Operations): Operations {
  const entries = Object.entries(of).map(([name, value]) => [name, round(value, 4)]);
  return Object.fromEntries(entries) as Operations;
}

/** Runs the bench; `log` takes its progress. */
export async function bench(log: Log): Promise<Report> {
  log("building the counting Worker");
  const script = bundle("counting", join(here, "workers/counting.worker.ts"), config);
  const sources = { sandbox: { provider: "sandbox", event_delay_ms: EVENT_DELAY_MS } };
  const postern = await startPostern({ script, vars: vars({ sources }) });
  const counting = new Counting(postern, await postern.key("test"));
  log(`single: ${SINGLES} messages, each after the delivery of the last`);
  const single = await counting.phase(SINGLES, false, () => counting.single());
  log(`loaded: ${LOADED} messages over ${CONNECTIONS} connections`);
  const loaded = await counting.phase(LOADED, true, () => counting.loaded());
  log(`batch: ${BATCHES} calls of ${BATCH} messages`);
  const batch = await counting.phase(BATCHES * BATCH, true, () => counting.batch());
  const standing = await counting.standing();
  await postern.stop();

  const phases = { single, loaded, batch };
  const names = Object.keys(single.operations) as (keyof Operations)[];
  return {
    title: "Platform operations per message, from POST to delivered",
    columns: ["", ...Object.keys(phases)],
    rows: [
      ...names.map((name) => [name, ...Object.values(phases).map((one) => one.operations[name])]),
      ["$ per 1,000 messages", ...Object.values(phases).map((one) => one.usd_per_1000)],
    ],
    notes: [
      "targets: single 0.017, loaded 0.012, batch 0.010 or less; SES 0.10, Resend about 0.35",
      `not in the sums, CPU of all of workerd: ${loaded.cpu?.ms_per_message} ms per message ` +
        `loaded, ${batch.cpu?.ms_per_message} ms by batch`,
      `standing, for one idle account: $${standing.usd_per_month} a month`,
    ],
    json: {
      ...phases,
      standing,
      comparison: { ses: 0.1, resend: 0.35 },
      cpu: "not in the sums; all of local workerd, databases and queues included: an upper bound",
      machine: machine(),
    },
  };
}
