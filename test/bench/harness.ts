/** Builds the bundles and runs instances and stubs as process groups of their own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { QUIET_WRANGLER, WRANGLER } from "../../src/cli/paths.ts";
import type { InstanceSettings } from "./instance.ts";
import { sleep } from "./stats.ts";

export const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, "../..");

/** A child that has not said where it listens by then will not. */
const BOOT_LIMIT_MS = 60_000;
/** What a child gets to end by itself before it is killed. */
const STOP_LIMIT_MS = 5_000;
/** /proc counts CPU time in ticks of 10 ms (USER_HZ). */
const TICK_MS = 10;

const scratch = mkdtempSync(join(tmpdir(), "postern-bench-"));
const groups = new Set<ChildProcess>();

function killGroup(child: ChildProcess): void {
  groups.delete(child);
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The group has ended.
  }
}

process.on("exit", () => {
  for (const child of groups) killGroup(child);
  rmSync(scratch, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => process.exit(1));
}

/** A new empty folder, gone when the bench ends. */
export function scratchFolder(name: string): string {
  return mkdtempSync(join(scratch, `${name}-`));
}

/** A child process that has told where it listens. */
export interface Running {
  readonly url: URL;
  readonly pid: number;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** SIGKILL to the whole process group: node and workerd die at once. */
  kill(): Promise<void>;
}

/** Runs `node <script> <argument>` in its own process group until it prints `{"url"}`. */
export async function launch(script: string, argument: unknown): Promise<Running> {
  const child = spawn(process.execPath, [script, JSON.stringify(argument)], {
    cwd: root,
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
  });
  groups.add(child);
  const exited = new Promise<void>((done) => child.once("exit", () => done()));
  const url = await new Promise<URL>((done, failed) => {
    const late = setTimeout(() => failed(new Error(`${script} did not start`)), BOOT_LIMIT_MS);
    child.once("exit", (code) => failed(new Error(`${script} ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (!line.startsWith('{"url"')) return;
      clearTimeout(late);
      done(new URL((JSON.parse(line) as { url: string }).url));
    });
  }).catch((error: unknown) => {
    killGroup(child);
    throw error;
  });
  return {
    url,
    pid: child.pid ?? 0,
    stop: async () => {
      child.stdin.end();
      await Promise.race([exited, sleep(STOP_LIMIT_MS)]);
      killGroup(child);
      await exited;
    },
    kill: async () => {
      killGroup(child);
      await exited;
    },
  };
}

/** Boots a bundle on raw Miniflare. */
export function boot(settings: InstanceSettings): Promise<Running> {
  return launch(join(here, "instance.ts"), settings);
}

/** Bundles an entry with wrangler, as a deployment would; gives the module's path. */
export function bundle(name: string, entry: string, config: string): string {
  const out = scratchFolder(`bundle-${name}`);
  const words = ["deploy", entry, "--dry-run", "--outdir", out, "--config", config];
  execFileSync(process.execPath, [WRANGLER, ...words], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...QUIET_WRANGLER, WRANGLER_LOG: "error" },
  });
  const script = readdirSync(out).find((file) => file.endsWith(".js"));
  if (script === undefined) throw new Error(`no bundle of ${entry}`);
  return join(out, script);
}

/** The workerd processes in a process group with their `/proc/PID/stat`; none without /proc. */
function workerds(group: number): { readonly pid: string; readonly fields: readonly string[] }[] {
  try {
    return readdirSync("/proc").flatMap((pid) => {
      if (!/^\d+$/.test(pid)) return [];
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      const end = stat.lastIndexOf(")");
      const fields = stat.slice(end + 2).split(" ");
      const isOurs = stat.slice(0, end).includes("(workerd") && Number(fields[2]) === group;
      return isOurs ? [{ pid, fields }] : [];
    });
  } catch {
    // A process may end while it is read; where there is no /proc the figures are left at 0.
    return [];
  }
}

/** CPU time of the workerd processes in a process group, in milliseconds; 0 without /proc. */
export function workerdCpuMs(group: number): number {
  const ticks = workerds(group).map(({ fields }) => Number(fields[11]) + Number(fields[12]));
  return ticks.reduce((sum, one) => sum + one, 0) * TICK_MS;
}

/** The most memory the workerd processes in a process group have had, in MB; 0 without /proc. */
export function workerdPeakMb(group: number): number {
  const peaks = workerds(group).map(({ pid }) => {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  });
  return Math.round(peaks.reduce((sum, one) => sum + one, 0) / 1_024);
}

/** What the figures were taken on. */
export function machine(): Record<string, string | number> {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? "unknown",
    memory_gb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}
