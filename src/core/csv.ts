/**
 * CSV (RFC 4180), read in parts of any size and written cell by cell. Rows end in CRLF, LF or CR.
 * What a spreadsheet would take for a formula is written with a leading apostrophe and read
 * without it.
 */

/** Characters of one row: an address, a reason and a note fit in many times. */
export const ROW_MAX = 8_192;

/** A row, or what is wrong with it; `line` is the one it begins in, from 1. */
export type CsvRow =
  | { readonly line: number; readonly cells: readonly string[] }
  | { readonly line: number; readonly error: string };

/** Reads rows from text that comes in parts. */
export interface CsvReader {
  /** The rows that end in this part. */
  push(text: string): CsvRow[];
  /** The last row, when no line break ends it. */
  end(): CsvRow[];
}

/** `bare`: outside quotes; `after`: behind a closing quote; `lost`: to the end of the line. */
type State = "start" | "bare" | "quoted" | "after" | "lost";

/** Makes a reader, which holds one row at a time. */
export function createCsvReader(): CsvReader {
  let state: State = "start";
  let cells: string[] = [];
  let cell = "";
  let size = 0;
  let line = 1;
  let began = 1;
  let cr = false;

  function finish(rows: CsvRow[]): void {
    if (state !== "lost" && size > 0) rows.push({ line: began, cells: [...cells, cell] });
    cells = [];
    cell = "";
    size = 0;
    state = "start";
    began = line;
  }

  function lose(rows: CsvRow[], error: string): void {
    rows.push({ line: began, error });
    state = "lost";
  }

  function take(char: string, rows: CsvRow[]): void {
    const isBreak = char === "\n" || char === "\r";
    if (isBreak) line += 1;
    if (isBreak && state !== "quoted") {
      finish(rows);
      return;
    }
    if (state === "lost") return;
    size += 1;
    if (size > ROW_MAX) {
      lose(rows, `a row has at most ${ROW_MAX} characters`);
      // An open quote would take in the rest of the file: a line break ends it now.
      if (isBreak) finish(rows);
      return;
    }
    if (state === "quoted") {
      if (char === '"') state = "after";
      else cell += char;
    } else if (char === '"' && state === "after") {
      cell += char;
      state = "quoted";
    } else if (char === ",") {
      cells.push(cell);
      cell = "";
      state = "start";
    } else if (state === "after") {
      lose(rows, "there is text after a closing quote");
    } else if (char === '"' && state === "start") {
      state = "quoted";
    } else {
      cell += char;
      state = "bare";
    }
  }

  return {
    push(text) {
      const rows: CsvRow[] = [];
      for (const char of text) {
        const second = cr && char === "\n";
        cr = char === "\r";
        // The second half of CRLF ends nothing again; inside quotes it is text.
        if (!second) take(char, rows);
        else if (state === "quoted") cell += char;
      }
      return rows;
    },
    end() {
      const rows: CsvRow[] = [];
      if (state === "quoted") lose(rows, "a quote is not closed");
      finish(rows);
      return rows;
    },
  };
}

/** What spreadsheets take for the beginning of a formula, also behind apostrophes. */
const FORMULA = /^'*[=+\-@\t\r]/;

/** One cell as text of a file, quoted where it needs to be. */
export function csvCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** One row with its line break. */
export const csvRow = (cells: readonly string[]): string => `${cells.map(csvCell).join(",")}\r\n`;

/** What a cell said before `csvCell` guarded it. */
export const unguarded = (text: string): string =>
  text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;
