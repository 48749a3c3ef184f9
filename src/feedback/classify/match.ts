/** Patterns over the words of a diagnostic (`wordsOf`). */
import type { BounceCategory } from "../../core/bounce.ts";

/** A meaning and the words by which it is known. */
export type Rule = readonly [category: BounceCategory, pattern: RegExp];

/**
 * A rule from phrases: whole words, each phrase a regular expression, in which ` _ ` stands for up
 * to four words of the same sentence and a line break for nothing. Gaps are bounded, and so is the
 * text (`READ_MAX`): no phrase makes the work grow with a hostile text.
 */
export function rule(category: BounceCategory, phrases: readonly string[]): Rule {
  const sources = phrases.map((phrase) =>
    phrase.replace(/\n\s*/g, "").replaceAll(" _ ", "(?: [^ .]+){0,4} "),
  );
  return [category, new RegExp(` (?:${sources.join("|")}) `, "u")];
}

/** The category of the first rule that holds. */
export function firstOf(rules: readonly Rule[], words: string): BounceCategory | null {
  return rules.find(([, pattern]) => pattern.test(words))?.[0] ?? null;
}
