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

interface Outcome {
  readonly code: number;
  readonly stdout: string;
}

/** Runs wrangler with this Node; its standard output is shown, or else returned. */
function wrangler(args: readonly string[], output: "show" | "return"): Promise<Outcome> {
  return new Promise((resolve, reject) => {
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
}

/** What wrangler.toml says is to be deployed. */
interface Plan {
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

/** Shows a step's command and runs it; a failure ends the deployment. */
async function must(args: readonly string[]): Promise<void> {
  console.log(`\n$ wrangler ${args.join(" ")}`);
  const { code } = await wrangler(args, "show");
  if (code !== 0)
    throw new Error(`"wrangler ${args.join(" ")}" failed; nothing after it was done.`);
}

/** Tells how to set the secrets that the deployed Worker lacks. */
async function remindOfSecrets(): Promise<void> {
  const { code, stdout } = await wrangler(["secret", "list", "--format", "json"], "return");
  if (code !== 0) return;
  const set = new Set((JSON.parse(stdout) as { name: string }[]).map((secret) => secret.name));
  for (const name of SECRETS.filter((one) => !set.has(one))) {
    console.log(`Not set yet: openssl rand -base64 32 | npx wrangler secret put ${name}`);
  }
}

/** Deploys; 1 if the account cannot be reached, else what the steps throw. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { "dry-run": { type: "boolean" } } });
  const plan = await readPlan();
  const { list, create, migrate, deploy, retain } = commands(plan);
  if (values["dry-run"]) {
    const lines = [list, [...create, " # only if it is not in the list"], migrate, deploy];
    for (const line of [...lines, ...retain]) console.log(`wrangler ${line.join(" ")}`);
    return 0;
  }
  const { code, stdout } = await wrangler(list, "return");
  if (code !== 0) {
    console.error("Your account does not answer: run `npx wrangler login` first.");
    return 1;
  }
  const databases = JSON.parse(stdout) as { name: string }[];
  if (!databases.some(({ name }) => name === plan.database)) await must(create);
  await must(migrate);
  await must(deploy);
  for (const command of retain) {
    const { code: refused } = await wrangler(command, "show");
    if (refused !== 0) {
      console.error(`The Worker is deployed, but "wrangler ${command.join(" ")}" failed.`);
      console.error("On the Workers Free plan a queue keeps messages for one day at most.");
    }
  }
  await remindOfSecrets();
  return 0;
}
