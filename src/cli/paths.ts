/** Where things lie, whatever folder a command is run from. */
import { join } from "node:path";

/** The folder of wrangler.toml. */
export const ROOT = join(import.meta.dirname, "..", "..");

export const WRANGLER_CONFIG = join(ROOT, "wrangler.toml");
export const MIGRATIONS = join(ROOT, "migrations");

/** Wrangler's command line, to be run with this very Node: the system's may be too old for it. */
export const WRANGLER = join(ROOT, "node_modules", "wrangler", "bin", "wrangler.js");

/** State of `npm start`; `wrangler dev --persist-to .wrangler/state` reads the same. */
export const DEFAULT_STATE = join(ROOT, ".wrangler", "state");

/** What `npm start` leaves for other tools: `{"url","apiKey","adminKey"}`. */
export const DEV_FILE_NAME = "postern-dev.json";

/** Wrangler asks the network for updates and reports usage unless it is told not to. */
export const QUIET_WRANGLER = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
} as const;
