/**
 * What becomes of accepted mail when the runtime dies, when the provider refuses, and when it takes
 * mail and never answers. The provider's books are the truth: lost is what it never took, doubled
 * is what would have gone out twice. Each case once with a source that deduplicates, and once
 * (`_plain`) with one that does not.
 */
import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { machine, scratchFolder } from "./harness.ts";
import { type LoadResult, run, upTo } from "./load.ts";
import {
  mail,
  type Postern,
  postEmail,
  posternBundle,
  startPostern,
  throughStub,
} from "./postern.ts";
import { type Provider, startProvider } from "./provider.ts";
import type { Report } from "./report.ts";
import { round, sleep, waitUntil, wallMs } from "./stats.ts";
import type { Books } from "./stub.ts";

const KILL_MESSAGES = 3_000;
const FAULT_MESSAGES = 500;
const CONNECTIONS = 32;
const PROVIDER_DELAY_MS = 20;
const FAULT_MS = 30_000;
/** After the fault's end; what is open then is stuck. */
const SETTLE_LIMIT_MS = 120_000;
const LEDGER_EVERY_MS = 1_000;

type Log = (line: string) => void;

interface Case {
  readonly accepted: number;
  /** Accepted, and never taken by the provider. */
  readonly lost: number;
  /** Mails that would have gone out more than once. */
  readonly doubled: number;
  /** Neither final nor held as unknown two minutes after the fault's end. */
  readonly stuck: number;
  /** From the restart, or the fault's end, to the next mail at the provider. */
  readonly resumed_after_s: number;
  /** Claimed and not settled at the kill; taken and never answered in a hang. */
  readonly in_flight: number;
  /** Requests with a mail that the provider had taken before, whether it deduplicates or not. */
  readonly repeated_requests: number;
  /** Held as unknown at the end. */
  readonly unknown: number;
  /** From the fault's end until nothing was open. */
  readonly settled_after_s: number;
}

interface Bed {
  readonly provider: Provider;
  readonly key: string;
  readonly start: (earlier?: Postern) => Promise<Postern>;
  postern: Postern;
}

async function bed(deduplicates: boolean): Promise<Bed> {
  const provider = await startProvider({ delayMs: PROVIDER_DELAY_MS, deduplicates });
  const options = { script: posternBundle(), vars: throughStub(provider.url, deduplicates) };
  const start = (earlier?: Postern): Promise<Postern> =>
    startPostern(
      earlier === undefined
        ? options
        : { ...options, state: earlier.state, port: Number(earlier.url.port) },
    );
  const postern = await start();
  return { provider, key: await postern.key("live"), start, postern };
}

/** Claimed units in the object's own files: what the killed consumers had in hand. */
function claimedOnDisk(state: string): number {
  const folder = join(state, "do", "bench-Outbox");
  const copy = scratchFolder("claimed");
  let claimed = 0;
  for (const file of readdirSync(folder)) copyFileSync(join(folder, file), join(copy, file));
  for (const file of readdirSync(copy)) {
    if (!/^[0-9a-f]{64}\.sqlite$/.test(file)) continue;
    const database = new DatabaseSync(join(copy, file));
    const row = database.prepare("SELECT count(*) AS n FROM unit WHERE phase = 'claimed'").get();
    claimed += Number(row?.n);
    database.close();
  }
  return claimed;
}

/**
 * Waits until the ledger has nothing open, for two minutes from `endedAt`; then reads the books.
 */
async function outcome(
  { provider, postern, key }: Bed,
  accepted: ReadonlySet<string>,
  endedAt: number,
  in_flight: number,
): Promise<Case> {
  let ledger = await postern.ledger(key);
  await waitUntil(
    async () => {
      ledger = await postern.ledger(key);
      return ledger.pending === 0;
    },
    SETTLE_LIMIT_MS - (wallMs() - endedAt),
    LEDGER_EVERY_MS,
  );
  const settledMs = wallMs() - endedAt;
  const books = await provider.books();
  await postern.stop();
  await provider.stop();
  return {
    ...inBooks(books, accepted, endedAt),
    stuck: ledger.pending,
    in_flight,
    unknown: ledger.unknown,
    settled_after_s: round(settledMs / 1000),
  };
}

