/** Reading TypeScript closely enough for the house rules: comments, imports, exports. */

/**
 * Blanks out comments, and the content of strings if asked, keeping every line where it is. It
 * knows nothing of regular expressions, which may hold a quote: one is taken for a string to its
 * line's end.
 */
export function strip(text: string, strings: boolean): string {
  const token =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`/g;
  const blank = (part: string): string => part.replaceAll(/[^\n]/g, " ");
  return text.replaceAll(token, (part) => {
    if (part.startsWith("/")) return blank(part);
    // Code stands inside a template too.
    return strings && !part.includes("${") ? blank(part) : part;
  });
}

/** One import or re-export of a file. */
export interface Import {
  readonly from: string;
  /** `import type`: erased before anything runs. */
  readonly typeOnly: boolean;
  readonly line: number;
}

const lineOf = (text: string, index: number): number => text.slice(0, index).split("\n").length;

/** Every static and dynamic import and re-export of a file's text. */
export function importsOf(text: string): Import[] {
  const code = strip(text, false);
  const statement = /\b(?:import|export)\s+(type\s+)?(?:[\w*{][^;"'`]*?\sfrom\s+)?"([^"]+)"/g;
  const call = /\bimport\(\s*"([^"]+)"/g;
  return [
    ...[...code.matchAll(statement)].map((match) => ({
      from: match[2] ?? "",
      typeOnly: match[1] !== undefined,
      line: lineOf(code, match.index),
    })),
    ...[...code.matchAll(call)].map((match) => ({
      from: match[1] ?? "",
      typeOnly: false,
      line: lineOf(code, match.index),
    })),
  ];
}

const FUNCTION = /^export (?:default )?(?:async )?function\b|^export (?:abstract )?class\b/;
const ARROW = /^export const \w+(?:: [^=]+)? = (?:async )?(?:<[^>]*>)?\(/;

/** The lines on which a function or class is exported without a docstring before it. */
export function undocumented(text: string): number[] {
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    const arrow =
      ARROW.test(line) &&
      lines
        .slice(index, index + 8)
        .join("\n")
        .includes("=>");
    if (!FUNCTION.test(line) && !arrow) return [];
    let before = index - 1;
    while (before >= 0 && /^\s*\/\/|^@/.test(lines[before] ?? "")) before -= 1;
    const above = lines[before] ?? "";
    // A further signature of a function that is documented at its first.
    const overload = /^export function .*;$/.test(above);
    return above.trimEnd().endsWith("*/") || overload ? [] : [index + 1];
  });
}
