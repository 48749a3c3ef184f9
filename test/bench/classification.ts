/**
 * How well a bounce's finality is told, on diagnostics that others collected and labelled, beside
 * the two rules that most systems have: "5xx is hard", and the enhanced codes of absent mailboxes.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { enhancedCodeOf, replyCodeOf } from "../../src/core/smtp-reply.ts";
import { classify } from "../../src/feedback/classify.ts";
import { round } from "./stats.ts";

/** One line of `bounces/diagnostics.jsonl`. */
interface Labelled {
  readonly diagnostic: string;
  readonly reason: string;
  readonly hard: boolean;
}

/** Percentages; F1 is their harmonic mean. */
export interface Score {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** What was measured. */
export interface Classification {
  readonly diagnostics: number;
  readonly hard: number;
  readonly rules: Readonly<Record<"postern" | "5xx" | "5.1.{0,1,2,3,6,10}", Score>>;
  /** Where Postern's verdict differs from the label. */
  readonly wrong: readonly (Labelled & { readonly verdict: string })[];
}

const verdictOf = (text: string): string => {
  const { kind, category } = classify({ code: "", text });
  return `${kind} ${category}`;
};

const ABSENT = /^5\.1\.(?:0|1|2|3|6|10)$/;

const RULES = {
  postern: (text: string) => verdictOf(text).startsWith("hard"),
  "5xx": (text: string) => {
    const reply = replyCodeOf(text);
    return reply === null ? enhancedCodeOf(text)?.[0] === "5" : reply >= 500;
  },
  "5.1.{0,1,2,3,6,10}": (text: string) => ABSENT.test(enhancedCodeOf(text) ?? ""),
};

/** The folder of outside material: `POSTERN_CORPORA`, else beside the repository. */
export const corpora = (): string =>
  process.env.POSTERN_CORPORA ?? resolve(import.meta.dirname, "../../../shared/corpora");

/**
 * Scores the hard verdict of each rule.
 *
 * @param folder where `bounces/diagnostics.jsonl` is
 * @returns null when it is not there
 */
export function classification(folder: string = corpora()): Classification | null {
  const path = join(folder, "bounces/diagnostics.jsonl");
  if (!existsSync(path)) return null;
  const lines = readFileSync(path, "utf8").split("\n");
  const rows = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Labelled);
  return {
    diagnostics: rows.length,
    hard: rows.filter(({ hard }) => hard).length,
    rules: {
      postern: scoreOf(rows, RULES.postern),
      "5xx": scoreOf(rows, RULES["5xx"]),
      "5.1.{0,1,2,3,6,10}": scoreOf(rows, RULES["5.1.{0,1,2,3,6,10}"]),
    },
    wrong: rows
      .filter(({ diagnostic, hard }) => RULES.postern(diagnostic) !== hard)
      .map((row) => ({ ...row, verdict: verdictOf(row.diagnostic) })),
  };
}

function scoreOf(rows: readonly Labelled[], isHard: (text: string) => boolean): Score {
  const called = rows.filter(({ diagnostic }) => isHard(diagnostic));
  const right = called.filter(({ hard }) => hard).length;
  const precision = (100 * right) / Math.max(1, called.length);
  const recall = (100 * right) / Math.max(1, rows.filter(({ hard }) => hard).length);
  const f1 = (2 * precision * recall) / Math.max(1, precision + recall);
  return { precision: round(precision, 1), recall: round(recall, 1), f1: round(f1, 1) };
}
