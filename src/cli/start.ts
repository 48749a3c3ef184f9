/** `npm start`: the Worker on this machine, with keys, a welcome mail, and state that is kept. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createClient } from "./client.ts";
import { UsageError } from "./errors.ts";
import { follow, formatJourney, JOURNEY_LIMIT_MS } from "./journey.ts";
import { DEFAULT_STATE, DEV_FILE_NAME, ROOT } from "./paths.ts";
import { portTaken } from "./ports.ts";
import type { Runtime } from "./runtime.ts";
import { localSecrets, makeKey, writePrivately } from "./secrets.ts";

export const usage = `npm start -- [--state DIR] [--verbose]

Starts the Worker on http://127.0.0.1:8787; PORT=N chooses another port.
  --state DIR  keep state, secrets and keys in DIR (default: .wrangler and .dev.vars);
               POSTERN_STATE=DIR does the same
  --resolver URL  ask this DNS-over-HTTPS resolver, and not those that are configured
  --verbose    show every line the Worker logs, not only warnings and errors`;

const DEFAULT_PORT = 8_787;
/** What wrangler.toml's cron says: local runtimes do not keep time themselves. */
const CRON = "* * * * *";
const CRON_INTERVAL_MS = 60_000;

/** Where one local instance keeps what it keeps. */
interface Places {
  readonly state: string;
  readonly secrets: string;
  readonly devFile: string;
  readonly pidFile: string;
}

function places(folder: string | undefined): Places {
  const state = folder === undefined ? DEFAULT_STATE : resolve(folder);
  const beside = folder === undefined ? dirname(DEFAULT_STATE) : state;
  return {
    state,
    secrets: folder === undefined ? join(ROOT, ".dev.vars") : join(state, ".dev.vars"),
    devFile: join(beside, DEV_FILE_NAME),
    pidFile: join(state, "postern.pid"),
  };
}

function wantedPort(): number {
  const text = process.env.PORT;
  if (text === undefined || text === "") return DEFAULT_PORT;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new UsageError(`PORT is "${text}": a number from 0 to 65535 is wanted.`);
}

/** The process that uses the state, if it still runs: two at once would corrupt it. */
function userOf(pidFile: string): number | null {
  if (!existsSync(pidFile)) return null;
  const pid = Number(readFileSync(pidFile, "utf8"));
  try {
    const command = execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" });
    return command.includes("postern.ts") ? pid : null;
  } catch {
    return null;
  }
}

/** Runs the Worker's scheduled handler now and every minute. */
async function keepTime(runtime: Runtime): Promise<void> {
  const worker = await runtime.miniflare.getWorker();
  const tick = (): void => {
    worker.scheduled({ cron: CRON, scheduledTime: new Date() }).catch((error: unknown) => {
      process.stderr.write(`The scheduled handler failed: ${String(error)}\n`);
    });
  };
  tick();
  setInterval(tick, CRON_INTERVAL_MS);
}

/** The API key of the last start if the Worker still knows it, else a new one. */
async function testKey(url: string, adminKey: string, devFile: string): Promise<string> {
  if (existsSync(devFile)) {
    const known = (JSON.parse(readFileSync(devFile, "utf8")) as { apiKey?: unknown }).apiKey;
    if (typeof known === "string") {
      const client = createClient(url, known);
      const { status } = await client.send("GET", "/emails?limit=1");
      client.close();
      if (status === 200) return known;
    }
  }
  return makeKey(url, adminKey, "npm start");
}

