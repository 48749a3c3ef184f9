/**
 * Feedback: events through the webhook's route and the journal into D1. 10,000 messages are sent
 * and recorded first; then each gets one event, in requests of 1, 10 and 100. The Worker runs with
 * meters on its bindings, so that rows and round trips are counted and not guessed.
 */
import { join } from "node:path";
import { classification } from "./classification.ts";
import { bundle, here, machine } from "./harness.ts";
import { type LoadResult, request, run, upTo } from "./load.ts";
import { config, mail, type Postern, startPostern, throughStub } from "./postern.ts";
import { operations } from "./prices.ts";
import { startProvider } from "./provider.ts";
import type { Report } from "./report.ts";
import { round, waitUntil } from "./stats.ts";

/** Events by events in a request; 10,000 together. */
const PHASES = { 1: 1_000, 10: 2_000, 100: 7_000 } as const;
const MESSAGES = Object.values(PHASES).reduce((sum, count) => sum + count, 0);
const BATCH = 100;
/** Providers post over few connections. */
const CONNECTIONS = 8;
const STUB_LATENCY_MS = 20;
const RECORD_LIMIT_MS = 180_000;
const LOOK_MS = 50;
/** Meters that stand still for this long will not move. */
const QUIET_MS = 3_000;
const QUIET_LIMIT_MS = 60_000;
/** What SparkPost would present; the value guards nothing. */
const CREDENTIALS = "hook:bench";

type Log = (line: string) => void;
type Meters = Record<string, number>;

interface Phase {
  readonly events: number;
  readonly events_per_second: number;
  readonly rows_per_event: number;
  readonly d1_round_trips_per_event: number;
  readonly webhook_p50_ms: number;
  readonly webhook_p99_ms: number;
}

/** One in twenty bounces, one in a hundred complains, one in ten is deferred. */
function eventOf(id: string, index: number, scope: string): object {
  const base = {
    event_id: String(index),
    timestamp: String(Math.floor(Date.now() / 1_000)),
    rcpt_to: mail("x", index).to,
    rcpt_meta: { postern_id: id, postern_account: scope },
  };
  const kind =
    index % 20 === 0
      ? { type: "bounce", bounce_class: "10", raw_reason: "550 5.1.1 no such user" }
      : index % 100 === 1
        ? { type: "spam_complaint", fbtype: "abuse" }
        : index % 10 === 2
          ? { type: "delay", bounce_class: "21", raw_reason: "451 4.7.1 try again later" }
          : { type: "delivery" };
  return { msys: { message_event: { ...base, ...kind } } };
}

class Feedback {
  readonly #postern: Postern;
  readonly #key: string;
  #recorded = 0;

  constructor(postern: Postern, key: string) {
    this.#postern = postern;
    this.#key = key;
  }

