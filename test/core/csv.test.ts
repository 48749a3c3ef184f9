import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type CsvRow,
  createCsvReader,
  csvCell,
  csvRow,
  ROW_MAX,
  unguarded,
} from "../../src/core/csv.ts";

/** Reads a text that comes in parts of `size` characters. */
function read(text: string, size = text.length || 1): CsvRow[] {
  const reader = createCsvReader();
  const rows: CsvRow[] = [];
  for (let at = 0; at < text.length; at += size)
    rows.push(...reader.push(text.slice(at, at + size)));
  return [...rows, ...reader.end()];
}

const cellsOf = (text: string): (readonly string[])[] =>
  read(text).map((row) => ("cells" in row ? row.cells : []));

describe("reading", () => {
  test("rows end in CRLF, LF or CR, or with the file; empty lines are none", () => {
    expect(cellsOf("a,b\r\nc\n\n\r\nd\re")).toEqual([["a", "b"], ["c"], ["d"], ["e"]]);
    expect(cellsOf("")).toEqual([]);
  });

  test("quotes hold commas, quotes and line breaks", () => {
    expect(cellsOf('"a,b","c""d","e\r\nf"\r\n,""')).toEqual([
      ["a,b", 'c"d', "e\r\nf"],
      ["", ""],
    ]);
  });

  test("a row is told by the line in which it begins", () => {
    const lines = read('a\n"b\nc"\r\n\nd\n').map((row) => row.line);
    expect(lines).toEqual([1, 2, 5]);
  });

  test("a broken row is told and keeps no other out", () => {
    expect(read('a\n"b"c,d\ne\n')).toEqual([
      { line: 1, cells: ["a"] },
      { line: 2, error: "there is text after a closing quote" },
      { line: 3, cells: ["e"] },
    ]);
    expect(read('a\n"b')).toEqual([
      { line: 1, cells: ["a"] },
      { line: 2, error: "a quote is not closed" },
    ]);
  });

  test("a quote that is never closed takes in no more than one row may have", () => {
    const rows = read(`"${"x".repeat(ROW_MAX - 1)}\nann\n`);
    expect(rows).toEqual([
      { line: 1, error: expect.stringMatching(/at most/) },
      { line: 2, cells: ["ann"] },
    ]);
    const lines = read(`"${"\n".repeat(ROW_MAX + 10)}ann\n`);
    expect(lines.map((row) => "error" in row)).toEqual([true, false]);
  });

  test("a row that is too long says which lines went with it", () => {
    const text = `a\n"${"x\n".repeat(ROW_MAX)}b\n`;
    const first = read(text).find((row) => "error" in row);
    const lines = ROW_MAX / 2 + 1;
    const error = `a row has at most ${ROW_MAX} characters; lines 2 to ${lines} are not read`;
    expect(first).toEqual({ line: 2, error });
    const plain = read(`${"x".repeat(ROW_MAX + 1)}\nb`);
    expect(plain).toEqual([
      { line: 1, error: `a row has at most ${ROW_MAX} characters` },
      { line: 2, cells: ["b"] },
    ]);
    expect(cellsOf("x".repeat(ROW_MAX))[0]?.[0]).toHaveLength(ROW_MAX);
  });

  test("what is written is read again, in parts of any size", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", '"', ",", "\r", "\n", "=", "'", "é", "😀"),
    });
    fc.assert(
      fc.property(
        fc.array(fc.array(text, { minLength: 2, maxLength: 4 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        (rows, size) => {
          const read_ = read(rows.map(csvRow).join(""), size);
          const back = read_.map((row) => ("cells" in row ? row.cells.map(unguarded) : row));
          expect(back).toEqual(rows);
        },
      ),
    );
  });

  test("any text at all is read without a throw", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void read(text, 3)));
  });
});

describe("writing", () => {
  test("what a spreadsheet takes for a formula is not one", () => {
    for (const start of ["=", "+", "-", "@", "\t", "\r", "'="]) {
      const cell = csvCell(`${start}cmd|' /C calc'!A0`).replace(/^"/, "");
      expect(cell.startsWith(`'${start}`)).toBe(true);
    }
    expect(csvCell("ann@a.example")).toBe("ann@a.example");
    expect(csvCell("o'hara")).toBe("o'hara");
  });
});
