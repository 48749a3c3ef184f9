/** `POST /suppressions/import` and `GET /suppressions/export`: the list as CSV, both streamed. */
import { type CsvRow, createCsvReader, csvRow, unguarded } from "../core/csv.ts";
import { err, ok, type Result } from "../core/result.ts";
import {
  type StoredSuppression,
  SUPPRESSION_REASONS,
  type SuppressionChange,
  type SuppressionReason,
} from "../core/suppression.ts";
import type { AppContext, Services } from "../edge/context.ts";
import { type ApiError, apiError, fail } from "../edge/errors.ts";
import { answered, changeOf, ENTERED_REASONS, type Entered, entryOf } from "./suppression-entry.ts";

/** Bytes of a file: room for `IMPORT_ROWS_MAX` rows. */
export const IMPORT_BYTES_MAX = 10 * 1024 * 1024;

/** Bytes that are read and thrown away, as of other bodies: Cloudflare lets 100 MB in. */
const DRAIN_MAX = 100 * 1024 * 1024;

/** Rows of a file: as many take some 7 s, of the 30 s of CPU that a request has. */
export const IMPORT_ROWS_MAX = 100_000;

/** Rows in one transaction: some 200 KB, and an answer of D1 within tens of milliseconds. */
const ROWS_AT_A_TIME = 1_000;

/** Errors that are told; the others are counted. */
const ERRORS_TOLD = 100;

/** Rows of one query of an export. */
const EXPORT_PAGE = 1_000;

/** Names of the column with the address, as other lists have it. */
const EMAIL_NAMES: ReadonlySet<string> = new Set(["email", "address", "recipient", "e-mail"]);

/** Reasons as other lists name them. */
const REASON_NAMES: Readonly<Record<string, SuppressionReason>> = {
  ...Object.fromEntries(SUPPRESSION_REASONS.map((one) => [one, one])),
  "": "manual",
  bounce: "hard_bounce",
  bounced: "hard_bounce",
  complained: "complaint",
  spam_report: "complaint",
  unsubscribed: "unsubscribe",
};

interface Columns {
  readonly email: number;
  readonly reason: number;
  readonly stream: number;
}

/** A list without a header is one of addresses. */
const HEADERLESS: Columns = { email: 0, reason: -1, stream: -1 };

function columnsOf(cells: readonly string[]): Columns | null {
  const names = cells.map((cell) => cell.trim().toLowerCase());
  const email = names.findIndex((name) => EMAIL_NAMES.has(name));
  if (email < 0) return null;
  return { email, reason: names.indexOf("reason"), stream: names.indexOf("stream") };
}

/** Takes rows as they come and stores them in portions. */
function createImport(scope: string, services: Services) {
  const reader = createCsvReader();
  const errors: { line: number; message: string }[] = [];
  const count = { rows: 0, added: 0, skipped: 0, failed: 0 };
  let columns: Columns | null = null;
  let open: SuppressionChange[] = [];
  /** The last line of which all is stored. */
  let storedTo = 0;
  let line = 0;

  function refuse(message: string): void {
    count.failed += 1;
    if (errors.length < ERRORS_TOLD) errors.push({ line, message });
  }

  async function take(row: CsvRow): Promise<void> {
    line = row.line;
    if ("error" in row) return refuse(row.error);
    if (columns === null) {
      columns = columnsOf(row.cells);
      if (columns !== null) return;
      columns = HEADERLESS;
    }
    const entered = enteredBy(row.cells, columns);
    if (entered === null) {
      count.skipped += 1;
      return;
    }
    const change = entered.ok ? await changeOf(entered.value, scope, services) : entered;
    if (!change.ok) return refuse(`${change.error.field}: ${change.error.reason}`);
    open.push(change.value);
    if (open.length >= ROWS_AT_A_TIME) await store();
  }

  async function store(): Promise<void> {
    if (open.length > 0) await services.suppressions.add(open);
    count.added += open.length;
    open = [];
    storedTo = line;
  }

  return {
    storedTo: () => storedTo,
    /** False when the file has too many rows. */
    async push(text: string): Promise<boolean> {
      for (const row of reader.push(text)) {
        count.rows += 1;
        if (count.rows > IMPORT_ROWS_MAX) return false;
        await take(row);
      }
      return true;
    },
    async end() {
      for (const row of reader.end()) await take(row);
      await store();
      const { added, skipped, failed } = count;
      return { object: "suppression_import", added, skipped, failed, errors };
    },
    store,
  };
}

