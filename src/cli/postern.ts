/**
 * The `postern` command: finds the subcommand's file, reports what went wrong, sets the exit code.
 */
import { enableCompileCache } from "node:module";
import { UsageError } from "./errors.ts";

// Wrangler is large: compiled once, it loads in half the time.
enableCompileCache();

interface Command {
  readonly usage: string;
  /** Resolves with the exit code, or with nothing if the command goes on by itself. */
  run(args: string[]): Promise<number | undefined>;
}

const COMMANDS: Record<string, () => Promise<Command>> = {
  start: () => import("./start.ts"),
  demo: () => import("./demo.ts"),
  deploy: () => import("./deploy.ts"),
};

const USAGE = `usage: node src/cli/postern.ts <command> [options]

  start   run the Worker on this machine (npm start)
  demo    send mail through an instance of its own and count it (npm run demo)
  deploy  put the Worker into your Cloudflare account (npm run deploy)

<command> --help shows the options of one.`;

/** What parseArgs throws is about the arguments. */
const isUsage = (error: unknown): error is Error =>
  error instanceof UsageError ||
  (error instanceof TypeError &&
    "code" in error &&
    String(error.code).startsWith("ERR_PARSE_ARGS"));

async function main(name: string | undefined, args: string[]): Promise<number | undefined> {
  const load = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    const asked = name === "--help" || name === "help";
    (asked ? console.log : console.error)(asked ? USAGE : `Unknown command: ${name}\n\n${USAGE}`);
    return asked ? 0 : 2;
  }
  const command = await load();
  if (args.includes("--help")) {
    console.log(command.usage);
    return 0;
  }
  try {
    return await command.run(args);
  } catch (error) {
    if (isUsage(error)) {
      console.error(`${error.message}\n\n${command.usage}`);
      return 2;
    }
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

const code = await main(process.argv[2], process.argv.slice(3));
// Not every handle of a runtime that failed to start is closed: the exit is explicit.
if (code !== undefined) process.exit(code);
