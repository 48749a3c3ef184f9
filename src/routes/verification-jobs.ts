/** `/verifications/jobs`: lists of up to a million addresses, uploaded, verified, read back. */
import { Hono } from "hono";
import { z } from "zod";
import { mintIds, readId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { JOB_LINES_MAX, type JobSnapshot, type NewJob } from "../core/verification-task.ts";
import { jobView } from "../core/verification-view.ts";
import { authenticate } from "../edge/authenticate.ts";
import { drain, readJson } from "../edge/body.ts";
import type { AppContext, AppEnv } from "../edge/context.ts";
import { type ApiError, apiError, fail } from "../edge/errors.ts";
import { admit, askRateLimit } from "../edge/rate-limit.ts";
import { readable } from "../edge/readable.ts";
import { fieldError } from "../edge/validation.ts";
import type { JobRef } from "../verify/jobs/ports.ts";
import { storeUpload, UPLOAD_MAX, type UploadPort } from "../verify/jobs/upload.ts";
import { parsePage } from "./page.ts";
import { answerResults, JOB_NOT_FOUND } from "./verification-jobs-results.ts";

/** Jobs of an account that go on at a time: they share its consumers, and more would only wait. */
const OPEN_JOBS_MAX = 20;

/** How long a client waits that has too many of them. */
const OPEN_RETRY_MS = 60_000;

/** Characters of a job's name, and of a column's. */
const NAME_MAX = 200;

/** How long a client waits before it uploads again what could not be stored. */
const RETRY_MS = 5_000;

const NDJSON = [
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/x-jsonlines",
];

const flag = z.enum(["true", "false"], { error: "is true or false" });
const name = z.string().max(NAME_MAX);

/** Of the query; for JSON they stand in the body as well. */
const asked = z.object({
  name: name.optional(),
  column: name.optional(),
  header: flag.optional(),
  policy: flag.optional(),
  probe: flag.optional(),
});

const entry = z.union([z.string(), z.record(z.string(), z.unknown())], {
  error: "is a string or an object",
});
const emails = z.array(entry).min(1).max(JOB_LINES_MAX);
const given = z.strictObject({
  emails,
  name: name.optional(),
  column: name.optional(),
  options: z
    .strictObject({ policy: z.boolean().optional(), probe: z.boolean().optional() })
    .optional(),
});

type Terms = Pick<NewJob, "name" | "format" | "column" | "header" | "policy" | "probe">;

export const verificationJobs = new Hono<AppEnv>();

verificationJobs.use(authenticate("full_access"));

verificationJobs.post("/", askRateLimit, async (c) => {
  const limited = await admit(c);
  if (limited !== null) return refuse(c, limited);
  const query = asked.safeParse(c.req.query());
  if (!query.success) return refuse(c, fieldError(query.error, c.req.query()));
  const { header, policy, probe, ...rest } = query.data;
  const terms = {
    name: rest.name ?? "",
    column: rest.column ?? null,
    header: header === undefined ? null : header === "true",
    policy: policy === "true",
    probe: probe === "true",
  };
  const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === "application/json") return takeJson(c, terms);
  const format = type === "text/csv" ? "csv" : NDJSON.includes(type) ? "ndjson" : null;
  if (format === null || c.req.header("content-encoding") !== undefined) {
    const sentence =
      "Send the list as text/csv, application/x-ndjson or application/json, not compressed.";
    return refuse(c, apiError("unsupported_media_type", sentence));
  }
  const declared = c.req.header("content-length");
  if (Number(declared ?? 0) > UPLOAD_MAX) return refuse(c, TOO_LARGE);
  const body = (c.req.raw.body ?? []) as unknown as AsyncIterable<Uint8Array>;
  return take(c, { ...terms, format }, async (port) => {
    const stored = await storeUpload(body, port);
    if (!stored.ok) return err(TOO_LARGE);
    // Half a list would be taken for all of it.
    if (declared !== undefined && Number(declared) !== stored.value) return err(NOT_STORED);
    return stored;
  });
});

const TOO_LARGE = apiError(
  "payload_too_large",
  `A list has at most ${UPLOAD_MAX / 1024 / 1024} MB; split it.`,
);

/** Many clients read an answer only when they have sent everything. */
async function refuse(c: AppContext, error: ApiError): Promise<Response> {
  await drain(c.req.raw.body).catch(() => {});
  return fail(c, error);
}

async function takeJson(c: AppContext, terms: Omit<Terms, "format">): Promise<Response> {
  const body = await readJson(c);
  if (!body.ok) return fail(c, body.error);
  const { value } = body.value;
  const list = Array.isArray(value) ? { emails: value } : value;
  const parsed = given.safeParse(list);
  if (!parsed.success) return fail(c, fieldError(parsed.error, list));
  const { options, ...rest } = parsed.data;
  const lines = parsed.data.emails.map((one) => JSON.stringify(one)).join("\n");
  const bytes = new TextEncoder().encode(lines);
  const whole: Terms = {
    ...{ ...terms, format: "ndjson", name: rest.name ?? terms.name },
    column: rest.column ?? terms.column,
    policy: options?.policy ?? terms.policy,
    probe: options?.probe ?? terms.probe,
  };
  return take(c, whole, async (port) => {
    await port.put(bytes);
    return ok(bytes.length);
  });
}

