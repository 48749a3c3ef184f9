/** `npm run demo`: messages through an instance of its own, counted by it and by the client. */
import { parseArgs } from "node:util";
import { type Client, createClient } from "./client.ts";
import { type EmulatorProcess, startEmulator } from "./emulator.ts";
import { UsageError } from "./errors.ts";
import { expected, letter, message } from "./mix.ts";
import type { Beside, Runtime } from "./runtime.ts";
import { makeKey, throwawaySecrets } from "./secrets.ts";

export const usage = `npm run demo -- [--count N] [--connections N] [--source NAME] [--json]

Starts an instance with throwaway state on a free port, sends N messages to a mix of sandbox
recipients over HTTP, waits until each is final, and prints where they ended.
  --count N        messages, 1 to 100000 (default 1000)
  --connections N  open at a time, 1 to 256 (default 32)
  --source NAME    through this provider's adapter to its emulator on this machine: ses, resend,
                   postmark, ... Ends when the emulator has taken each message once
  --json           print one JSON object on standard output instead of a table`;

const MOST_MESSAGES = 100_000;
const MOST_CONNECTIONS = 256;

/** Waiting ends after this much, and this much more per message: ten times what two cores need. */
const WAIT_BASE_MS = 60_000;
const WAIT_PER_MESSAGE_MS = 50;
/** Each look at the ledger costs what a few messages cost. */
const POLL_MS = 100;
/** Reports come within a second; a ledger that stands still for this long has heard all of them. */
const QUIET_MS = 5_000;
/**
 * A real provider gets seconds; here nobody answers a `timeout` recipient, and nobody ever will.
 */
const SANDBOX_TIME_LIMIT_MS = 250;

/** The states whose sum is `accepted`. */
const STATES = [
  ...["delivered", "sent", "bounced", "suppressed", "cancelled"],
  ...["expired", "failed", "unknown", "pending"],
] as const;

type Ledger = Readonly<Record<string, number>> & { readonly conserved: boolean };
type Report = Readonly<Record<string, number | boolean | string>>;

interface Arguments {
  readonly count: number;
  readonly connections: number;
  readonly source: string | null;
  readonly json: boolean;
}

function wholeNumber(name: string, text: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
  throw new UsageError(`--${name} is "${text}": a whole number from 1 to ${most} is wanted.`);
}

