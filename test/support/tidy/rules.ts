/**
 * The house rules: each takes a path from the repository's root and a text, and tells what breaks.
 */
import { posix } from "node:path";
import { importsOf, strip, undocumented } from "./source.ts";

export const LINES_MAX = 300;
export const COLUMNS_MAX = 100;

export type Rule = (path: string, text: string) => string[];

interface Room {
  /** Rooms, or single files, whose code this one runs. */
  readonly imports: readonly string[];
  /** Further ones of which it knows the types only: `import type`. */
  readonly types?: readonly string[];
  /** Packages; a prefix stands for all under it. */
  readonly packages?: readonly string[];
}

const OBJECT = ["cloudflare:workers"];
const CONTRACT = "providers/provider.ts";
const HOOKS = "providers/hooks.ts";

/**
 * Who may import whom. A room is a folder of src, or a file directly in it; it may import itself.
 */
export const ROOMS: Readonly<Record<string, Room>> = {
  "index.ts": {
    imports: [
      "app.ts",
      "services.ts",
      "config.ts",
      "core",
      "verify",
      "deliver",
      "feedback",
      "observe",
      "objects",
    ],
    packages: OBJECT,
  },
  "app.ts": {
    imports: ["routes", "compat", "edge", "dashboard"],
    types: ["services.ts", "config.ts", "core"],
    packages: ["hono"],
  },
  "config.ts": { imports: ["config", "core", "providers", "verify/verdict.ts"], packages: ["zod"] },
  config: { imports: ["core", "verify/verdict.ts"], packages: ["zod"] },
  "services.ts": { imports: ["services"] },
  services: {
    imports: ["config.ts", "providers", "store", "verify", "observe", "core"],
    types: ["objects", "edge", "deliver", "feedback"],
    packages: ["cloudflare:sockets", "cloudflare:workers", "node:crypto"],
  },
  edge: {
    imports: ["core"],
    types: ["services.ts", "config.ts", "verify", "deliver", "feedback", "observe", HOOKS],
    packages: ["hono", "zod"],
  },
  routes: {
    imports: ["edge", "verify", "deliver", "feedback", "observe", "mime", "core"],
    types: ["services.ts", "config.ts", CONTRACT, HOOKS],
    packages: ["hono", "zod"],
  },
  compat: {
    imports: ["edge", "verify", "deliver", "feedback", "observe", "mime", "core"],
    types: ["services.ts", "config.ts", CONTRACT],
    packages: ["hono", "zod"],
  },
  dashboard: { imports: ["edge", "core"], types: ["services.ts"], packages: ["hono"] },
  verify: {
    imports: ["core"],
    types: ["config.ts"],
    packages: [
      "zod",
      "dns-packet",
      "tldts",
      "disposable-email-domains-js",
      "email-providers",
      "role-based-email-addresses",
      "@zootools/email-spell-checker",
    ],
  },
  deliver: { imports: ["core"], types: [CONTRACT, "config.ts"] },
  feedback: {
    imports: ["core"],
    types: [CONTRACT, HOOKS, "config.ts"],
    packages: ["postal-mime"],
  },
  observe: { imports: ["core"], types: ["config.ts"] },
  providers: { imports: ["core", "mime"], packages: ["zod", "aws4fetch"] },
  objects: { imports: ["core"], packages: OBJECT },
  store: { imports: ["core"] },
  mime: { imports: ["core"] },
  core: { imports: [] },
  cli: { imports: ["core"], packages: ["node:", "wrangler", "miniflare"] },
};

const inRoom = (target: string, room: string): boolean =>
  room.endsWith(".ts") ? target === room : target.split("/")[0] === room;

const packageIn = (name: string, allowed: string): boolean =>
  name === allowed || name.startsWith(allowed.endsWith(":") ? allowed : `${allowed}/`);

/** Imports point down only, as `ROOMS` says. */
export const arrows: Rule = (path, text) => {
  const file = path.slice("src/".length);
  const name = file.split("/")[0] ?? "";
  const room = ROOMS[name];
  if (room === undefined) return [`${path}: no room of this name is known`];
  return importsOf(text).flatMap(({ from, typeOnly, line }) => {
    const problem = [`${path}:${line}: ${name} does not import ${from}`];
    if (!from.startsWith(".")) {
      const allowed = room.packages ?? [];
      return allowed.some((one) => packageIn(from, one)) || typeOnly ? [] : problem;
    }
    const target = posix.join(posix.dirname(file), from);
    const allowed = [name, ...room.imports, ...(typeOnly ? (room.types ?? []) : [])];
    return allowed.some((one) => inRoom(target, one)) ? [] : problem;
  });
};