/** What a row enters; null when it is of a reason that ends by itself and need not be moved. */
function enteredBy(
  cells: readonly string[],
  columns: Columns,
): Result<Entered, { readonly field: string; readonly reason: string }> | null {
  const cell = (index: number): string => unguarded((cells[index] ?? "").trim());
  const name = cell(columns.reason).toLowerCase();
  const reason = Object.hasOwn(REASON_NAMES, name) ? REASON_NAMES[name] : undefined;
  if (reason === undefined) {
    return err({ field: "reason", reason: `give one of ${ENTERED_REASONS.join(", ")}` });
  }
  const entered = ENTERED_REASONS.find((one) => one === reason);
  if (entered === undefined) return null;
  const email = cell(columns.email);
  if (email.includes("\ufffd")) return err({ field: "email", reason: "the file is not UTF-8" });
  const stream = cell(columns.stream);
  return ok({ email, reason: entered, ...(stream === "" ? {} : { stream }) });
}

/**
 * Adds the rows of a file with a column `email`, maybe `reason` and `stream`, or of a plain list.
 * Rows that are wrong are told by their lines and keep no other out. What was stored stays when it
 * breaks off: the same file can be sent again.
 */
export async function importCsv(c: AppContext): Promise<Response> {
  const services = c.get("services");
  const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "text/csv") {
    const sentence = "Send the list as `Content-Type: text/csv`.";
    return fail(c, apiError("unsupported_media_type", sentence));
  }
  const work = createImport(c.get("caller").scope, services);
  const done = await answered(services, () => readAll(c.req.raw.body, work));
  if (!done.ok) {
    const sentence = `${done.error.message} Up to line ${work.storedTo()} it is on the list.`;
    return fail(c, { ...done.error, message: sentence });
  }
  return done.value.ok ? c.json(done.value.value) : fail(c, done.value.error);
}

type Import = ReturnType<typeof createImport>;

async function readAll(
  stream: ReadableStream<Uint8Array> | null,
  work: Import,
): Promise<Result<Awaited<ReturnType<Import["end"]>>, ApiError>> {
  const decoder = new TextDecoder();
  let size = 0;
  if (stream === null) return ok(await work.end());
  let fits = true;
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > DRAIN_MAX) break;
    // Many clients read an answer only when they have sent everything: the rest is thrown away.
    fits &&= size <= IMPORT_BYTES_MAX && (await work.push(decoder.decode(chunk, { stream: true })));
  }
  if (!fits) {
    await work.store();
    const sentence =
      `A file has at most ${IMPORT_BYTES_MAX / 1024 / 1024} MB and ${IMPORT_ROWS_MAX} rows; up to` +
      ` line ${work.storedTo()} this one is on the list. Split it; rows may be sent again.`;
    return err(apiError("payload_too_large", sentence));
  }
  await work.push(decoder.decode());
  return ok(await work.end());
}

const HEADER = [
  "email",
  "reason",
  "stream",
  "lanes",
  "source",
  "first_seen_at",
  "last_seen_at",
  "expires_at",
  "override_at",
  "override_by",
  "override_note",
];

/** The whole list, page by page as it is read. */
export async function exportCsv(c: AppContext): Promise<Response> {
  const services = c.get("services");
  const { policy, list } = services.suppressions;
  const { scope } = c.get("caller");
  const page = (after: StoredSuppression | null) =>
    list(scope, { limit: EXPORT_PAGE, after, before: null, reasons: SUPPRESSION_REASONS });
  const written = (row: StoredSuppression): string => {
    const entry = entryOf(row, policy, services.now());
    if (entry === null) return "";
    const { override } = entry;
    return csvRow([
      entry.email,
      entry.reason ?? "",
      entry.stream,
      entry.lanes.join(" "),
      entry.source ?? "",
      entry.first_seen_at,
      entry.last_seen_at,
      entry.expires_at ?? "",
      override?.at ?? "",
      override?.by ?? "",
      override?.note ?? "",
    ]);
  };
  // The first page is read before anything is answered: a list that is down is told as such.
  const first = await answered(services, () => page(null));
  if (!first.ok) return fail(c, first.error);
  const encoder = new TextEncoder();
  let rows: readonly StoredSuppression[] = first.value;
  let text = csvRow(HEADER);
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      controller.enqueue(encoder.encode(text + rows.map(written).join("")));
      text = "";
      const last = rows.at(-1);
      if (last === undefined || rows.length < EXPORT_PAGE) controller.close();
      else rows = await page(last);
    },
  });
  return c.body(stream, 200, {
    "Content-Type": "text/csv; charset=utf-8",
    "Content-Disposition": 'attachment; filename="suppressions.csv"',
    "X-Content-Type-Options": "nosniff",
  });
}
