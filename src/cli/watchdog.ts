/**
 * Ends workerd when this process dies without a chance to do so itself (SIGKILL, out of memory).
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";

/**
 * Reads one process id a line and keeps the last. Its input ends when this process does, however
 * that happens; the id is then ended if it still is a workerd.
 */
const SCRIPT = `
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  case "$(ps -o comm= -p "$pid" 2>/dev/null)" in *workerd*) kill -9 "$pid" ;; esac
fi
[ -z "$1" ] || rm -rf -- "$1"
`;

/** The process ids of this process's own workerd children. */
export function workerdChildren(): number[] {
  const list = execFileSync("ps", ["-A", "-o", "pid=,ppid=,comm="], { encoding: "utf8" });
  return list
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent, name]) => Number(parent) === process.pid && name?.includes("workerd"))
    .map(([pid]) => Number(pid));
}

/** A watchdog over one workerd at a time. */
export interface Watchdog {
  /** Watches this process from now on, instead of the one before. */
  watch(pid: number): void;
  /** Ends the watchdog itself; to be called once workerd is gone. */
  stop(): void;
}

/**
 * Starts the watchdog, in a process group of its own that no signal to ours reaches.
 * @param throwaway a folder that is to go with this process; null: none.
 */
export function startWatchdog(throwaway: string | null): Watchdog {
  const child: ChildProcess = spawn("sh", ["-c", SCRIPT, "sh", throwaway ?? ""], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // A machine without `sh` or `ps` runs without a watchdog: an ordinary exit needs none.
  child.on("error", () => {});
  child.stdin?.on("error", () => {});
  child.unref();
  const input = child.stdin as unknown as { unref?: () => void } | null;
  input?.unref?.();
  return {
    watch: (pid) => void child.stdin?.write(`${pid}\n`),
    stop: () => void child.kill("SIGKILL"),
  };
}
