/**
 * The first task of a job: reads the upload, tells its lines apart, and writes them down in
 * portions, and their domains in lists. Every line is an address, a duplicate of one or invalid.
 * Read again it gives the same: a reader that died has done no harm.
 */
import { err, ok, type Result } from "../../core/result.ts";
import { createTextHash, TEXT_KEY_BYTES, type TextHash } from "../../core/text-hash.ts";
import {
  JOB_LINES_MAX,
  type JobError,
  type NewJob,
  type ReadSummary,
} from "../../core/verification-task.ts";
import { canonicalOf } from "../canonical.ts";
import { isSpecialUse } from "../special-use.ts";
import { type Parsed, readAddress } from "../syntax.ts";
import { type Columns, columnNames, columnsOf, namedColumn, SAMPLE_ROWS } from "./columns.ts";
import { DigestTable } from "./digest-table.ts";
import { createLineReader, type RawLine } from "./lines.ts";
import {
  DOMAINS_PER_LIST,
  PORTION_LENGTH,
  PORTION_ROWS,
  PROBE_PORTION_ROWS,
  type Row,
  rowText,
} from "./rows.ts";

/** Files that are being written at a time: storage answers in tens of milliseconds. */
const WRITES_AT_ONCE = 4;

/** Bytes that are read before room is waited for: a source may give all it has at once. */
const STEP_BYTES = 65_536;

/** Domains that are known to have been seen without a digest: most addresses are of a few. */
const RECENT_DOMAINS = 4_096;

const TOO_MANY: JobError = {
  code: "too_many_lines",
  message: `A job has at most ${JOB_LINES_MAX} lines; split the list.`,
};

const UTF16: JobError = {
  code: "not_utf8",
  message: "The file is UTF-16; save it as UTF-8.",
};

/** Where portions and lists go. */
export interface ReadSink {
  rows(no: number, text: string): Promise<void>;
  domains(no: number, text: string): Promise<void>;
}

export interface ReadDeps {
  /** So many bytes from a cryptographic source. */
  readonly random: (bytes: number) => Uint8Array;
  /** A special-use domain that is looked up all the same. */
  readonly exempt?: string;
}

/**
 * Reads an upload to its end. An error: it cannot be read, however often it is tried. Rejects when
 * the input breaks off or the sink does.
 */
export async function readUpload(
  input: AsyncIterable<Uint8Array>,
  job: Pick<NewJob, "format" | "column" | "header" | "probe">,
  sink: ReadSink,
  deps: ReadDeps,
  linesMax = JOB_LINES_MAX,
): Promise<Result<ReadSummary, JobError>> {
  const reader = createLineReader(job.format);
  const reading = new Reading(job, sink, deps, linesMax);
  let isFirst = true;
  for await (const bytes of input) {
    if (isFirst && isUtf16(bytes)) return err(UTF16);
    isFirst = false;
    for (let from = 0; from < bytes.length; from += STEP_BYTES) {
      const failed = reading.take(reader.push(bytes.subarray(from, from + STEP_BYTES)));
      if (failed !== null) return err(failed);
      await reading.room();
    }
  }
  return reading.end(reader.end());
}

/** Its byte order mark, which is no UTF-8. */
const isUtf16 = ([first, second]: Uint8Array): boolean =>
  (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);

/** A row of nothing but white space is none. */
const isBlank = (line: RawLine): boolean =>
  "cells" in line && line.cells.length === 1 && (line.cells[0] ?? "").trim() === "";

/** One reading of an upload. */
class Reading {
  readonly #job: Pick<NewJob, "format" | "column" | "header" | "probe">;
  readonly #sink: ReadSink;
  readonly #deps: ReadDeps;
  readonly #linesMax: number;
  /** CSV rows that wait until it is known which column is the address; null: it is known. */
  #sample: RawLine[] | null;
  #columns: Columns = { hasHeader: false, index: 0 };
  #names: readonly string[] | null = null;
  readonly #hash: TextHash;
  readonly #hashed = new Uint32Array(4);
  readonly #addresses = new DigestTable(3);
  readonly #domains = new DigestTable(2);
  readonly #recent = new Set<string>();
  readonly #portions: [number, number][] = [];
  #lists = 0;
  #lines = 0;
  #invalid = 0;
  #duplicates = 0;
  #rows: string[] = [];
  #length = 0;
  #addressed = 0;
  #list: string[] = [];
  readonly #writes = new Set<Promise<void>>();

  constructor(
    job: Pick<NewJob, "format" | "column" | "header" | "probe">,
    sink: ReadSink,
    deps: ReadDeps,
    linesMax: number,
  ) {
    this.#job = job;
    this.#sink = sink;
    this.#deps = deps;
    this.#linesMax = linesMax;
    this.#hash = createTextHash(deps.random(TEXT_KEY_BYTES));
    this.#sample = job.format === "csv" ? [] : null;
  }

  /** Lines as they come; an error ends the reading. */
  take(lines: readonly RawLine[]): JobError | null {
    let at = 0;
    while (this.#sample !== null && at < lines.length) {
      const line = lines[at++];
      if (line !== undefined && !isBlank(line)) this.#sample.push(line);
      if (this.#sample.length > SAMPLE_ROWS) {
        const failed = this.#choose();
        if (failed !== null) return failed;
      }
    }
    for (; at < lines.length; at++) {
      const line = lines[at];
      if (line !== undefined && !isBlank(line)) this.#line(line);
    }
    return this.#lines > this.#linesMax ? TOO_MANY : null;
  }

