/** The resolver of the Worker under test: a process of its own, that ends with the tests. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

const SERVE = join(import.meta.dirname, "../doh/serve.ts");
const ZONE = join(import.meta.dirname, "zone.ts");

/** Starts it; answers its URL. */
export async function startResolver(): Promise<string> {
  const child = spawn(process.execPath, [SERVE, JSON.stringify({ module: ZONE })], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the resolver ended with ${code}`)));
    createInterface({ input: child.stdout }).once("line", (line) => {
      resolve((JSON.parse(line) as { url: string }).url);
    });
  });
  // It reads its standard input, and ends when this process does.
  child.unref();
  for (const pipe of [child.stdin, child.stdout]) (pipe as unknown as { unref(): void }).unref();
  return url;
}
