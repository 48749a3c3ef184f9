/** What a job has found, read portion by portion, in the order of the upload. */
import { csvRow } from "../../core/csv.ts";
import type { PortionResults, Tally } from "../../core/verification-task.ts";
import { verify } from "../pipeline.ts";
import type { VerifyDeps } from "../ports.ts";
import type { Verification } from "../verdict.ts";
import type { JobFiles, JobRef } from "./ports.ts";
import { isAddress, parseRows, type ResultRow, resultsFile, rowsFile } from "./rows.ts";

/** What a line turned out to be. */
export const OUTCOMES = ["verdict", "duplicate", "invalid"] as const;

export type LineOutcome = (typeof OUTCOMES)[number];

/** Lines that are wanted; null: whatever it is. */
export interface ResultFilter {
  readonly outcome: LineOutcome | null;
  readonly status: string | null;
  readonly recommendation: string | null;
  readonly reason: string | null;
}

export interface ResultDeps {
  readonly files: Pick<JobFiles, "read">;
  readonly verify: (scope: string) => VerifyDeps;
}

/** A job whose results are read. */
export interface ResultSource {
  readonly ref: JobRef;
  readonly readToken: string;
  readonly columns: readonly string[] | null;
  readonly portions: readonly PortionResults[];
}

/**
 * One row per line of a portion. Of one that was given up each address is `unknown`, whatever it
 * is: nobody has looked. Rejects when the portion cannot be read.
 */
export async function portionRows(
  { ref, readToken, portions }: ResultSource,
  no: number,
  deps: ResultDeps,
): Promise<ResultRow[]> {
  const token = portions[no]?.token ?? "";
  const name = token === "" ? rowsFile(readToken, no) : resultsFile(no, token);
  const text = await deps.files.read(ref, name);
  if (text === null) throw new Error("a portion is not there");
  const rows = parseRows(text);
  return token === "" ? notChecked(ref.scope, rows, deps) : rows;
}

const NOT_CHECKED = {
  status: "unknown",
  recommendation: "review",
  reason: "not_checked",
  reasons: ["not_checked"],
} as const satisfies Partial<Verification>;

async function notChecked(
  scope: string,
  rows: readonly ResultRow[],
  deps: ResultDeps,
): Promise<ResultRow[]> {
  const addresses = rows.filter(isAddress).map(({ address }) => address);
  const alone: VerifyDeps = {
    ...deps.verify(scope),
    facts: async () => new Map(),
    evidence: async () => null,
    probe: null,
  };
  const ask = { policy: false, probe: false, lookup: false };
  const found = await verify(scope, addresses, ask, alone);
  let next = 0;
  return rows.map((row) => {
    const verification = isAddress(row) ? found[next++] : undefined;
    return verification === undefined
      ? row
      : { ...row, verification: { ...verification, ...NOT_CHECKED } };
  });
}

/** What a row is. */
export const outcomeOf = (row: ResultRow): LineOutcome =>
  row.error !== undefined ? "invalid" : row.of !== undefined ? "duplicate" : "verdict";

/** Whether a row is wanted. */
export function isWanted(row: ResultRow, filter: ResultFilter): boolean {
  const { verification } = row;
  const is = (wanted: string | null, value: string | undefined): boolean =>
    wanted === null || wanted === value;
  return (
    is(filter.outcome, outcomeOf(row)) &&
    is(filter.status, verification?.status) &&
    is(filter.recommendation, verification?.recommendation) &&
    is(filter.reason, verification?.reason)
  );
}

/** False: by its counts a portion has no row that is wanted. */
export function mayHave({ addresses, verdicts }: PortionResults, filter: ResultFilter): boolean {
  const { status, recommendation, reason } = verdicts ?? {
    status: { unknown: addresses },
    recommendation: { review: addresses },
    reason: { not_checked: addresses },
  };
  const has = (wanted: string | null, tally: Tally): boolean =>
    wanted === null || (tally[wanted] ?? 0) > 0;
  return (
    (filter.outcome !== "verdict" || addresses > 0) &&
    has(filter.status, status) &&
    has(filter.recommendation, recommendation) &&
    has(filter.reason, reason)
  );
}

/** A row as JSON has it; field names as on the wire. */
export function resultView(row: ResultRow, columns: readonly string[] | null) {
  const { line, address = null, of = null, error = null, verification = null, input } = row;
  return {
    object: "verification_result" as const,
    line,
    outcome: outcomeOf(row),
    address,
    duplicate_of: of,
    error,
    columns: isCells(input)
      ? Object.fromEntries((columns ?? []).map((name, index) => [name, input[index] ?? ""]))
      : (input ?? null),
    verification,
  };
}

/** Columns that are set behind the input's own; the prefix keeps the two apart. */
const COLUMNS: readonly (readonly [string, (row: ResultRow) => string])[] = [
  ["address", ({ address }) => address ?? ""],
  ["status", of(({ status }) => status)],
  ["recommendation", of(({ recommendation }) => recommendation)],
  ["reason", of(({ reason }) => reason)],
  ["reasons", of(({ reasons }) => reasons.join(" "))],
  ["normalized", of(({ normalized }) => normalized)],
  ["suggestion", of(({ suggestion }) => suggestion)],
  ["disposable", of(({ flags }) => flags.disposable)],
  ["role", of(({ flags }) => flags.role)],
  ["free", of(({ flags }) => flags.free)],
  ["relay_alias", of(({ flags }) => flags.relay_alias)],
  ["catch_all", of(({ flags }) => flags.catch_all)],
  ["mx_type", of(({ domain }) => domain?.mx_type)],
  ["provider", of(({ domain }) => domain?.provider)],
  ["confidence", of(({ confidence }) => confidence.p)],
  ["line", ({ line }) => String(line)],
  ["duplicate_of", (row) => String(row.of ?? "")],
  ["error", ({ error }) => error ?? ""],
];

function of(
  read: (verification: Verification) => string | number | boolean | null | undefined,
): (row: ResultRow) => string {
  return ({ verification }) => (verification === undefined ? "" : String(read(verification) ?? ""));
}

/** The first row of a CSV. */
export const csvHeader = (columns: readonly string[] | null): string =>
  csvRow([...(columns ?? []), ...COLUMNS.map(([name]) => `verification_${name}`)]);

/** A row of a CSV: the input's columns as they were, and what was found behind them. */
export function csvLine(row: ResultRow, columns: readonly string[] | null): string {
  const cells = (columns ?? []).map((name, index) => cellOf(row.input, name, index));
  return csvRow([...cells, ...COLUMNS.map(([, read]) => read(row))]);
}

const isCells = (input: ResultRow["input"]): input is readonly string[] => Array.isArray(input);

function cellOf(input: ResultRow["input"], name: string, index: number): string {
  if (input === undefined) return "";
  if (isCells(input)) return input[index] ?? "";
  const value = Object.hasOwn(input, name) ? input[name] : undefined;
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
