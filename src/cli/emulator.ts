/** A provider's emulator as a process of its own, so that it has a thread of its own. */
import { fork } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "./paths.ts";
import type { Beside } from "./runtime.ts";

const SERVER = join(ROOT, "test", "emulator", "serve.ts");

/** What a source needs in the configuration to reach the emulator. */
export interface Emulated {
  readonly settings: Readonly<Record<string, unknown>> & { readonly provider: string };
  readonly secrets: Readonly<Record<string, string>>;
  /** The kinds of streams the provider takes. */
  readonly lanes: readonly string[];
  /** Whether it takes inline attachments. */
  readonly inline: boolean;
  /** The Worker that its binding leads to, where it is reached by one. */
  readonly beside?: Beside;
  /** A file with the certificate it shows, null where there is none to trust. */
  readonly certificate: string | null;
}

/** What the emulator knows to be true, in messages. */
export interface Truth {
  readonly accepted: number;
  readonly doubled: number;
  /** Calls to it. */
  readonly calls: number;
}

export interface EmulatorProcess extends Emulated {
  truth(): Promise<Truth>;
  stop(): void;
}

/**
 * Starts the emulator of a provider.
 * @throws if there is none of this name; the message lists those there are.
 */
export async function startEmulator(name: string): Promise<EmulatorProcess> {
  const child = fork(SERVER, [name], { cwd: ROOT, stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const next = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error(`the emulator of ${name} ended by itself`));
      child.once("exit", ended);
      child.once("message", (message) => {
        child.removeListener("exit", ended);
        resolve(message as T);
      });
    });
  const first = await next<Emulated | { readonly error: string }>();
  if ("error" in first) throw new Error(first.error);
  return {
    ...first,
    truth: () => {
      const answer = next<Truth>();
      child.send("truth");
      return answer;
    },
    stop: () => void child.kill(),
  };
}