function inBooks(books: Books, accepted: ReadonlySet<string>, endedAt: number) {
  const taken = new Set(books.entries.map((entry) => entry.subject));
  const next = books.entries
    .flatMap((entry) => entry.takenAt)
    .reduce((first, at) => (at >= endedAt && at < first ? at : first), Number.POSITIVE_INFINITY);
  const repeats = books.entries.map((entry) => entry.takenAt.length - 1);
  return {
    accepted: accepted.size,
    lost: [...accepted].filter((subject) => !taken.has(subject)).length,
    doubled: books.entries.filter((entry) => entry.sent > 1).length,
    resumed_after_s: Number.isFinite(next) ? round((next - endedAt) / 1000) : -1,
    repeated_requests: repeats.reduce((sum, one) => sum + one, 0),
  };
}

/**
 * Posts at 32 connections and kills node and workerd when half is accepted. A post whose connection
 * broke is repeated with its idempotency key, as a careful client does; it counts as accepted when
 * it was answered 200.
 */
async function kill(deduplicates: boolean): Promise<Case> {
  const at = await bed(deduplicates);
  const accepted = new Set<string>();
  const broken: number[] = [];
  const fresh = upTo(KILL_MESSAGES);
  let reached = (): void => undefined;
  const half = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const load = run({
    origin: at.postern.url,
    connections: CONNECTIONS,
    next: () => broken.pop() ?? fresh(),
    request: (i) =>
      postEmail(at.postern.url, at.key, mail(`kill-${i}`, i), { "idempotency-key": `kill-${i}` }),
    onAnswer: ({ index, status }) => {
      if (status === 200) accepted.add(`kill-${index}`);
      // 409: the first try is still being worked on. 503: come again with the same key.
      else if (status === 409 || status === 503) broken.push(index);
      if (accepted.size >= KILL_MESSAGES / 2) reached();
    },
    onBroken: (index) => broken.push(index),
  });
  await Promise.race([half, load]);
  await at.postern.kill();
  const inFlight = claimedOnDisk(at.postern.state);
  const restartedAt = wallMs();
  at.postern = await at.start(at.postern);
  only200(await load, [409, 503]);
  return outcome(at, accepted, restartedAt, inFlight);
}

/** Posts 500 while the provider misbehaves for 30 s. */
async function fault(mode: "refuse" | "hang", deduplicates: boolean): Promise<Case> {
  const at = await bed(deduplicates);
  await at.provider.setMode(mode);
  const faultEnds = sleep(FAULT_MS);
  const accepted = new Set<string>();
  const load = await run({
    origin: at.postern.url,
    connections: CONNECTIONS,
    next: upTo(FAULT_MESSAGES),
    request: (i) => postEmail(at.postern.url, at.key, mail(`${mode}-${i}`, i)),
    onAnswer: ({ index, status }) => {
      if (status === 200) accepted.add(`${mode}-${index}`);
    },
  });
  only200(load, []);
  await faultEnds;
  const endedAt = wallMs();
  const { hanging } = await at.provider.setMode("answer");
  return outcome(at, accepted, endedAt, hanging);
}

function only200({ statuses }: LoadResult, allowed: readonly number[]): void {
  const others = Object.keys(statuses).filter((one) => ![200, ...allowed].includes(Number(one)));
  if (others.length > 0) throw new Error(`unexpected answers: ${JSON.stringify(statuses)}`);
}

const CASES: Readonly<Record<string, () => Promise<Case>>> = {
  kill: () => kill(true),
  outage: () => fault("refuse", true),
  hang: () => fault("hang", true),
  kill_plain: () => kill(false),
  outage_plain: () => fault("refuse", false),
  hang_plain: () => fault("hang", false),
};

/** Runs the bench; `log` takes its progress. */
export async function bench(log: Log): Promise<Report> {
  log("building the Worker");
  posternBundle();
  const results: Record<string, Case> = {};
  for (const [name, play] of Object.entries(CASES)) {
    log(name);
    results[name] = await play();
    log(`${name}: ${JSON.stringify(results[name])}`);
  }
  const columns = [
    "accepted",
    "lost",
    "doubled",
    "stuck",
    "resumed_after_s",
    "in_flight",
    "repeated_requests",
    "unknown",
  ] as const;
  return {
    title: "Accepted mail through a kill, an outage and a hang of 30 s; the provider's books",
    columns: ["", ...columns],
    rows: Object.entries(results).map(([name, one]) => [
      name,
      ...columns.map((column) => one[column]),
    ]),
    notes: [
      "targets: lost 0, stuck 0; doubled 0, or for _plain at most in_flight",
      "repeated_requests are what a deduplicating provider recognised",
    ],
    json: { ...results, machine: machine() },
  };
}