function parse(args: string[]): Arguments {
  const { values } = parseArgs({
    args,
    options: {
      count: { type: "string", default: "1000" },
      connections: { type: "string", default: "32" },
      source: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  return {
    count: wholeNumber("count", values.count, MOST_MESSAGES),
    connections: wholeNumber("connections", values.connections, MOST_CONNECTIONS),
    source: values.source ?? null,
    json: values.json,
  };
}

/** Draws how far the demo is, on a terminal only and never on standard output. */
function progress(total: number): (done: number, what: string) => void {
  if (!process.stderr.isTTY) return () => {};
  const width = 30;
  return (done, what) => {
    const full = Math.round((width * Math.min(done, total)) / total);
    const bar = "█".repeat(full) + "░".repeat(width - full);
    process.stderr.write(`\r${bar} ${done}/${total} ${what}\u001b[K${what === "" ? "\n" : ""}`);
  };
}

const recipientsOf = (body: Readonly<Record<string, unknown>>): number =>
  ["to", "cc", "bcc"].reduce((sum, field) => sum + ((body[field] as string[]) ?? []).length, 0);

/** Posts every message over the client's connections; returns how many recipients were accepted. */
async function postAll(
  client: Client,
  { count, connections }: Arguments,
  bodyOf: (index: number) => Record<string, unknown>,
): Promise<number> {
  const show = progress(count);
  let next = 0;
  let posted = 0;
  let recipients = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      const body = bodyOf(index);
      const answer = await client.send("POST", "/emails", body, `demo-${index}`);
      if (answer.status !== 200) {
        throw new Error(`POST /emails answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      }
      recipients += recipientsOf(body);
      posted += 1;
      if (posted % 10 === 0) show(posted, "accepted");
    }
  };
  await Promise.all(Array.from({ length: connections }, lane));
  return recipients;
}

/** Reads the ledger until `isDone` or nothing moves any more; returns it and its last change. */
async function settle(
  client: Client,
  count: number,
  recipients: number,
  isDone: (ledger: Ledger) => boolean,
): Promise<{ ledger: Ledger; at: number }> {
  const show = progress(recipients);
  const deadline = performance.now() + WAIT_BASE_MS + count * WAIT_PER_MESSAGE_MS;
  let last = "";
  let changedAt = performance.now();
  for (;;) {
    const answer = await client.send("GET", "/ledger");
    const now = performance.now();
    if (answer.status !== 200) {
      throw new Error(`GET /ledger answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    }
    const ledger = answer.body as Ledger;
    const text = JSON.stringify(answer.body);
    if (text !== last) changedAt = now;
    last = text;
    const { pending = 0, accepted = 0 } = ledger;
    show(Math.max(accepted - pending, 0), "settled");
    const quiet = pending === 0 && now - changedAt > QUIET_MS;
    if ((pending === 0 && isDone(ledger)) || quiet || now > deadline) {
      show(recipients, "");
      return { ledger, at: changedAt };
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function table(report: Report): string {
  const rows = Object.entries(report).map(([name, value]) => [name.replaceAll("_", " "), value]);
  return rows.map(([name, value]) => `${String(name).padEnd(22)}${value}`).join("\n");
}

/** The instance and its mail: by default the sandbox, with a test key. */
async function throughSandbox(wanted: Arguments): Promise<number> {
  const secrets = throwawaySecrets();
  const sandbox = {
    provider: "sandbox",
    deduplicates: true,
    time_limit_ms: SANDBOX_TIME_LIMIT_MS,
  };
  const runtime = await boot(secrets, { sources: { sandbox } });
  const key = await makeKey(runtime.url, secrets.POSTERN_ADMIN_KEY, "demo");
  const { complained } = expected(wanted.count);
  return count(wanted, runtime, key, message, {
    isDone: (ledger) => ledger.sent === 0 && (ledger.complained ?? 0) >= complained,
    extra: async (ledger) => ({ complained: ledger.complained ?? 0 }),
    isRight: () => true,
  });
}

/** The same with a live key, through one adapter to what stands for its provider. */
async function throughSource(wanted: Arguments, emulator: EmulatorProcess): Promise<number> {
  const secrets = { ...throwawaySecrets(), ...emulator.secrets };
  const { certificate, inline } = emulator;
  const broadcasts = emulator.lanes.includes("broadcast");
  // Read when Miniflare is loaded.
  if (certificate !== null) process.env.NODE_EXTRA_CA_CERTS = certificate;
  const vars = {
    accounts: { default: { domains: ["example.com"] } },
    sources: { emulated: emulator.settings },
    pools: { emulated: { sources: ["emulated"] } },
    streams: {
      transactional: { kind: "transactional", pool: "emulated" },
      ...(broadcasts ? { broadcast: { kind: "broadcast", pool: "emulated" } } : {}),
    },
  };
  const runtime = await boot(secrets, vars, emulator.beside);
  const key = await makeKey(runtime.url, secrets.POSTERN_ADMIN_KEY, "demo", "live");
  return count(wanted, runtime, key, (index) => letter(index, { broadcasts, inline }), {
    isDone: () => true,
    extra: async () => {
      const { accepted, doubled, calls } = await emulator.truth();
      const { provider } = emulator.settings;
      return { provider, taken_by_provider: accepted, doubled, calls };
    },
    isRight: (report) =>
      report.sent === report.accepted &&
      report.taken_by_provider === wanted.count &&
      report.doubled === 0,
  });
}

async function boot(
  secrets: ReturnType<typeof throwawaySecrets>,
  vars: Readonly<Record<string, Record<string, unknown>>>,
  beside?: Beside,
): Promise<Runtime> {
  const { start } = await import("./runtime.ts");
  const besides = beside === undefined ? {} : { beside };
  return start({ port: 0, persistTo: null, secrets, quiet: true, vars, ...besides });
}

/** Sends, waits, prints; 0 only if nothing is pending and every count agrees. */
async function count(
  wanted: Arguments,
  runtime: Runtime,
  key: string,
  bodyOf: (index: number) => Record<string, unknown>,
  how: {
    readonly isDone: (ledger: Ledger) => boolean;
    readonly extra: (ledger: Ledger) => Promise<Report>;
    readonly isRight: (report: Report) => boolean;
  },
): Promise<number> {
  const client = createClient(runtime.url, key, wanted.connections);
  try {
    const started = performance.now();
    const recipients = await postAll(client, wanted, bodyOf);
    const { ledger, at } = await settle(client, wanted.count, recipients, how.isDone);
    const seconds = (at - started) / 1_000;
    const sum = STATES.reduce((total, state) => total + (ledger[state] ?? 0), 0);
    const conserved = ledger.conserved && ledger.accepted === recipients && ledger.accepted === sum;
    const report = {
      accepted: ledger.accepted ?? 0,
      ...Object.fromEntries(STATES.map((state) => [state, ledger[state] ?? 0])),
      ...(await how.extra(ledger)),
      seconds: Number(seconds.toFixed(3)),
      messages_per_second: Number((wanted.count / seconds).toFixed(1)),
      conserved,
    };
    console.log(wanted.json ? JSON.stringify(report) : table(report));
    return ledger.pending === 0 && conserved && how.isRight(report) ? 0 : 1;
  } finally {
    client.close();
    await runtime.stop();
  }
}

/** Runs the demo; 0 only if nothing is pending and every count agrees. */
export async function run(args: string[]): Promise<number> {
  const wanted = parse(args);
  if (wanted.source === null) return throughSandbox(wanted);
  const emulator = await startEmulator(wanted.source).catch((error: Error) => {
    throw new UsageError(error.message);
  });
  try {
    return await throughSource(wanted, emulator);
  } finally {
    emulator.stop();
  }
}