  async #look<T>(path: string): Promise<T> {
    return (await (await fetch(new URL(path, this.#postern.url))).json()) as T;
  }

  /** Sends everything and waits until it is recorded as sent; answers the ids. */
  async send(): Promise<string[]> {
    const ids: string[] = [];
    for (let from = 0; from < MESSAGES; from += BATCH) {
      const mails = Array.from({ length: BATCH }, (_, i) => mail("feedback", from + i));
      const path = "/emails/batch";
      const answer = await this.#postern.call<{ data: { id: string }[] }>(
        this.#key,
        "POST",
        path,
        mails,
      );
      ids.push(...answer.data.map(({ id }) => id));
    }
    await this.#counted("sent", MESSAGES);
    return ids;
  }

  async #counted(what: "sent" | "reported", wanted: number): Promise<void> {
    const done = await waitUntil(
      async () => (await this.#look<Record<typeof what, number>>("/__marks"))[what] >= wanted,
      RECORD_LIMIT_MS,
      LOOK_MS,
    );
    if (!done) throw new Error(`not all of ${wanted} were ${what} in time`);
  }

  /** Nothing moves any more: what came before is not counted with what comes next. */
  async #settled(): Promise<Meters> {
    let before = "";
    const meters = () => this.#look<{ counts: Meters }>("/__counts");
    await waitUntil(
      async () => {
        const now = JSON.stringify(await meters());
        const still = now === before;
        before = now;
        return still;
      },
      QUIET_LIMIT_MS,
      QUIET_MS,
    );
    return (await meters()).counts;
  }

  async phase(events: readonly object[], perRequest: number): Promise<Phase> {
    await this.#settled();
    await this.#look("/__reset");
    const origin = this.#postern.url;
    const headers = { authorization: `Basic ${btoa(CREDENTIALS)}` };
    const bytes = (n: number): Buffer =>
      request(
        origin,
        "/hooks/reports",
        headers,
        JSON.stringify(events.slice(n * perRequest, (n + 1) * perRequest)),
      );
    const requests = Math.ceil(events.length / perRequest);
    const started = performance.now();
    const load = { origin, connections: CONNECTIONS, next: upTo(requests), request: bytes };
    const result = await run(load);
    taken(result, requests);
    this.#recorded += events.length;
    await this.#counted("reported", this.#recorded);
    const seconds = (performance.now() - started) / 1_000;
    const sums = operations(await this.#settled(), events.length);
    const { p50_ms, p99_ms } = result;
    return {
      events: events.length,
      events_per_second: round(events.length / seconds, 0),
      rows_per_event: round(sums.d1_rows_written, 3),
      d1_round_trips_per_event: round(sums.d1_transactions, 4),
      webhook_p50_ms: p50_ms,
      webhook_p99_ms: p99_ms,
    };
  }
}

function taken(result: LoadResult, count: number): void {
  if (result.statuses["200"] !== count) {
    throw new Error(`not all were taken: ${JSON.stringify(result.statuses)}`);
  }
}

/** Runs the bench; `log` takes its progress. */
export async function bench(log: Log): Promise<Report> {
  log("building the counting Worker");
  const script = bundle("counting", join(here, "workers/counting.worker.ts"), config);
  const provider = await startProvider({ delayMs: STUB_LATENCY_MS, deduplicates: true });
  const given = throughStub(provider.url, true) as { sources: object };
  const reports = {
    provider: "sparkpost",
    secret: "RESEND_API_KEY",
    webhook: { basic: ["HOOK_CREDENTIALS"] },
  };
  const postern = await startPostern({
    script,
    vars: { ...given, sources: { ...given.sources, reports } },
    secrets: { HOOK_CREDENTIALS: CREDENTIALS },
  });
  const feedback = new Feedback(postern, await postern.key("live"));
  log(`sending ${MESSAGES} messages, until all are recorded`);
  const ids = await feedback.send();
  const events = ids.map((id, index) => eventOf(id, index, "default"));
  const phases: Record<string, Phase> = {};
  let from = 0;
  for (const [perRequest, count] of Object.entries(PHASES)) {
    log(`${count} events in requests of ${perRequest}`);
    const part = events.slice(from, from + count);
    phases[perRequest] = await feedback.phase(part, Number(perRequest));
    from += count;
  }
  await postern.stop();
  await provider.stop();
  const told = classification();
  return reportOf(phases, told);
}

function reportOf(
  phases: Readonly<Record<string, Phase>>,
  told: ReturnType<typeof classification>,
): Report {
  const names = Object.keys(phases["100"] ?? {}) as (keyof Phase)[];
  const per = (name: keyof Phase) =>
    Object.fromEntries(Object.entries(phases).map(([size, phase]) => [size, phase[name]]));
  const all = Object.values(phases);
  const events = all.reduce((sum, one) => sum + one.events, 0);
  const seconds = all.reduce((sum, one) => sum + one.events / one.events_per_second, 0);
  const main = phases["100"];
  const score = told?.rules.postern ?? null;
  return {
    title: "Events through the webhook and the journal into D1, by events in a request",
    columns: ["", ...Object.keys(phases)],
    rows: names.map((name) => [name, ...all.map((one) => one[name])]),
    notes: [
      "at most 0.05 round trips per event in requests of 100",
      score === null
        ? "bounces are not measured: there is no corpus here"
        : `bounces told hard: precision ${score.precision} %, recall ${score.recall} %, ` +
          `F1 ${score.f1} %`,
    ],
    json: {
      events,
      events_per_second: round(events / seconds, 0),
      rows_per_event: per("rows_per_event"),
      d1_round_trips_per_event: per("d1_round_trips_per_event"),
      webhook_p50_ms: main?.webhook_p50_ms,
      webhook_p99_ms: main?.webhook_p99_ms,
      phases,
      classification: score,
      classification_rules: told?.rules ?? null,
      machine: machine(),
    },
  };
}
