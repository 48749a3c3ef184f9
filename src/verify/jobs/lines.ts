/** From the bytes of an upload to its lines, read in parts; what is wrong with one is its own. */
import { createCsvReader, ROW_MAX, unguarded } from "../../core/csv.ts";

/** A line as it was read; `line` is the one of the file in which it begins, from 1. */
export type RawLine =
  | { readonly line: number; readonly cells: readonly string[] }
  | { readonly line: number; readonly value: string | Readonly<Record<string, unknown>> }
  | { readonly line: number; readonly error: string };

/** Reads lines from bytes that come in parts. */
export interface LineReader {
  /** The lines that end in this part. */
  push(bytes: Uint8Array): RawLine[];
  /** The last line, when no line break ends it. */
  end(): RawLine[];
}

/** What a decoder puts where bytes are no UTF-8. */
const REPLACEMENT = "\ufffd";

const NOT_UTF8 = "the line is not UTF-8";

/** Makes a reader, which holds one line at a time. A byte order mark is no part of the first. */
export function createLineReader(format: "csv" | "ndjson"): LineReader {
  const decoder = new TextDecoder();
  const reader = format === "csv" ? createCsvLines() : createJsonLines();
  return {
    push: (bytes) => reader.push(decoder.decode(bytes, { stream: true })),
    end: () => [...reader.push(decoder.decode()), ...reader.end()],
  };
}

interface TextReader {
  push(text: string): RawLine[];
  end(): RawLine[];
}

function createCsvLines(): TextReader {
  const reader = createCsvReader();
  return {
    push: (text) => reader.push(text).map(checked),
    end: () => reader.end().map(checked),
  };
}

function checked(row: RawLine): RawLine {
  if (!("cells" in row)) return row;
  const { line, cells } = row;
  if (cells.some((cell) => cell.includes(REPLACEMENT))) return { line, error: NOT_UTF8 };
  return cells.some((cell) => cell.startsWith("'")) ? { line, cells: cells.map(unguarded) } : row;
}

/** Lines end in LF or CRLF; blank ones are none. */
function createJsonLines(): TextReader {
  let open = "";
  let line = 1;
  /** The line is too long, and what is left of it is passed over. */
  let isLost = false;

  function take(text: string, lines: RawLine[]): void {
    const at = line;
    line += 1;
    if (isLost) {
      isLost = false;
    } else if (text.length > ROW_MAX + 1) {
      lines.push(tooLong(at));
    } else if (text.trim() !== "") {
      lines.push(parse(text, at));
    }
  }

  return {
    push(text) {
      const lines: RawLine[] = [];
      let from = 0;
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
        take(open + text.slice(from, end), lines);
        open = "";
        from = end + 1;
      }
      if (!isLost) open += text.slice(from);
      // A carriage return may stand behind what still fits.
      if (open.length > ROW_MAX + 1) {
        lines.push(tooLong(line));
        open = "";
        isLost = true;
      }
      return lines;
    },
    end() {
      const lines: RawLine[] = [];
      if (open !== "") take(open, lines);
      return lines;
    },
  };
}

const tooLong = (line: number): RawLine => ({
  line,
  error: `a line has at most ${ROW_MAX} characters`,
});

function parse(text: string, line: number): RawLine {
  if (text.includes(REPLACEMENT)) return { line, error: NOT_UTF8 };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "string") return { line, value };
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return { line, value: value as Record<string, unknown> };
    }
    return { line, error: "the line is neither a string nor an object" };
  } catch {
    return { line, error: "the line is not JSON" };
  }
}
