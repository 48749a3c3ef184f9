/**
 * The Worker on this machine: bundle -> Miniflare with the bindings of wrangler.toml -> migrations.
 * No account, no internet, no development proxy in between; what wrangler.toml says of queues
 * holds.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Json } from "miniflare";
import { bundle } from "./bundle.ts";
import { migrate } from "./migrate.ts";
import { MIGRATIONS, QUIET_WRANGLER, WRANGLER_CONFIG } from "./paths.ts";
import { HOST } from "./ports.ts";
import { startWatchdog, workerdChildren } from "./watchdog.ts";

// Read when wrangler is loaded, hence before the imports below.
Object.assign(process.env, QUIET_WRANGLER, { WRANGLER_LOG: "error" });
const { convertV4MiniflareOptions, Log, LogLevel, Miniflare } = await import("miniflare");
const { unstable_getMiniflareWorkerOptions } = await import("wrangler");

/**
 * How workerd begins remarks on itself: an alarm that was a millisecond late, or a request whose
 * host was not reached, of which the Worker hears as well.
 */
const RUNTIME_NOISE = /^(?:NOSENTRY |e(?:xception)? = rust\/worker\/ffi\.rs)/;

type Section = Record<string, unknown>;

/** An entrypoint of another Worker, and the name of the binding to it. */
export interface Beside {
  readonly binding: string;
  readonly entrypoint: string;
  /** The source of an ES module. */
  readonly script: string;
}

export interface RuntimeOptions {
  /** The port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** The state folder (as `wrangler dev --persist-to`); null: a new one, removed at the end. */
  readonly persistTo: string | null;
  /** Laid over `[vars.POSTERN]`, entry by entry of each section (a source, a stream, a limit). */
  readonly vars?: Readonly<Record<string, Section>>;
  readonly secrets: { POSTERN_SECRET: string; POSTERN_ADMIN_KEY: string; [name: string]: string };
  /** A small Worker beside it, which it reaches by a binding. */
  readonly beside?: Beside;
  /** `POST /cdn-cgi/local/email?from=&to=` hands mail to the Worker: for tests. */
  readonly takesMail?: boolean;
  /** Only the Worker's warnings and errors are logged. */
  readonly quiet?: boolean;
  /** Where the Worker's log lines go; standard error by default, never standard output. */
  readonly log?: (line: string) => void;
  /** The exit code after SIGINT, SIGTERM or SIGHUP; by default 128 + the signal's number. */
  readonly signalExitCode?: number;
}

export interface Runtime {
  /** Without a trailing slash. */
  readonly url: string;
  readonly port: number;
  readonly miniflare: InstanceType<typeof Miniflare>;
  /** Ends workerd, and removes a throwaway state folder. Safe to call twice. */
  stop(): Promise<void>;
}

/** Lays overrides over a configuration: an entry that is given replaces the whole entry. */
export function overlay(
  base: Readonly<Record<string, Section>>,
  over: Readonly<Record<string, Section>>,
): Record<string, Section> {
  const merged: Record<string, Section> = { ...base };
  for (const [name, section] of Object.entries(over)) {
    merged[name] = { ...merged[name], ...section };
  }
  return merged;
}

/** Miniflare prints its own lines on standard output; they belong to the log. */
class RuntimeLog extends Log {
  readonly #sink: (line: string) => void;

  constructor(sink: (line: string) => void) {
    super(LogLevel.ERROR);
    this.#sink = sink;
  }

  override log(message: string): void {
    this.#sink(message);
  }
}

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
type Signal = keyof typeof SIGNALS;

/**
 * Makes a Miniflare whose signal handlers, which exit with codes of their own, are replaced.
 * Whatever ends the process, its `exit` handlers end workerd and remove what is throwaway,
 * synchronously.
 * @returns the instance, and how to take the handlers away again.
 */