/** Sends the welcome mail through the whole pipeline and prints where it was when. */
async function welcome(url: string, apiKey: string): Promise<void> {
  const client = createClient(url, apiKey);
  try {
    const answer = await client.send("POST", "/emails", {
      from: "Postern <welcome@example.com>",
      to: "delivered@sandbox.test",
      subject: "Welcome to Postern",
      text: "This mail went through the complete pipeline, on your own machine.",
    });
    const id = (answer.body as { id?: unknown } | undefined)?.id;
    if (answer.status !== 200 || typeof id !== "string") {
      throw new Error(`POST /emails answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    }
    const { steps, complete } = await follow(client, id, JOURNEY_LIMIT_MS);
    console.log(`\nA welcome mail to delivered@sandbox.test, ${id}:\n${formatJourney(steps)}`);
    if (!complete) console.log(`  and on its way still, after ${JOURNEY_LIMIT_MS / 1_000} s`);
  } finally {
    client.close();
  }
}

/** A name that is in DNS for good (RFC 2606 section 3). */
const PROBED_NAME = "postmaster@example.com";

/** Whether addresses can be looked up, in a sentence. */
async function lookupNote(url: string, apiKey: string): Promise<string> {
  const client = createClient(url, apiKey);
  try {
    const { body } = await client.send("POST", "/verifications", { email: PROBED_NAME });
    const { domain } = body as { domain?: { resolver_status?: unknown } | null };
    const status = String(domain?.resolver_status ?? "none");
    if (status === "noerror" || status === "nxdomain") {
      return "\nDNS answers: POST /verifications tells whether an address takes mail.";
    }
    return (
      `\nNote: DNS does not answer (${status}), as without internet. Until it does, verification ` +
      "answers\n`unknown` for domains that are not known yet; mail is sent all the same."
    );
  } finally {
    client.close();
  }
}

/** A line for a shell that sends a mail. */
function curlLine(url: string, apiKey: string): string {
  const mail = {
    from: "You <you@example.com>",
    to: "delivered@sandbox.test",
    subject: "Hello",
    text: "It works.",
  };
  return (
    `curl ${url}/emails -H 'Authorization: Bearer ${apiKey}' ` +
    `-H 'Content-Type: application/json' -d '${JSON.stringify(mail)}'`
  );
}

/**
 * Runs until a signal ends it, then exits 0.
 * @returns the exit code when it cannot start: 1 for a taken port or state.
 */
export async function run(args: string[]): Promise<number | undefined> {
  const { values } = parseArgs({
    args,
    options: {
      state: { type: "string" },
      resolver: { type: "string" },
      verbose: { type: "boolean", default: false },
    },
  });
  const at = places(values.state ?? (process.env.POSTERN_STATE || undefined));
  const wanted = wantedPort();
  if (await portTaken(wanted)) {
    console.error(
      `Port ${wanted} is taken. Stop what listens there, or choose another: PORT=8788 npm start`,
    );
    return 1;
  }
  const user = userOf(at.pidFile);
  if (user !== null) {
    console.error(`Process ${user} runs on ${at.state} already. Stop it, or choose --state DIR.`);
    return 1;
  }
  mkdirSync(at.state, { recursive: true });
  writeFileSync(at.pidFile, String(process.pid));
  process.on("exit", () => rmSync(at.pidFile, { force: true }));

  const { secrets, made } = localSecrets(at.secrets);
  if (made.length > 0) {
    console.log(`Made ${made.join(" and ")} in ${relative(process.cwd(), at.secrets)}`);
  }
  const { start } = await import("./runtime.ts");
  const runtime = await start({
    port: wanted,
    persistTo: at.state,
    secrets,
    ...(values.resolver === undefined
      ? {}
      : { vars: { verify: { resolvers: [values.resolver] } } }),
    quiet: !values.verbose,
    signalExitCode: 0,
  });
  await keepTime(runtime);
  const apiKey = await testKey(runtime.url, secrets.POSTERN_ADMIN_KEY, at.devFile);
  const dev = { url: runtime.url, apiKey, adminKey: secrets.POSTERN_ADMIN_KEY };
  writePrivately(at.devFile, `${JSON.stringify(dev)}\n`);
  const note = lookupNote(runtime.url, apiKey);
  await welcome(runtime.url, apiKey);
  console.log(await note);
  console.log(`
Postern runs on ${runtime.url}, with its state in ${relative(process.cwd(), at.state)}
A test API key, which sends to the sandbox only: ${apiKey}
Send a mail, and read its journey at ${runtime.url}/emails/<id> with the same key:

${curlLine(runtime.url, apiKey)}

Ctrl-C stops it; the next start goes on where this one ends.`);
  return undefined;
}
