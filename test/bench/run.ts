/** `npm run bench -- NAME [--json]`: a table, or one JSON object on stdout; progress on stderr. */
import type { Report } from "./report.ts";
import { printTable } from "./report.ts";

const BENCHES: Record<string, () => Promise<{ bench: (log: Log) => Promise<Report> }>> = {
  accept: () => import("./accept.ts"),
  cost: () => import("./cost.ts"),
  pipeline: () => import("./pipeline.ts"),
  chaos: () => import("./chaos.ts"),
  mime: () => import("./mime.ts"),
  feedback: () => import("./feedback.ts"),
  verify: () => import("./verify.ts"),
  confidence: () => import("./confidence.ts"),
};

type Log = (line: string) => void;

const words = process.argv.slice(2);
const json = words.includes("--json");
const names = words.filter((word) => word !== "--json");
const load = names.length === 1 ? BENCHES[names[0] ?? ""] : undefined;
if (load === undefined) {
  console.error(`usage: npm run bench -- ${Object.keys(BENCHES).join("|")} [--json]`);
  process.exit(2);
}

const started = performance.now();
const log: Log = (line) => {
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  console.error(`${seconds} s  ${line}`);
};
const { bench } = await load();
const report = await bench(log);
if (json) console.log(JSON.stringify(report.json));
else printTable(report);
process.exit(0);
