/**
 * `npm run deploy`: database -> migrations -> Worker -> queue retention, each by wrangler.
 *
 * The database comes first: migrations need it, and `wrangler deploy` connects to one that bears
 * the configured name, as it makes every other resource that is missing. So the first deployment
 * and all others take the same way, and no Worker ever runs before the columns it reads. Every
 * step may be repeated, so a deployment that broke off is simply run again.
 */
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { QUIET_WRANGLER, ROOT, WRANGLER, WRANGLER_CONFIG } from "./paths.ts";

export const usage = `npm run deploy -- [--dry-run]

Makes the D1 database if there is none, applies the migrations to it, deploys the Worker with
everything it binds, and has the queues keep messages for 14 days.
  --dry-run  print the commands without running them`;

/** The longest that Queues keeps a message; on the Workers Free plan it is a day. */
const RETENTION_S = 14 * 24 * 3_600;

/** The secrets without which the Worker answers nothing. */
const SECRETS = ["POSTERN_SECRET", "POSTERN_ADMIN_KEY"];

/** Runs wrangler; its standard output is shown, or else returned with the exit code. */
export type Wrangler = (
  args: readonly string[],
  output: "show" | "return",
) => Promise<{ readonly code: number; readonly stdout: string }>;

/** Wrangler as it is installed here, run with this Node. */
const wrangler: Wrangler = (args, output) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [WRANGLER, ...args], {
      cwd: ROOT,
      stdio: ["inherit", output === "show" ? "inherit" : "pipe", "inherit"],
      env: { ...QUIET_WRANGLER, ...process.env },
    });
    let stdout = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, stdout }));
  });

/** What wrangler.toml says is to be deployed. */
export interface Plan {
  readonly database: string;
  readonly queues: readonly string[];
}

/** The commands of a deployment, in order; those about the queues may fail. */
export function commands({ database, queues }: Plan): {
  readonly list: string[];
  readonly create: string[];
  readonly migrate: string[];
  readonly deploy: string[];
  readonly retain: string[][];
} {
  const retention = ["--message-retention-period-secs", String(RETENTION_S)];
  return {
    list: ["d1", "list", "--json"],
    create: ["d1", "create", database, "--update-config=false"],
    migrate: ["d1", "migrations", "apply", database, "--remote"],
    deploy: ["deploy"],
    retain: queues.map((queue) => ["queues", "update", queue, ...retention]),
  };
}

async function readPlan(): Promise<Plan> {
  Object.assign(process.env, QUIET_WRANGLER);
  const { unstable_readConfig } = await import("wrangler");
  const config = unstable_readConfig({ config: WRANGLER_CONFIG });
  const database = config.d1_databases[0]?.database_name;
  if (database === undefined) throw new Error("wrangler.toml names no D1 database.");
  return {
    database,
    queues: (config.queues.producers ?? []).map((producer: { queue: string }) => producer.queue),
  };
}

/** Tells how to set the secrets that the deployed Worker lacks. */
async function remindOfSecrets(wrangler: Wrangler): Promise<void> {
  const { code, stdout } = await wrangler(["secret", "list", "--format", "json"], "return");
  if (code !== 0) return;
  const set = new Set((JSON.parse(stdout) as { name: string }[]).map((secret) => secret.name));
  for (const name of SECRETS.filter((one) => !set.has(one))) {
    console.log(`Not set yet: openssl rand -base64 32 | npx wrangler secret put ${name}`);
  }
}

/**
 * Carries a plan out.
 * @returns 1 if the account cannot be reached; 0 once the Worker is deployed, even if a queue
 *   refuses its retention, of which it tells.
 * @throws when a step fails whose successors need it; none of them is taken.
 */
export async function deployWith(plan: Plan, wrangler: Wrangler): Promise<number> {
  const { list, create, migrate, deploy, retain } = commands(plan);
  const step = async (args: readonly string[]): Promise<boolean> => {
    console.log(`\n$ wrangler ${args.join(" ")}`);
    return (await wrangler(args, "show")).code === 0;
  };
  const { code, stdout } = await wrangler(list, "return");
  if (code !== 0) {
    console.error("Your account does not answer: run `npx wrangler login`,");
    console.error("or set CLOUDFLARE_API_TOKEN.");
    return 1;
  }
  const databases = JSON.parse(stdout) as { name: string }[];
  const known = databases.some(({ name }) => name === plan.database);
  for (const args of [...(known ? [] : [create]), migrate, deploy]) {
    if (await step(args)) continue;
    throw new Error(`"wrangler ${args.join(" ")}" failed; nothing after it was done.`);
  }
  for (const args of retain) {
    if (await step(args)) continue;
    console.error(`The Worker is deployed, but "wrangler ${args.join(" ")}" failed.`);
    console.error("On the Workers Free plan a queue keeps messages for one day at most.");
  }
  await remindOfSecrets(wrangler);
  return 0;
}

/** Deploys what wrangler.toml describes, or prints the commands that would. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { "dry-run": { type: "boolean" } } });
  const plan = await readPlan();
  if (!values["dry-run"]) return deployWith(plan, wrangler);
  const { list, create, migrate, deploy, retain } = commands(plan);
  const lines = [list, [...create, " # only if it is not in the list"], migrate, deploy];
  for (const line of [...lines, ...retain]) console.log(`wrangler ${line.join(" ")}`);
  return 0;
}
