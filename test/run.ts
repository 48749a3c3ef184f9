/**
 * `npm test`: types, lint, then every test project, each step with its time. The last line counts
 * tests and steps: `N passed, N failed`. Exit 1 if anything failed or no test ran.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The whole run is promised within ten minutes on two cores; a step that hangs must say so. */
const STEP_LIMIT_MS = 9 * 60_000;
/** After SIGTERM, for vitest to end its own children. */
const STOP_GRACE_MS = 5_000;

const root = join(import.meta.dirname, "..");
const bin = (path: string): string => join(root, "node_modules", path);

/** The part of vitest's JSON report that is counted. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

interface Count {
  passed: number;
  failed: number;
}

/** Runs one script with this very Node (the system's may be older); resolves with its exit code. */
function run(script: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
    });
    const limit = setTimeout(() => {
      console.error(`No end after ${STEP_LIMIT_MS / 60_000} minutes: stopped.`);
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS).unref();
    }, STEP_LIMIT_MS);
    child.on("error", (error) => {
      clearTimeout(limit);
      console.error(error.message);
      resolve(1);
    });
    child.on("exit", (code) => {
      clearTimeout(limit);
      resolve(code ?? 1);
    });
  });
}

/** Prints a step's name before it and its time after it; returns the step's exit code. */
async function step(name: string, script: string, args: readonly string[]): Promise<number> {
  console.log(`\n== ${name}`);
  const started = performance.now();
  const code = await run(script, args);
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  console.log(`== ${name}: ${code === 0 ? "passed" : "FAILED"} in ${seconds} s`);
  return code;
}

/** Counts tests; a file that could not be loaded holds no test and is one failure of its own. */
function countTests(path: string, exitCode: number): Count {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(path, "utf8")) as Report;
  } catch {
    console.error("The tests wrote no report.");
    return { passed: 0, failed: 1 };
  }
  const unloaded = report.testResults.filter(
    (file) =>
      file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  const count = {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
  };
  if (count.passed + count.failed === 0) console.error("No test ran.");
  const silent = count.failed === 0 && (exitCode !== 0 || count.passed === 0);
  return silent ? { ...count, failed: 1 } : count;
}

const total: Count = { passed: 0, failed: 0 };
const steps: [name: string, script: string, args: string[]][] = [
  ["types of the Worker", bin("typescript/bin/tsc"), ["--noEmit", "-p", "tsconfig.json"]],
  ["types of the tools", bin("typescript/bin/tsc"), ["--noEmit", "-p", "tsconfig.node.json"]],
  ["lint and format", bin("@biomejs/biome/bin/biome"), ["check", "--error-on-warnings"]],
];
for (const [name, script, args] of steps) {
  const code = await step(name, script, args);
  total[code === 0 ? "passed" : "failed"] += 1;
}

const folder = mkdtempSync(join(tmpdir(), "postern-test-"));
const reportPath = join(folder, "report.json");
const code = await step("tests", bin("vitest/vitest.mjs"), [
  "run",
  ...["--reporter=default", "--reporter=json", `--outputFile.json=${reportPath}`],
  ...process.argv.slice(2),
]);
const tests = countTests(reportPath, code);
rmSync(folder, { recursive: true, force: true });
total.passed += tests.passed;
total.failed += tests.failed;

console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
