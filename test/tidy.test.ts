import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { describe, expect, test } from "vitest";
import * as rules from "./support/tidy/rules.ts";

const root = join(import.meta.dirname, "..");

/** Neither source nor text: what commands leave behind. */
const LEFT_BEHIND = /(^|\/)(node_modules|dist|coverage|\.git|\.wrangler|\.dev\.vars)(\/|$)/;

/** What git tracks or would track; in a copy without git, all but what commands leave behind. */
function listFiles(): string[] {
  const git = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  if (git.status === 0) return git.stdout.split("\n").filter((path) => path !== "");
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll(sep, "/"))
    .filter((path) => !LEFT_BEHIND.test(path));
}

const files = listFiles();

const isSource = (path: string): boolean => path.startsWith("src/") && path.endsWith(".ts");
const isCode = (path: string): boolean => /^(src|test)\/.*\.ts$/.test(path);
const isText = (path: string): boolean =>
  path !== "package-lock.json" && !/\.(png|ico)$/.test(path);

/**
 * Applies a rule to every file that is chosen; a file that was removed meanwhile has no problems.
 */
function problems(rule: rules.Rule, chosen: (path: string) => boolean): string[] {
  return files.filter(chosen).flatMap((path) => {
    try {
      return rule(path, readFileSync(join(root, path), "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  });
}

describe("the repository", () => {
  test.each([
    ["every file has at most 300 lines", rules.fileLength, isCode],
    ["every line has at most 100 columns", rules.lineLength, isCode],
    ["no type is any", rules.noAny, isCode],
    ["bindings are read in src/services only", rules.noBindings, isSource],
    ["time and randomness are arguments", rules.noClock, isSource],
    ["imports point down", rules.arrows, isSource],
    ["what is exported is documented", rules.docstrings, isSource],
    ["texts speak of the present", rules.words, isText],
    ["versions are exact", rules.exactVersions, (path: string) => path === "package.json"],
    ["one workerd is locked", rules.lockFile, (path: string) => path === "package-lock.json"],
  ])("%s", (_title, rule, chosen) => {
    expect(files.some(chosen)).toBe(true);
    expect(problems(rule, chosen)).toEqual([]);
  });
});

describe("a rule finds what breaks it, and nothing else", () => {
  type Case = [rule: rules.Rule, path: string, text: string];
  const titled = ([rule, path, text]: Case): [string, ...Case] => {
    const shown = text.length > 100 ? `${text.length} characters` : JSON.stringify(text);
    return [`${rule.name}, ${path}: ${shown}`, rule, path, text];
  };
  const long = "x\n".repeat(301);
  const word = ["TO", "DO"].join("");
  const bad: Case[] = [
    [rules.fileLength, "src/core/a.ts", long],
    [rules.lineLength, "src/core/a.ts", "x".repeat(101)],
    [rules.noAny, "src/core/a.ts", "const a: any = 1;"],
    [rules.noAny, "src/core/a.ts", "const a = b as any;"],
    [rules.noAny, "src/core/a.ts", "const a = new Map<string, any>();"],
    [rules.noBindings, "src/edge/a.ts", "const a = env.DB;"],
    [rules.noBindings, "src/edge/a.ts", "const a = this.env.DB;"],
    [rules.noBindings, "src/edge/a.ts", "const a = c.env?.DB;"],
    [rules.noBindings, "src/edge/a.ts", 'const a = env["DB"];'],
    [rules.noBindings, "src/edge/a.ts", "const { DB } = this.env;"],
    [rules.noBindings, "src/edge/a.ts", 'import { env } from "cloudflare:workers";'],
    [rules.noClock, "src/core/a.ts", "const a = Date.now();"],
    [rules.noClock, "src/verify/a.ts", "const a = new Date();"],
    [rules.noClock, "src/deliver/a.ts", "const a = Math.random();"],
    [rules.arrows, "src/core/a.ts", 'import { a } from "../deliver/a.ts";'],
    [rules.arrows, "src/core/a.ts", 'import { z } from "zod";'],
    [rules.arrows, "src/deliver/a.ts", 'import type { A } from "../store/a.ts";'],
    [rules.arrows, "src/deliver/a.ts", 'import { a } from "../providers/resend/send.ts";'],
    [rules.arrows, "src/deliver/a.ts", 'import { Hono } from "hono";'],
    [rules.arrows, "src/deliver/a.ts", 'import { a } from "../providers/provider.ts";'],
    [rules.arrows, "src/routes/a.ts", 'import { a } from "../store/a.ts";'],
    [rules.arrows, "src/routes/a.ts", 'export { a } from "../objects/a.ts";'],
    [rules.arrows, "src/app.ts", 'const a = await import("./store/a.ts");'],
    [rules.arrows, "src/app.ts", 'import {\n  a,\n  b,\n} from "./store/a.ts";'],
    [rules.arrows, "src/attic/a.ts", ""],
    [rules.docstrings, "src/core/a.ts", "export function a(): void {}"],
    [rules.docstrings, "src/core/a.ts", "export const a = (b: number) => b;"],
    [rules.docstrings, "src/core/a.ts", "export const a = <T>(\n  b: T,\n) => b;"],
    [rules.docstrings, "src/core/a.ts", "/** Of a. */\nconst a = 1;\nexport class B {}"],
    [rules.words, "README.md", `${word}: write this`],
    [rules.exactVersions, "package.json", '{"dependencies":{"hono":"^4.0.0"}}'],
    [rules.exactVersions, "package.json", '{"devDependencies":{"hono":"latest"}}'],
    [rules.lockFile, "package-lock.json", '{"packages":{"node_modules/hono":{}}}'],
    [
      rules.lockFile,
      "package-lock.json",
      '{"packages":{"node_modules/workerd":{},"node_modules/a/node_modules/workerd":{}}}',
    ],
    [
      rules.lockFile,
      "package-lock.json",
      '{"packages":{"node_modules/workerd":{"resolved":"http://127.0.0.1/workerd.tgz"}}}',
    ],
  ];
  test.each(bad.map(titled))("%s is found", (_title, rule, path, text) => {
    expect(rule(path, text)).not.toEqual([]);
  });

  const good: Case[] = [
    [rules.fileLength, "src/core/a.ts", "x\n".repeat(300)],
    [rules.lineLength, "src/core/a.ts", "é".repeat(100)],
    [
      rules.noAny,
      "src/core/a.ts",
      "// for any other: any\nconst a = `any`; const anyone: Any = 1;",
    ],
    [rules.noBindings, "src/services/a.ts", "const a = env.DB;"],
    [rules.noBindings, "src/cli/a.ts", "const a = process.env.PORT; // not env.DB"],
    [rules.noClock, "src/core/a.ts", "const a = new Date(now); // not Date.now()"],
    [rules.noClock, "src/store/a.ts", "const a = Date.now();"],
    [rules.arrows, "src/deliver/a.ts", 'import type { A } from "../providers/provider.ts";'],
    [rules.arrows, "src/deliver/a.ts", 'import { a } from "./b.ts";\n// import "../store/a.ts"'],
    [rules.arrows, "src/routes/a.ts", 'import { z } from "@hono/zod-openapi";'.replace("@", "")],
    [rules.docstrings, "src/core/a.ts", "/** Adds. */\nexport const a = (b: number) => b;"],
    [rules.docstrings, "src/core/a.ts", "export const A = 1;\nexport interface B {}"],
    [rules.words, "README.md", "Messages, one after the other."],
    [rules.exactVersions, "package.json", '{"dependencies":{"a":"5.2.0-beta"}}'],
    [rules.lockFile, "package-lock.json", '{"packages":{"node_modules/workerd":{}}}'],
  ];
  test.each(good.map(titled))("%s passes", (_title, rule, path, text) => {
    expect(rule(path, text)).toEqual([]);
  });
});
