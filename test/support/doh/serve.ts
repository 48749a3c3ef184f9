/**
 * The local DNS over HTTPS server as a process of its own: `node serve.ts <settings>`, JSON with
 * `zone` (data), or `module` (the URL or absolute path of one whose default export is a zone,
 * which may be a function), and `delayMs`. It prints `{"url"}`, answers GET `/control/counts` and
 * POST `/control/reset` at the same host, and ends when its standard input does.
 */
import { pathToFileURL } from "node:url";
import { startDoh } from "./server.ts";
import type { Zone } from "./zone.ts";

interface Settings {
  readonly zone?: Zone;
  readonly module?: string;
  readonly delayMs?: number;
}

async function zoneOf({ zone = {}, module }: Settings): Promise<Zone> {
  if (module === undefined) return zone;
  const url = module.startsWith("/") ? pathToFileURL(module).href : module;
  return ((await import(url)) as { default: Zone }).default;
}

const settings = JSON.parse(process.argv[2] ?? "{}") as Settings;
const doh = await startDoh(await zoneOf(settings), { delayMs: settings.delayMs ?? 0 });
process.stdout.write(`${JSON.stringify({ url: doh.url })}\n`);
process.stdin.on("end", () => process.exit(0)).resume();