/** Finds each line of the code, comments and strings aside, that matches. */
function matching(path: string, text: string, pattern: RegExp, what: string): string[] {
  return strip(text, true)
    .split("\n")
    .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${what}`] : []));
}

/** A file is short enough to be read at once. */
export const fileLength: Rule = (path, text) => {
  const lines = text.replace(/\n$/, "").split("\n").length;
  return lines > LINES_MAX ? [`${path}: ${lines} lines, at most ${LINES_MAX}`] : [];
};

/** A line is narrow enough to stand beside another. */
export const lineLength: Rule = (path, text) =>
  text.split("\n").flatMap((line, index) => {
    const columns = [...line].length;
    return columns > COLUMNS_MAX ? [`${path}:${index + 1}: ${columns} columns`] : [];
  });

/** A type that switches the compiler off. */
export const noAny: Rule = (path, text) =>
  matching(path, text, /(?:[:<,|&(]|\bas|=>|=)\s*any\b(?!\s*[:(.])/, "any");

/** Bindings are handed out by src/services; the tools of src/cli read the process's environment. */
export const noBindings: Rule = (path, text) => {
  if (path.startsWith("src/services/")) return [];
  const pattern = /(?<!process\.)\benv\??\.?(?:\.[A-Z]|\[)|\}\s*=\s*(?:this\.)?env\b/;
  const taken = importsOf(text).some(({ from }) => from === "cloudflare:workers");
  const named = taken && /import\s*\{[^}]*\benv\b[^}]*\}\s*from\s*"cloudflare:workers"/.test(text);
  const problems = matching(path, text, pattern, "a binding outside src/services");
  return named ? [...problems, `${path}: env imported outside src/services`] : problems;
};

const CLOCKLESS = ["src/core/", "src/verify/", "src/deliver/"];
const AMBIENT =
  /\b(Date\.now\(|Math\.random\(|new Date\(\s*\)|performance\.now\(|crypto\.(random|getRandom))/;

/** Time and randomness are arguments where algorithms live. */
export const noClock: Rule = (path, text) =>
  CLOCKLESS.some((folder) => path.startsWith(folder))
    ? matching(path, text, AMBIENT, "time or randomness that is not an argument")
    : [];

/** What other files may call says what goes in and out. */
export const docstrings: Rule = (path, text) =>
  undocumented(text).map((line) => `${path}:${line}: exported without a docstring`);

/** Split, so that this file does not hold them. */
const WORDS = ["sess" + "ion", "iss" + "ue #", "TO" + "DO", "FIX" + "ME", "/wo" + "rk/"];

/** D1 calls a run of queries that see one another so; the bench's counted D1 has to as well. */
const TERM_OF = "test/bench/workers/counted-d1.ts";

/** Words about how the text came to be, which say nothing to its reader. */
export const words: Rule = (path, text) => {
  const [first, ...others] = WORDS.map((word) => (/^\w+$/.test(word) ? `\\b${word}s?\\b` : word));
  const pattern = new RegExp((path === TERM_OF ? others : [first, ...others]).join("|"), "i");
  return text
    .split("\n")
    .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : []));
};

/** A dependency's version is one version. */
export const exactVersions: Rule = (path, text) => {
  const { dependencies, devDependencies } = JSON.parse(text) as Record<string, object>;
  return Object.entries({ ...dependencies, ...devDependencies }).flatMap(([name, version]) =>
    /^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(String(version)) ? [] : [`${path}: ${name} ${version}`],
  );
};

/** One workerd, and no registry that only one machine can reach. */
export const lockFile: Rule = (path, text) => {
  const { packages } = JSON.parse(text) as {
    packages: Record<string, { version?: string; resolved?: string }>;
  };
  const problems = Object.entries(packages).flatMap(([name, one]) =>
    one.resolved === undefined ? [] : [`${path}: ${name} is bound to ${one.resolved}`],
  );
  const runtimes = Object.entries(packages).filter(([name]) => /(^|\/)workerd$/.test(name));
  if (runtimes.length !== 1) {
    problems.push(
      `${path}: workerd ${runtimes.map(([, one]) => one.version).join(", ") || "none"}`,
    );
  }
  return problems;
};
