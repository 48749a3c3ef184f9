/** Which column of a list holds the addresses: as it is said, else by its name or its looks. */
import { err, ok, type Result } from "../../core/result.ts";
import type { JobError } from "../../core/verification-task.ts";

/** Rows that are looked at before a column is chosen. */
export const SAMPLE_ROWS = 50;

/** Names of the column as lists have it, the surest first; see `plain`. */
const NAMES = [
  "email",
  "emailaddress",
  "mail",
  "mailaddress",
  "useremail",
  "contactemail",
  "primaryemail",
  "workemail",
  "subscriber",
  "recipient",
  "address",
  "to",
] as const;

/** Names from here on may say something else, so that their columns have to look like it. */
const AMBIGUOUS_FROM = NAMES.indexOf("subscriber");

/** Names of columns that an error repeats, and their characters. */
const TOLD_MAX = 10;
const TOLD_LENGTH_MAX = 40;

const ADDRESS = /^\s*[^\s@]+@[^\s@]+\.[^\s@]+\s*$/;

/** How a list of rows is read. */
export interface Columns {
  /** Whether the first row is their names. */
  readonly hasHeader: boolean;
  /** The one of the address, from 0. */
  readonly index: number;
}

/** "E-Mail Address" and "email_address" are one name. */
const plain = (name: string): string => name.toLowerCase().replace(/[\s_.-]+/g, "");

/** The place of the name that says "address" the surest; -1: none does. */
export function namedColumn(names: readonly string[], isLikely: (index: number) => boolean) {
  const plains = names.map(plain);
  for (const [rank, name] of NAMES.entries()) {
    const index = plains.indexOf(name);
    if (index >= 0 && (rank < AMBIGUOUS_FROM || isLikely(index))) return index;
  }
  return -1;
}

/**
 * Chooses the column. `rows` are the first ones of the file, the row of names among them if there
 * is one.
 *
 * @param column a name, or a number from 0; null: to be detected
 * @param header whether the first row is names; null: to be detected
 */
export function columnsOf(
  rows: readonly (readonly string[])[],
  column: string | null,
  header: boolean | null,
): Result<Columns, JobError> {
  const [first = [], ...others] = rows;
  const hits = (index: number): number =>
    others.filter((cells) => ADDRESS.test(cells[index] ?? "")).length;
  const isLikely = (index: number): boolean =>
    others.length === 0 || hits(index) * 2 >= others.length;
  const looksNamed = (index: number): boolean =>
    !first.some((cell) => cell.includes("@")) &&
    (namedColumn(first, isLikely) >= 0 || (others.length > 0 && hits(index) * 2 > others.length));

  if (column !== null) {
    const wanted = plain(column);
    const named = header === false ? -1 : first.findIndex((name) => plain(name) === wanted);
    if (named >= 0) return ok({ hasHeader: true, index: named });
    const index = /^\d{1,4}$/.test(column) ? Number(column) : -1;
    if (index < 0) return err(notFound(first));
    return ok({ hasHeader: header ?? looksNamed(index), index });
  }
  const named = header === false ? -1 : namedColumn(first, isLikely);
  if (named >= 0) return ok({ hasHeader: true, index: named });
  const width = Math.max(...rows.map((cells) => cells.length), 1);
  const samples = header === true ? others : rows;
  let index = width === 1 ? 0 : -1;
  let most = 0;
  for (let one = 0; one < width; one++) {
    const count = samples.filter((cells) => ADDRESS.test(cells[one] ?? "")).length;
    if (count > most) {
      most = count;
      index = one;
    }
  }
  if (index < 0) return err(NONE_FOUND);
  return ok({ hasHeader: header ?? looksNamed(index), index });
}

const NONE_FOUND: JobError = {
  code: "no_address_column",
  message: "No column looks like addresses; name it with `?column=`.",
};

function notFound(first: readonly string[]): JobError {
  const cut = (text: string): string => text.slice(0, TOLD_LENGTH_MAX);
  // A row of data is no names, and is not repeated.
  const names = first.filter((name) => !name.includes("@")).slice(0, TOLD_MAX);
  const told = names.length === 0 ? "" : ` The first row has ${names.map(cut).join(", ")}.`;
  return { code: "column_not_found", message: `There is no column as \`column\` says.${told}` };
}

/** Names for `width` columns, each its own: a second `name` becomes `name_2`. */
export function columnNames(header: readonly string[] | null, width: number): string[] {
  const taken = new Set<string>();
  return Array.from({ length: Math.max(width, header?.length ?? 0) }, (_, index) => {
    const base = header?.[index]?.trim() || `column_${index}`;
    let name = base;
    for (let copy = 2; taken.has(name); copy++) name = `${base}_${copy}`;
    taken.add(name);
    return name;
  });
}
