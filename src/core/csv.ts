/**
 * CSV (RFC 4180), read in parts of any size and written cell by cell. Rows end in CRLF, LF or CR.
 * What a spreadsheet would take for a formula is written with a leading apostrophe and read
 * without it.
 */

/** Characters (UTF-16) of one row: an address, a reason and a note fit in many times. */
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

const LF = 10;
const CR = 13;
const QUOTE = 34;
const COMMA = 44;

const isBreak = (code: number): boolean => code === LF || code === CR;

/** Makes a reader, which holds one row of at most `rowMax` characters at a time. */
export function createCsvReader(rowMax = ROW_MAX): CsvReader {
  let state: State = "start";
  let cells: string[] = [];
  let cell = "";
  let size = 0;
  let line = 1;
  let began = 1;
  let cr = false;

  function finish(rows: CsvRow[]): void {
    if (state !== "lost" && size > 0) {
      cells.push(cell);
      rows.push({ line: began, cells });
    }
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

  function tooLong(rows: CsvRow[], last: number): void {
    const lines = last > began ? `; lines ${began} to ${last} are not read` : "";
    lose(rows, `a row has at most ${rowMax} characters${lines}`);
  }

  function breakLine(code: number, rows: CsvRow[]): void {
    line += 1;
    cr = code === CR;
    finish(rows);
  }

  /** What separates one cell from the next, or ends the row. */
  function separate(code: number, rows: CsvRow[]): void {
    if (code !== COMMA) {
      breakLine(code, rows);
      return;
    }
    size += 1;
    if (size > rowMax) {
      tooLong(rows, line);
      return;
    }
    cells.push(cell);
    cell = "";
    state = "start";
  }

  // Each of these takes what it can from `at` on and answers where it stopped.

  function takeBare(text: string, at: number, rows: CsvRow[]): number {
    if (state === "start" && text.charCodeAt(at) === QUOTE) {
      size += 1;
      if (size > rowMax) tooLong(rows, line);
      else state = "quoted";
      return at + 1;
    }
    const end = Math.min(text.length, at + rowMax - size + 1);
    let to = at;
    let code = 0;
    while (to < end) {
      code = text.charCodeAt(to);
      if (code === COMMA || code === LF || code === CR) break;
      to += 1;
    }
    if (to > at) {
      cell += text.slice(at, to);
      size += to - at;
      state = "bare";
      if (size > rowMax) {
        tooLong(rows, line);
        return to;
      }
    }
    if (to === text.length) return to;
    separate(code, rows);
    return to + 1;
  }

  function takeQuoted(text: string, at: number, rows: CsvRow[]): number {
    const end = Math.min(text.length, at + rowMax - size + 1);
    let to = at;
    let code = 0;
    while (to < end) {
      code = text.charCodeAt(to);
      if (code === QUOTE) break;
      to += 1;
      if (code === LF || code === CR) line += 1;
      if (code === CR) break;
    }
    cell += text.slice(at, to);
    size += to - at + (code === QUOTE ? 1 : 0);
    cr = code === CR;
    if (size > rowMax) {
      tooLong(rows, isBreak(code) ? line - 1 : line);
      // An open quote would take in the rest of the file: a line break ends it now.
      if (isBreak(code)) finish(rows);
    } else if (code === QUOTE) {
      state = "after";
    }
    return code === QUOTE ? to + 1 : to;
  }

  function takeAfter(text: string, at: number, rows: CsvRow[]): number {
    const code = text.charCodeAt(at);
    if (code === COMMA || isBreak(code)) {
      separate(code, rows);
      return at + 1;
    }
    size += 1;
    if (size > rowMax) {
      tooLong(rows, line);
    } else if (code === QUOTE) {
      cell += '"';
      state = "quoted";
    } else {
      lose(rows, "there is text after a closing quote");
    }
    return at + 1;
  }

  function takeLost(text: string, at: number, rows: CsvRow[]): number {
    let to = at;
    while (to < text.length && !isBreak(text.charCodeAt(to))) to += 1;
    if (to === text.length) return to;
    breakLine(text.charCodeAt(to), rows);
    return to + 1;
  }

  return {
    push(text) {
      const rows: CsvRow[] = [];
      let at = 0;
      while (at < text.length) {
        if (cr) {
          cr = false;
          // The second half of CRLF ends nothing again; inside quotes it is text.
          if (text.charCodeAt(at) === LF) {
            if (state === "quoted") cell += "\n";
            at += 1;
            continue;
          }
        }
        if (state === "quoted") at = takeQuoted(text, at, rows);
        else if (state === "after") at = takeAfter(text, at, rows);
        else if (state === "lost") at = takeLost(text, at, rows);
        else at = takeBare(text, at, rows);
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
