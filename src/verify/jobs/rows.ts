/**
 * The rows of a job between its tasks: what each line of the upload is, a line of NDJSON each, and
 * where the portions lie among the job's files.
 */
import type { Verification } from "../verdict.ts";

/** One line of the upload: an address, or a repeat of one, or what is wrong with it. */
export interface Row {
  /** The line of the file in which it begins, from 1. */
  readonly line: number;
  readonly address?: string;
  /** It is a duplicate: the line where the address stands first. */
  readonly of?: number;
  readonly error?: string;
  /** What came with it: the cells of a CSV row, or a JSON object. */
  readonly input?: readonly string[] | Readonly<Record<string, unknown>>;
}

/** A row with its verdict, which only an address has. */
export interface ResultRow extends Row {
  readonly verification?: Verification;
}

/** Lines of one portion: a task of seconds, whose rows and verdicts are some megabytes. */
export const PORTION_ROWS = 1_000;

/** With probing, which takes seconds per address: a task of minutes. */
export const PROBE_PORTION_ROWS = 100;

/** Characters of one portion's rows, beyond which it is closed. */
export const PORTION_LENGTH = 1_000_000;

/**
 * Domains of one list. A domain takes up to some twenty questions with its policy, its hosts and
 * its hedges, and an invocation may make 10,000 calls.
 */
export const DOMAINS_PER_LIST = 250;

/** The upload, as it came. */
export const INPUT = "input";
/** Rows as they were read by the holder of a token; only one reader's count. */
export const rowsFile = (token: string, no: number): string => `read/${token}/rows/${no}`;
/** Domains as they were found with these rows, a line each. */
export const domainsFile = (token: string, no: number): string => `read/${token}/domains/${no}`;
/** Results as the holder of a token has them; only one verifier's count. */
export const resultsFile = (no: number, token: string): string => `results/${no}-${token}`;

/** Reads a file of rows. */
export function parseRows(text: string): ResultRow[] {
  const rows: ResultRow[] = [];
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf("\n", from);
    rows.push(JSON.parse(text.slice(from, end < 0 ? text.length : end)) as ResultRow);
    from = end < 0 ? text.length : end + 1;
  }
  return rows;
}

/** A row as it stands in a file. */
export const rowText = (row: ResultRow): string => `${JSON.stringify(row)}\n`;

/** Whether a row is an address that is to have a verdict. */
export const isAddress = (row: Row): row is Row & { readonly address: string } =>
  row.error === undefined && row.of === undefined;
