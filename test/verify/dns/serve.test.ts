/** The local resolver as a process of its own, as the benches start it. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { askDoh } from "../../../src/verify/dns/doh.ts";

const SERVE = join(import.meta.dirname, "../../support/doh/serve.ts");

test("the server runs as a process, with a zone from a module, counts, and ends", async () => {
  const module = `data:text/javascript,export default (name) => name.startsWith("d")
    ? { mx: [[10, "mx." + name]], ttl: 700 } : null`.replace(/\s+/g, " ");
  const settings = JSON.stringify({ module, delayMs: 5 });
  const child = spawn(process.execPath, [SERVE, settings], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.on("exit", resolve));
  const [line] = await new Promise<string[]>((resolve) => {
    createInterface(child.stdout).once("line", (first) => resolve([first]));
  });
  const { url } = JSON.parse(line ?? "") as { url: string };
  const ask = (name: string) =>
    askDoh(url, { name, type: "MX" }, fetch, AbortSignal.timeout(10_000));
  expect(await ask("d4711.com")).toMatchObject({
    records: [{ host: "mx.d4711.com", preference: 10 }],
    ttlS: 700,
  });
  expect(await ask("x.com")).toMatchObject({ kind: "nxdomain" });
  const counted = await fetch(new URL("/control/counts", url));
  expect(await counted.json()).toMatchObject({
    questions: 2,
    asked: { "d4711.com MX": 1, "x.com MX": 1 },
  });
  child.stdin.end();
  expect(await exited).toBe(0);
});
