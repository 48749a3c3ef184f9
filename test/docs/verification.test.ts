import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import {
  JOB_LINES_MAX,
  JOB_MAX_MS,
  PAUSE_MAX_MS,
  PROBE_JOB_MAX_MS,
  RETENTION_MS,
} from "../../src/core/verification-task.ts";
import type { Services } from "../../src/edge/context.ts";
import { DEFAULT_ADVICE } from "../../src/verify/advice.ts";
import { UPLOAD_MAX } from "../../src/verify/jobs/upload.ts";
import { PROBE_TTL_MS } from "../../src/verify/probe/answers.ts";
import {
  REASONS,
  RECOMMENDATIONS,
  SYNTAX_REASONS,
  VERIFY_MODES,
} from "../../src/verify/verdict.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/verification.md"), "utf8");

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The words in backticks of the part of the page from `from` to the next `to`. */
function wordsBetween(from: string, to: string): string[] {
  const start = page.indexOf(from);
  const part = page.slice(start, page.indexOf(to, start + from.length));
  expect([from, start > 0]).toEqual([from, true]);
  return [...part.matchAll(/`([a-z0-9_]+)`/g)].map(([, word]) => word ?? "");
}

describe("docs/verification.md", () => {
  test("explains every reason, and none that there is not", () => {
    const told = wordsBetween("## The reasons", "## Confidence");
    const syntax = new Set<string>(SYNTAX_REASONS);
    for (const reason of REASONS) {
      if (!syntax.has(reason)) expect.soft(told, reason).toContain(reason);
    }
    const known = new Set<string>([...REASONS, ...RECOMMENDATIONS]);
    for (const field of ["forms", "hard_days", "delivered_days"]) known.add(field);
    expect(told.filter((word) => !known.has(word))).toEqual([]);
  });

  test("names the advice that each reason asks for by default", () => {
    const told = wordsBetween("2. Else the strictest", "3. A [confidence]");
    const asked = Object.entries(DEFAULT_ADVICE).filter(([, advice]) => advice === "review");
    expect(told.filter((word) => word !== "reasons" && word !== "review").toSorted()).toEqual(
      asked.map(([reason]) => reason).toSorted(),
    );
    expect(Object.values(DEFAULT_ADVICE)).not.toContain("block");
    for (const one of RECOMMENDATIONS) expect(page).toContain(`\`${one}\``);
  });

  test("names every route", () => {
    const { routes } = createApp(() => ({}) as Services);
    const paths = routes
      .filter(({ method, path }) => method !== "ALL" && path.startsWith("/verifications"))
      .map(({ path }) => path.replace(/\/$/, ""));
    expect(paths.length).toBeGreaterThan(8);
    for (const path of paths) {
      const last = path.split("/").at(-1) ?? "";
      expect.soft(page.includes(path) || page.includes(`\`/${last}\``), path).toBe(true);
    }
  });

  test("tells the limits of jobs, and how long answers are kept, as they are", () => {
    const numbers = [
      [JOB_LINES_MAX, "1,000,000 lines", 1_000_000],
      [UPLOAD_MAX, "100 MB", 100 * 1024 * 1024],
      [JOB_MAX_MS, "After 24 hours", 24 * HOUR_MS],
      [PROBE_JOB_MAX_MS, "(72 with `probe`)", 72 * HOUR_MS],
      [PAUSE_MAX_MS, "cancelled after 7 days", 7 * DAY_MS],
      [RETENTION_MS, "30 days after its end", 30 * DAY_MS],
      [PROBE_TTL_MS.accepted, "accepted, catch-all | 7 days", 7 * DAY_MS],
      [PROBE_TTL_MS.catch_all, "accepted, catch-all | 7 days", 7 * DAY_MS],
      [PROBE_TTL_MS.mailbox_not_found, "refused, full | 24 hours", DAY_MS],
      [PROBE_TTL_MS.mailbox_full, "refused, full | 24 hours", DAY_MS],
      [PROBE_TTL_MS.unavailable, "unavailable, blocked | 15 minutes", 15 * 60_000],
    ] as const;
    for (const [is, words, said] of numbers) {
      expect.soft(page, words).toContain(words);
      expect.soft(is, words).toBe(said);
    }
  });

  test("names every way to verify a recipient", () => {
    for (const mode of VERIFY_MODES) expect(page).toContain(`| \`"${mode}"\` |`);
  });
});