/** Stores an upload and makes a job of it, or leaves neither behind. */
async function take(
  c: AppContext,
  terms: Terms,
  store: (port: UploadPort) => Promise<Result<number, ApiError>>,
): Promise<Response> {
  const services = c.get("services");
  const { verificationJobs: jobs, log } = services;
  const { scope } = c.get("caller");
  const at = services.now();
  const minting = { signer: await services.signer(), now: at, random: services.random };
  const [id = ""] = await mintIds(minting, scope, 0, 1);
  const ref = { scope, id };
  const listed = await readable(services, () =>
    jobs.announceUpload({ ...ref, name: terms.name, at }, OPEN_JOBS_MAX),
  );
  if (!listed.ok) return refuse(c, listed.error);
  if (!listed.value) return refuse(c, TOO_MANY);
  try {
    const stored = await store(jobs.upload(ref));
    if (!stored.ok) {
      await jobs.dropUpload(ref);
      return refuse(c, stored.error);
    }
    if (stored.value === 0) {
      await jobs.dropUpload(ref);
      return fail(c, apiError("invalid_field", "The list is empty."));
    }
    const job = await jobs.create({ ...terms, ...ref, bytes: stored.value, createdAt: at });
    return c.json(jobView(job, services.now()), 202);
  } catch (error) {
    log("upload_failed", { reason: String(error) });
    // Whether there is a job may be unclear: now there is none.
    await jobs.erase(ref).catch(() => false);
    await jobs.dropUpload(ref);
    return fail(c, NOT_STORED);
  }
}

const TOO_MANY = apiError(
  "rate_limit_exceeded",
  `An account has at most ${OPEN_JOBS_MAX} verification jobs that go on; wait, or cancel one.`,
  OPEN_RETRY_MS,
);

const NOT_STORED = apiError(
  "unavailable",
  "The list could not be stored; send it again.",
  RETRY_MS,
);

verificationJobs.get("/", async (c) => {
  const services = c.get("services");
  const { scope } = c.get("caller");
  const page = parsePage(c, "a verification job");
  if (!page.ok) return fail(c, page.error);
  const { limit, after, before } = page.value;
  const { list, view } = services.verificationJobs;
  const read = await readable(services, async () => {
    const listed = await list(scope, { limit: limit + 1, after, before });
    const jobs = before === null ? listed.slice(0, limit) : listed.slice(-limit);
    const snapshots = jobs.map(({ id, snapshot }) => snapshot ?? view({ scope, id }));
    return { more: listed.length > limit, snapshots: await Promise.all(snapshots) };
  });
  if (!read.ok) return fail(c, read.error);
  const now = services.now();
  // What is being uploaded is no job yet.
  const data = read.value.snapshots.flatMap((job) => (job === null ? [] : [jobView(job, now)]));
  return c.json({ object: "list", has_more: read.value.more, data });
});

verificationJobs.get("/:id", async (c) => {
  const services = c.get("services");
  return answer(c, (ref) => services.verificationJobs.view(ref));
});

for (const action of ["pause", "resume", "cancel"] as const) {
  /** Said twice it is done once; of a job that has ended it changes nothing. */
  verificationJobs.post(`/:id/${action}`, async (c) => {
    const services = c.get("services");
    return answer(c, (ref) => services.verificationJobs.act(ref, action));
  });
}

verificationJobs.delete("/:id", async (c) => {
  const services = c.get("services");
  const ref = await refOf(c);
  if (ref === null) return fail(c, JOB_NOT_FOUND);
  const erased = await readable(services, () => services.verificationJobs.erase(ref));
  if (!erased.ok) return fail(c, erased.error);
  if (!erased.value) return fail(c, JOB_NOT_FOUND);
  return c.json({ object: "verification_job", id: ref.id, deleted: true });
});

verificationJobs.get("/:id/results", async (c) => {
  const ref = await refOf(c);
  return ref === null ? fail(c, JOB_NOT_FOUND) : answerResults(c, ref);
});

/** Null: no such id was made here for the account, so no object is asked. */
async function refOf(c: AppContext): Promise<JobRef | null> {
  const { scope } = c.get("caller");
  const id = (c.req.param("id") ?? "").toLowerCase();
  const read = await readId(await c.get("services").signer(), scope, id);
  return read === null ? null : { scope, id };
}

async function answer(
  c: AppContext,
  ask: (ref: JobRef) => Promise<JobSnapshot | null>,
): Promise<Response> {
  const services = c.get("services");
  const ref = await refOf(c);
  if (ref === null) return fail(c, JOB_NOT_FOUND);
  const job = await readable(services, () => ask(ref));
  if (!job.ok) return fail(c, job.error);
  if (job.value === null) return fail(c, JOB_NOT_FOUND);
  return c.json(jobView(job.value, services.now()));
}
