/** Bundles the Worker with wrangler, once per content of the sources. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join, relative, sep } from "node:path";
import { QUIET_WRANGLER, ROOT, WRANGLER, WRANGLER_CONFIG } from "./paths.ts";

/** Bundles kept: the present one, and those of a branch or two one switches between. */
const BUNDLES_KEPT = 4;
/** A build takes two seconds; a machine that needs a minute is stuck, not slow. */
const BUILD_LIMIT_MS = 60_000;

const BUNDLES = join(ROOT, ".wrangler", "postern-bundles");

/** SHA-256 over the path and content of everything the bundle is made from, 16 hex digits of it. */
function contentHash(): string {
  const hash = createHash("sha256");
  const files = readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !relative(ROOT, path).startsWith(`src${sep}cli`))
    .sort();
  for (const path of [...files, WRANGLER_CONFIG, join(ROOT, "package-lock.json")]) {
    hash
      .update(`${relative(ROOT, path)}\0`)
      .update(readFileSync(path))
      .update("\0");
  }
  return hash.digest("hex").slice(0, 16);
}

/** Runs `wrangler deploy --dry-run`; rejects with what it printed when it fails. */
function build(outdir: string): Promise<void> {
  const args = [WRANGLER, "deploy", "--dry-run", "--config", WRANGLER_CONFIG, "--outdir", outdir];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...QUIET_WRANGLER, FORCE_COLOR: "0" },
      timeout: BUILD_LIMIT_MS,
    });
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`The Worker does not build:\n${printed.trim()}`));
    });
  });
}

/** Removes the bundles not used for longest, and what builds that broke off left behind. */
function prune(): void {
  const found = readdirSync(BUNDLES)
    .map((name) => ({ name, usedMs: statSync(join(BUNDLES, name)).mtimeMs }))
    .toSorted((a, b) => b.usedMs - a.usedMs);
  const bundles = found.filter(({ name }) => !name.includes("."));
  const broken = found.filter(
    ({ name, usedMs }) => name.includes(".") && Date.now() - usedMs > BUILD_LIMIT_MS,
  );
  for (const { name } of [...bundles.slice(BUNDLES_KEPT), ...broken]) {
    rmSync(join(BUNDLES, name), { recursive: true, force: true });
  }
}

/**
 * The Worker's bundle, built if these sources were not built before (about 2 s).
 * @returns the path of its `index.js`, with `index.js.map` beside it.
 * @throws with wrangler's own words if the sources do not build.
 */
export async function bundle(): Promise<string> {
  const name = contentHash();
  const folder = join(BUNDLES, name);
  if (!existsSync(folder)) {
    mkdirSync(BUNDLES, { recursive: true });
    // Built aside and renamed, so that two commands at once never see half a bundle.
    const aside = `${folder}.${process.pid}`;
    await build(aside);
    try {
      renameSync(aside, folder);
    } catch {
      rmSync(aside, { recursive: true, force: true });
    }
    prune();
  }
  const now = new Date();
  utimesSync(folder, now, now);
  return join(folder, "index.js");
}
