/** `GET /verifications/jobs/:id/results`: pages as JSON, or all of it as CSV or NDJSON. */

import { err, ok, type Result } from "../core/result.ts";
import type { JobSnapshot } from "../core/verification-task.ts";
import type { AppContext } from "../edge/context.ts";
import { type ApiError, apiError, fail } from "../edge/errors.ts";
import { readable } from "../edge/readable.ts";
import type { JobRef } from "../verify/jobs/ports.ts";
import {
  csvHeader,
  csvLine,
  isWanted,
  mayHave,
  OUTCOMES,
  portionRows,
  type ResultFilter,
  type ResultSource,
  resultView,
} from "../verify/jobs/results.ts";
import { REASONS } from "../verify/verdict.ts";

const LIMIT_MAX = 1_000;
const LIMIT_DEFAULT = 100;

/** Portions that one page reads: of a rare reason it may have fewer rows than were asked for. */
const PORTIONS_MAX = 20;

const STATUSES = ["deliverable", "undeliverable", "risky", "unknown"] as const;
const RECOMMENDATIONS = ["send", "review", "block"] as const;

/** For an id that names no job, or none of this account. */
export const JOB_NOT_FOUND = apiError("not_found", "There is no verification job with this id.");

/** Where a page begins: the portion, and the row in it. */
type Place = readonly [portion: number, row: number];

const CURSOR = /^(\d{1,5})\.(\d{1,5})$/;

type Format = "json" | "csv" | "ndjson";

/** Answers for a job that the caller may read. */
export async function answerResults(c: AppContext, ref: JobRef): Promise<Response> {
  const services = c.get("services");
  const filter = filterOf(c);
  if (!filter.ok) return fail(c, filter.error);
  const format = formatOf(c);
  if (!format.ok) return fail(c, format.error);
  const read = await readable(services, () => services.verificationJobs.results(ref));
  if (!read.ok) return fail(c, read.error);
  if (read.value === null) return fail(c, JOB_NOT_FOUND);
  const { job, readToken, portions } = read.value;
  const source = { ref, readToken, portions, columns: job.read?.columns ?? null };
  if (format.value === "json") return page(c, job, source, filter.value);
  if (job.end === null) {
    const sentence = "The job goes on: ask for all of its results when it has ended.";
    return fail(c, apiError("job_not_finished", sentence));
  }
  return whole(c, source, filter.value, format.value);
}

function formatOf(c: AppContext): Result<Format, ApiError> {
  const asked = c.req.query("format");
  if (asked === "json" || asked === "csv" || asked === "ndjson") return ok(asked);
  if (asked !== undefined) {
    return err(apiError("invalid_parameter", "`format` is one of json, csv, ndjson."));
  }
  const accept = c.req.header("accept") ?? "";
  if (accept.includes("text/csv")) return ok("csv");
  return ok(/application\/(?:x-)?ndjson/.test(accept) ? "ndjson" : "json");
}

function filterOf(c: AppContext): Result<ResultFilter, ApiError> {
  const wanted: Record<keyof ResultFilter, readonly string[]> = {
    outcome: OUTCOMES,
    status: STATUSES,
    recommendation: RECOMMENDATIONS,
    reason: REASONS,
  };
  const filter: Record<string, string | null> = {};
  for (const [name, values] of Object.entries(wanted)) {
    const value = c.req.query(name);
    if (value !== undefined && !values.includes(value)) {
      return err(apiError("invalid_parameter", `\`${name}\` is one of ${values.join(", ")}.`));
    }
    filter[name] = value ?? null;
  }
  return ok(filter as unknown as ResultFilter);
}

function placeOf(c: AppContext): Result<Place, ApiError> {
  const after = c.req.query("after");
  if (after === undefined) return ok([0, 0]);
  const parts = CURSOR.exec(after);
  if (parts === null) {
    return err(apiError("invalid_parameter", "`after` takes the `next` of another page."));
  }
  return ok([Number(parts[1]), Number(parts[2])]);
}

async function page(
  c: AppContext,
  job: JobSnapshot,
  source: ResultSource,
  filter: ResultFilter,
): Promise<Response> {
  const limit = Number(c.req.query("limit") ?? LIMIT_DEFAULT);
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) {
    return fail(c, apiError("invalid_parameter", `\`limit\` is a number from 1 to ${LIMIT_MAX}.`));
  }
  const from = placeOf(c);
  if (!from.ok) return fail(c, from.error);
  const services = c.get("services");
  const read = await readable(services, () =>
    pageFrom(source, from.value, limit, filter, services.verificationJobs),
  );
  if (!read.ok) return fail(c, read.error);
  const { data, next } = read.value;
  const [portion] = next;
  const hasMore = portion < source.portions.length || job.end === null;
  return c.json({
    ...{ object: "list", has_more: hasMore, complete: job.end !== null, data },
    next: hasMore ? next.join(".") : null,
  });
}

async function pageFrom(
  source: ResultSource,
  [start, first]: Place,
  limit: number,
  filter: ResultFilter,
  deps: AppContext["var"]["services"]["verificationJobs"],
): Promise<{ data: object[]; next: Place }> {
  const data: object[] = [];
  let reads = 0;
  let skip = first;
  for (let no = start; no < source.portions.length; no++, skip = 0) {
    const portion = source.portions[no];
    if (portion === undefined || !mayHave(portion, filter)) continue;
    if (reads === PORTIONS_MAX) return { data, next: [no, skip] };
    reads += 1;
    const rows = await portionRows(source, no, deps);
    for (let at = skip; at < rows.length; at++) {
      const row = rows[at];
      if (row === undefined || !isWanted(row, filter)) continue;
      if (data.length === limit) return { data, next: [no, at] };
      data.push(resultView(row, source.columns));
    }
  }
  // A job that goes on has more behind its last finished portion.
  return { data, next: [Math.max(start, source.portions.length), 0] };
}

/** Reads a portion when the client has taken the one before. */
async function whole(
  c: AppContext,
  source: ResultSource,
  filter: ResultFilter,
  format: "csv" | "ndjson",
): Promise<Response> {
  const services = c.get("services");
  const isCsv = format === "csv";
  const { columns } = source;
  let no = 0;
  async function next(): Promise<string | null> {
    for (; no < source.portions.length; no++) {
      const portion = source.portions[no];
      if (portion === undefined || !mayHave(portion, filter)) continue;
      const rows = await portionRows(source, no, services.verificationJobs);
      no += 1;
      return rows
        .filter((row) => isWanted(row, filter))
        .map((row) =>
          isCsv ? csvLine(row, columns) : `${JSON.stringify(resultView(row, columns))}\n`,
        )
        .join("");
    }
    return null;
  }
  // The first portion is read before anything is answered: storage that is down is told as such.
  const first = await readable(services, next);
  if (!first.ok) return fail(c, first.error);
  const encoder = new TextEncoder();
  let text: string | null = (isCsv ? csvHeader(columns) : "") + (first.value ?? "");
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      // An empty chunk would be no progress, and would be asked for again.
      while (text === "") text = await next();
      if (text === null) return controller.close();
      controller.enqueue(encoder.encode(text));
      text = "";
    },
  });
  return c.body(stream, 200, {
    "Content-Type": isCsv ? "text/csv; charset=utf-8" : "application/x-ndjson",
    "Content-Disposition": `attachment; filename="verification-${source.ref.id}.${format}"`,
    "X-Content-Type-Options": "nosniff",
  });
}
