/** Many rows in few statements: each is bound one JSON array and reads it by json_each. */

/** Characters of one bound array: D1 takes 2 MB of UTF-8, at most four bytes each. */
const PORTION_MAX = 500_000;

/** The rows, each as JSON, in arrays within what one statement takes; none for none. */
export function portionsOf(rows: Iterable<string>): string[] {
  const closed: string[][] = [];
  let size = PORTION_MAX;
  for (const row of rows) {
    if (size + row.length > PORTION_MAX) {
      closed.push([]);
      size = 0;
    }
    closed.at(-1)?.push(row);
    size += row.length + 1;
  }
  return closed.map((part) => `[${part.join(",")}]`);
}
