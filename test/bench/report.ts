/** What a bench hands back: one object for programs, one table for people. */

export interface Report {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** Lines under the table: ratios, targets, what the figures are to be compared with. */
  readonly notes: readonly string[];
  readonly json: Readonly<Record<string, unknown>>;
}

/** Prints a report as an aligned table: the first column to the left, figures to the right. */
export function printTable(report: Report): void {
  const lines = [report.columns, ...report.rows].map((row) => row.map(String));
  const widths = report.columns.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? "").length)),
  );
  const text = (line: readonly string[]): string =>
    widths
      .map((width, column) => {
        const cell = line[column] ?? "";
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd();
  const [head = [], ...body] = lines;
  console.log(report.title);
  console.log();
  console.log(text(head));
  console.log(widths.map((width) => "-".repeat(width)).join("  "));
  for (const line of body) console.log(text(line));
  console.log();
  for (const note of report.notes) console.log(note);
}
