/** `npm start` from outside: a process group of its own, its output, and every way to end it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "../../src/cli/client.ts";
import { ROOT } from "../../src/cli/paths.ts";

/** A first start builds the bundle and waits for the welcome mail. */
const READY_LIMIT_MS = 90_000;

/** What `.wrangler/postern-dev.json` holds. */
export interface DevFile {
  readonly url: string;
  readonly apiKey: string;
  readonly adminKey: string;
}

export interface Instance {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What was printed so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves with the exit code; null if a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Resolves when the last line of a start is printed; rejects if it ends before. */
  ready(): Promise<void>;
}

/** A new folder for the state of one test, and how to remove it. */
export function stateFolder(): { path: string; dev: () => DevFile; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "postern-e2e-"));
  return {
    path,
    dev: () => JSON.parse(readFileSync(join(path, "postern-dev.json"), "utf8")) as DevFile,
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs the `postern` command with this Node, as the leader of a process group. */
export function postern(args: string[], env: Record<string, string> = {}): Instance {
  const child = spawn(process.execPath, [join(ROOT, "src/cli/postern.ts"), ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      printed[name] += text;
    });
  }
  const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
  let over = false;
  void exited.then(() => {
    over = true;
  });
  const ready = async (): Promise<void> => {
    const started = performance.now();
    while (!printed.stdout.includes("Ctrl-C stops it")) {
      if (over || performance.now() - started > READY_LIMIT_MS) {
        throw new Error(`not ready:\n${printed.stdout}\n${printed.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const pid = child.pid ?? 0;
  return { child, pid, stdout: () => printed.stdout, stderr: () => printed.stderr, exited, ready };
}

/** The ids of the workerd processes below a process that still run; a zombie does not. */
export function workerds(parent: number): number[] {
  const list = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,comm="], { encoding: "utf8" });
  return list
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, ppid, stat, name]) => {
      return Number(ppid) === parent && !stat?.startsWith("Z") && name?.includes("workerd");
    })
    .map(([pid]) => Number(pid));
}

/** Whether a process runs; a zombie does not. */
export function runs(pid: number): boolean {
  try {
    const stat = execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
    return !stat.trim().startsWith("Z");
  } catch {
    return false;
  }
}

/** Polls until the condition holds; throws with the claim after the limit. */
export async function until(
  claim: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const started = performance.now();
  while (!(await condition())) {
    if (performance.now() - started > limitMs)
      throw new Error(`not within ${limitMs} ms: ${claim}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The parts of `GET /emails/:id` that the tests read. */
export interface Email {
  readonly id: string;
  readonly last_event: string;
  readonly timeline: readonly { readonly type: string; readonly at: string }[];
}

/** One request with the key of a start; the answer's body. */
export async function call<T>(
  dev: DevFile,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const client = createClient(dev.url, dev.apiKey);
  try {
    const answer = await client.send(method, path, body);
    if (answer.status >= 300) {
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer.body as T;
  } finally {
    client.close();
  }
}