function construct(
  options: ConstructorParameters<typeof Miniflare>[0],
  exitCode: number | undefined,
): { miniflare: InstanceType<typeof Miniflare>; release: () => void } {
  const signals = Object.keys(SIGNALS) as Signal[];
  const before = new Map(signals.map((signal) => [signal, new Set(process.listeners(signal))]));
  const miniflare = new Miniflare(options);
  const handlers = signals.map((signal) => {
    for (const listener of process.listeners(signal)) {
      if (!before.get(signal)?.has(listener)) process.removeListener(signal, listener);
    }
    const handler = (): void => process.exit(exitCode ?? 128 + SIGNALS[signal]);
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  const release = (): void => {
    for (const [signal, handler] of handlers) process.removeListener(signal, handler);
  };
  return { miniflare, release };
}

/** The Worker alone, or first of two. */
function workersOf(
  worker: ReturnType<typeof workerOptions>,
  scriptPath: string,
  beside: Beside | undefined,
) {
  const main = { ...worker, name: "postern", modules: true, scriptPath };
  if (beside === undefined) return main;
  const { binding, entrypoint, script } = beside;
  const { compatibilityDate: date } = worker as { compatibilityDate?: string };
  const dated = date === undefined ? {} : { compatibilityDate: date };
  const name = "beside";
  return {
    workers: [
      { ...main, serviceBindings: { [binding]: { name, entrypoint } } },
      { name, modules: true, script, ...dated },
    ],
  };
}

/** The bindings of wrangler.toml with the secrets, and POSTERN with the overrides laid over it. */
function workerOptions(options: RuntimeOptions) {
  const { workerOptions } = unstable_getMiniflareWorkerOptions(WRANGLER_CONFIG);
  const { rootPath: _root, modulesRules: _rules, ...worker } = workerOptions;
  const bindings = (worker.bindings ?? {}) as Record<string, Json>;
  const base = bindings.POSTERN as Record<string, Section>;
  const POSTERN = overlay(base, options.vars ?? {}) as Json;
  return { ...worker, bindings: { ...bindings, ...options.secrets, POSTERN } };
}

/**
 * Starts the Worker and applies the D1 migrations.
 * @throws if the sources do not build, a migration fails, or the port is taken.
 */
export async function start(options: RuntimeOptions): Promise<Runtime> {
  const log = options.log ?? ((line: string) => void process.stderr.write(`${line}\n`));
  const scriptPath = await bundle();
  const worker = workerOptions(options);
  const others = new Set(workerdChildren());
  const state = options.persistTo ?? mkdtempSync(join(tmpdir(), "postern-"));
  const throwaway = options.persistTo === null ? state : null;
  const watchdog = startWatchdog(throwaway);
  const watch = (): void => {
    const pid = workerdChildren().find((child) => !others.has(child));
    if (pid !== undefined) watchdog.watch(pid);
  };
  const tidyUp = (): void => {
    watchdog.stop();
    if (throwaway !== null) rmSync(throwaway, { recursive: true, force: true });
  };
  const { miniflare, release } = construct(
    convertV4MiniflareOptions({
      ...workersOf(worker, scriptPath, options.beside),
      host: HOST,
      port: options.port,
      // The folder `wrangler dev` appends to what `--persist-to` names.
      resourcePersistencePath: join(resolve(state), "v3"),
      cf: false,
      telemetry: { enabled: false },
      unsafeTriggerHandlers: options.takesMail ?? false,
      log: new RuntimeLog(log),
      handleStructuredLogs: ({ level, message }) => {
        const wanted = level === "warn" || level === "error";
        if (!options.quiet || (wanted && !RUNTIME_NOISE.test(message))) log(message);
      },
      unsafeHandleRuntimeRestart: watch,
    }),
    options.signalExitCode,
  );
  // After Miniflare's own handler, so that workerd is gone when its state is removed.
  process.on("exit", tidyUp);
  let stopped: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    try {
      await miniflare.dispose();
    } finally {
      process.removeListener("exit", tidyUp);
      release();
      tidyUp();
    }
  };
  const stop = (): Promise<void> => {
    stopped ??= end();
    return stopped;
  };
  try {
    const { port } = await miniflare.ready;
    watch();
    await migrate(await miniflare.getD1Database("DB"), MIGRATIONS);
    return { url: `http://${HOST}:${port}`, port: Number(port), miniflare, stop };
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
}
