import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { columnNames, columnsOf } from "../../../src/verify/jobs/columns.ts";

/** Rows as they stand in a file, cells set apart by spaces. */
const rows = (...lines: string[]): string[][] => lines.map((line) => line.split(" "));

const found = (
  lines: string[][],
  column: string | null = null,
  header: boolean | null = null,
): unknown => {
  const columns = columnsOf(lines, column, header);
  return columns.ok ? [columns.value.index, columns.value.hasHeader] : columns.error.code;
};

describe("the column of the address", () => {
  test("is known by its name, in any spelling", () => {
    for (const name of ["email", "E-Mail", "EMAIL_ADDRESS", "e.mail", "Mail", "work-email"]) {
      expect(found(rows(`id ${name}`, "1 a@a.de"))).toEqual([1, true]);
    }
    expect(found([["Email Address", "x"], ["a@a.de"]])).toEqual([0, true]);
  });

  test("is known by its name although nothing in it is an address", () => {
    expect(found(rows("id email", "1 -", "2 -"))).toEqual([1, true]);
  });

  test("is not a postal address", () => {
    expect(found(rows("address contact", "Street a@a.de", "Road b@b.de"))).toEqual([1, true]);
    expect(found(rows("address note", "a@a.de x"))).toEqual([0, true]);
  });

  test("is known by its looks where no name says it", () => {
    expect(found(rows("1 ann a@a.de", "2 bob b@b.de"))).toEqual([2, false]);
    expect(found(rows("id who kontakt", "1 x@y.z a@a.de", "2 bob b@b.de"))).toEqual([2, true]);
  });

  test("is the only one there is, with or without a name", () => {
    expect(found(rows("a@a.de", "nobody"))).toEqual([0, false]);
    expect(found(rows("nobody"))).toEqual([0, false]);
    expect(found(rows("kontakt", "a@a.de", "b@b.de"))).toEqual([0, true]);
    expect(found(rows("email", "x"))).toEqual([0, true]);
  });

  test("is as the caller says, by name or number", () => {
    const lines = rows("email backup", "a@a.de b@b.de");
    expect(found(lines, "Backup")).toEqual([1, true]);
    expect(found(lines, "1")).toEqual([1, true]);
    expect(found(lines, "7")).toEqual([7, true]);
    expect(found(lines, "other")).toBe("column_not_found");
    expect(found(rows("a@a.de b@b.de"), "1")).toEqual([1, false]);
    expect(found(lines, "1", false)).toEqual([1, false]);
    expect(found(rows("x y", "1 2"), "0", true)).toEqual([0, true]);
  });

  test("is not guessed where nothing speaks for one", () => {
    expect(found(rows("a b", "c d"))).toBe("no_address_column");
  });

  test("of anything at all is found or not, without a throw", () => {
    const cell = fc.constantFrom("", "email", "a@a.de", "to", "\0", "__proto__");
    const lines = fc.array(fc.array(cell, { maxLength: 3 }), { minLength: 1, maxLength: 5 });
    const column = fc.option(fc.constantFrom("", "0", "2", "email", "__proto__"));
    fc.assert(fc.property(lines, column, (all, one) => void columnsOf(all, one, null)));
  });
});

test("every column has a name of its own", () => {
  expect(columnNames(["a", "", "a", " b "], 5)).toEqual(["a", "column_1", "a_2", "b", "column_4"]);
  expect(columnNames(null, 2)).toEqual(["column_0", "column_1"]);
});