  /** Waits until there is room for more to be written. */
  async room(): Promise<void> {
    while (this.#writes.size >= WRITES_AT_ONCE) await Promise.race(this.#writes);
  }

  async end(lines: readonly RawLine[]): Promise<Result<ReadSummary, JobError>> {
    const failed = this.take(lines) ?? (this.#sample === null ? null : this.#choose());
    if (failed !== null || this.#lines > this.#linesMax) return err(failed ?? TOO_MANY);
    this.#closePortion();
    this.#closeList();
    await Promise.all(this.#writes);
    return ok({
      columns: this.#names,
      lines: this.#lines,
      addresses: this.#addresses.size,
      duplicates: this.#duplicates,
      invalid: this.#invalid,
      domains: this.#domains.size,
      lists: this.#lists,
      portions: this.#portions,
    });
  }

  #choose(): JobError | null {
    const sample = this.#sample ?? [];
    this.#sample = null;
    const rows = sample.flatMap((line) => ("cells" in line ? [line.cells] : []));
    if (rows.length > 0) {
      const { column, header } = this.#job;
      const columns = columnsOf(rows, column, header);
      if (!columns.ok) return columns.error;
      this.#columns = columns.value;
      const width = Math.max(...rows.map((cells) => cells.length));
      const { hasHeader } = columns.value;
      if (width > 1 || hasHeader)
        this.#names = columnNames(hasHeader ? (rows[0] ?? []) : null, width);
    }
    let named = this.#columns.hasHeader;
    for (const line of sample) {
      const isHeader = named && "cells" in line;
      if (isHeader) named = false;
      else this.#line(line);
    }
    return null;
  }

  #line(raw: RawLine): void {
    const row: Row = "error" in raw ? raw : "cells" in raw ? this.#cells(raw) : this.#value(raw);
    this.#lines += 1;
    if (row.error !== undefined) this.#invalid += 1;
    else if (row.of !== undefined) this.#duplicates += 1;
    else this.#addressed += 1;
    const text = rowText(row);
    this.#rows.push(text);
    this.#length += text.length;
    const most = this.#job.probe ? PROBE_PORTION_ROWS : PORTION_ROWS;
    if (this.#rows.length >= most || this.#length >= PORTION_LENGTH) this.#closePortion();
  }

  #cells({ line, cells }: { line: number; cells: readonly string[] }): Row {
    const { index } = this.#columns;
    const cell = cells[index];
    const kept = this.#names === null ? {} : { input: cells };
    if (cell === undefined) return { line, error: `the row has no column ${index}`, ...kept };
    return this.#address(line, cell.trim(), kept);
  }

  #value({
    line,
    value,
  }: {
    line: number;
    value: string | Readonly<Record<string, unknown>>;
  }): Row {
    if (typeof value === "string") return this.#address(line, value.trim(), {});
    const names = Object.keys(value);
    this.#names ??= names;
    const { column } = this.#job;
    const name = column ?? names[namedColumn(names, () => true)] ?? "";
    const address = Object.hasOwn(value, name) ? value[name] : undefined;
    const kept = { input: value };
    if (typeof address === "string") return this.#address(line, address.trim(), kept);
    return { line, error: "the object has no address", ...kept };
  }

  #address(line: number, address: string, kept: Pick<Row, "input">): Row {
    const parsed = readAddress(address);
    // What is no mailbox has no canonical form, and repeats only itself.
    const key = parsed.ok ? canonicalOf(parsed.value) : `\n${address}`;
    this.#hash(key, this.#hashed);
    const first = this.#addresses.add(this.#hashed, line);
    if (first !== 0) return { line, address, of: first, ...kept };
    if (parsed.ok) this.#domain(parsed.value);
    return { line, address, ...kept };
  }

  #domain({ domain, literal }: Parsed): void {
    if (literal !== null || this.#recent.has(domain)) return;
    if (isSpecialUse(domain) && domain !== this.#deps.exempt) return;
    if (this.#recent.size < RECENT_DOMAINS) this.#recent.add(domain);
    this.#hash(domain, this.#hashed);
    if (this.#domains.add(this.#hashed, 1) !== 0) return;
    this.#list.push(domain);
    if (this.#list.length >= DOMAINS_PER_LIST) this.#closeList();
  }

  #closePortion(): void {
    if (this.#rows.length === 0) return;
    this.#write(this.#sink.rows(this.#portions.length, this.#rows.join("")));
    this.#portions.push([this.#rows.length, this.#addressed]);
    this.#rows = [];
    this.#length = 0;
    this.#addressed = 0;
  }

  #closeList(): void {
    if (this.#list.length === 0) return;
    this.#write(this.#sink.domains(this.#lists, this.#list.join("\n")));
    this.#lists += 1;
    this.#list = [];
  }

  /** A write that fails stays, so that whoever waits next learns of it. */
  #write(written: Promise<void>): void {
    const write = written.then(() => {
      this.#writes.delete(write);
    });
    write.catch(() => {});
    this.#writes.add(write);
  }
}
