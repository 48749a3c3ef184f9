import { describe, expect, test } from "vitest";
import { createCsvReader } from "../../../src/core/csv.ts";
import { consumeTasks } from "../../../src/verify/jobs/consume.ts";
import {
  csvHeader,
  csvLine,
  isWanted,
  mayHave,
  portionRows,
  type ResultFilter,
  resultView,
} from "../../../src/verify/jobs/results.ts";
import { createWorld, message, REF, type World } from "./world.ts";

const ANY: ResultFilter = { outcome: null, status: null, recommendation: null, reason: null };

/** Does the tasks of a job until it has `stage`, or all of them. */
async function done(upload: string, format: "csv" | "ndjson" = "csv", until = ""): Promise<World> {
  const world = createWorld(upload, { format });
  for (;;) {
    const hints = world.job.record.stage === until ? [] : world.job.takeHints(world.clock.now);
    if (hints.length === 0) return world;
    await consumeTasks(
      hints.map((hint) => message(hint)),
      world.deps,
    );
  }
}

function sourceOf({ job }: World) {
  const { read } = job.record;
  const { token: readToken = "", columns = null } = read ?? {};
  return { ref: REF, readToken, columns, portions: job.results() };
}

async function rowsOf(world: World) {
  const deps = { files: world.deps.files, verify: () => world.verify };
  const source = sourceOf(world);
  return { source, rows: await portionRows(source, 0, deps) };
}

/** A text of CSV as its rows of cells. */
function cells(text: string): (readonly string[])[] {
  const reader = createCsvReader();
  const rows = [...reader.push(text), ...reader.end()];
  return rows.map((row) => ("cells" in row ? row.cells : []));
}

describe("results", () => {
  test("keep the input's columns, and say of each line what it is", async () => {
    const world = await done('Name,Email\n"B, ""A""",a@a.de\nC,A@a.de\nshort\n"x"y\n');
    const { source, rows } = await rowsOf(world);
    const text =
      csvHeader(source.columns) + rows.map((row) => csvLine(row, source.columns)).join("");
    const [header = [], ...lines] = cells(text);
    const of = (line: readonly string[]) =>
      Object.fromEntries(header.map((name, at) => [name, line[at]]));
    expect(lines.map(of)).toMatchObject(
      [
        {
          ...{ Name: 'B, "A"', Email: "a@a.de", verification_address: "a@a.de" },
          ...{ verification_status: "unknown", verification_reason: "domain_takes_mail" },
          ...{
            verification_mx_type: "mx",
            verification_disposable: "false",
            verification_line: "2",
          },
        },
        { Name: "C", Email: "A@a.de", verification_status: "", verification_duplicate_of: "2" },
        { Name: "short", Email: "", verification_error: "the row has no column 1" },
        { Name: "", verification_line: "5", verification_error: /after a closing quote/ },
      ].map((one) =>
        Object.fromEntries(
          Object.entries(one).map(([name, value]) => [
            name,
            value instanceof RegExp ? expect.stringMatching(value) : value,
          ]),
        ),
      ),
    );
    expect(resultView(rows[0] ?? { line: 0 }, source.columns)).toMatchObject({
      ...{ object: "verification_result", line: 2, outcome: "verdict" },
      columns: { Name: 'B, "A"', Email: "a@a.de" },
      verification: { status: "unknown" },
    });
  });

  test("of a list of addresses have no columns but ours", async () => {
    const { source, rows } = await rowsOf(await done("a@a.de\n"));
    expect(csvHeader(source.columns)).toMatch(/^verification_address,verification_status,/);
    expect(csvLine(rows[0] ?? { line: 0 }, source.columns)).toMatch(/^a@a\.de,unknown,/);
    expect(resultView(rows[0] ?? { line: 0 }, source.columns).columns).toBeNull();
  });

  test("of objects have the fields of the first as columns, and all of them as JSON", async () => {
    const world = await done(
      '{"email":"a@a.de","n":1}\n"b@b.de"\n{"email":"c@c.de","m":{}}',
      "ndjson",
    );
    const { source, rows } = await rowsOf(world);
    const [first, second, third] = rows.map((row) => csvLine(row, source.columns));
    expect(first).toMatch(/^a@a\.de,1,a@a\.de,/);
    expect(second).toMatch(/^,,b@b\.de,/);
    expect(third).toMatch(/^c@c\.de,,c@c\.de,/);
    expect(resultView(rows[2] ?? { line: 0 }, source.columns).columns).toEqual({
      ...{ email: "c@c.de", m: {} },
    });
  });

  test("are safe to open in a spreadsheet", async () => {
    const { source, rows } = await rowsOf(await done("email,note\n=cmd@a.de,+1\n"));
    const [line = []] = cells(csvLine(rows[0] ?? { line: 0 }, source.columns));
    expect(line.filter((cell) => /^[=+@-]/.test(cell))).toEqual([]);
  });

  test("of a portion that was given up are unknown, as they are counted", async () => {
    const world = await done("a@a.de\nnobody\na@a.de\n", "csv", "verifying");
    world.job.cancel(world.clock.now);
    const { rows } = await rowsOf(world);
    expect(rows.map(({ verification }) => verification?.status)).toEqual([
      ...["unknown", "unknown", undefined],
    ]);
    expect(rows[0]?.verification).toMatchObject({
      ...{ normalized: "a@a.de", recommendation: "review", reason: "not_checked" },
      reasons: ["not_checked"],
    });
    expect(world.job.snapshot().verdicts).toEqual({
      ...{ status: { unknown: 2 }, recommendation: { review: 2 }, reason: { not_checked: 2 } },
    });
  });
});

describe("a filter", () => {
  test("takes what it asks for, and passes over portions that have none of it", async () => {
    const { source, rows } = await rowsOf(await done('a@a.de\nb@gone.de\nA@a.de\n"x"y'));
    const [portion] = source.portions;
    if (portion === undefined) throw new Error("there is one");
    const lines = (filter: Partial<ResultFilter>): number[] => {
      const wanted = rows.filter((row) => isWanted(row, { ...ANY, ...filter }));
      // Whatever is found must be looked for.
      if (wanted.length > 0) expect(mayHave(portion, { ...ANY, ...filter })).toBe(true);
      return wanted.map(({ line }) => line);
    };
    expect(lines({})).toEqual([1, 2, 3, 4]);
    expect(lines({ status: "unknown" })).toEqual([1]);
    expect(lines({ recommendation: "block" })).toEqual([2]);
    expect(lines({ reason: "domain_not_found" })).toEqual([2]);
    expect(lines({ outcome: "duplicate" })).toEqual([3]);
    expect(lines({ outcome: "invalid" })).toEqual([4]);
    expect(lines({ outcome: "verdict", status: "unknown" })).toEqual([1]);
    expect(lines({ outcome: "invalid", status: "unknown" })).toEqual([]);
    for (const filter of [{ status: "risky" }, { reason: "null_mx" }, { status: "deliverable" }]) {
      expect(mayHave(portion, { ...ANY, ...filter })).toBe(false);
    }
  });
});
