/**
 * `/suppressions`: who is not written to, and why. Resend's routes, with more fields and a few
 * routes more: lookup of many, override after a complaint, import and export.
 */
import { Hono } from "hono";
import { z } from "zod";
import { parseMailbox } from "../core/address.ts";
import { recipientHash } from "../core/recipient-hash.ts";
import { err, ok, type Result } from "../core/result.ts";
import {
  ALL_STREAMS,
  type StoredSuppression,
  SUPPRESSION_REASONS,
  type SuppressionChange,
  suppressionId,
} from "../core/suppression.ts";
import { authenticate } from "../edge/authenticate.ts";
import { readJson } from "../edge/body.ts";
import type { AppContext, AppEnv } from "../edge/context.ts";
import { type ApiError, apiError, fail } from "../edge/errors.ts";
import { fieldError } from "../edge/validation.ts";
import { addedEvents, removedEvents, tellOf } from "../feedback/suppression-events.ts";
import { parsePage } from "./page.ts";
import { answered, changeOf, ENTERED_REASONS, entryOf, ORIGINS } from "./suppression-entry.ts";
import { exportCsv, importCsv } from "./suppressions-csv.ts";

/** As many as a batch of emails has. */
const BATCH_MAX = 100;

/** Looked up in one query. */
const LOOKUP_MAX = 1_000;

/** Characters of what somebody says about an override. */
const NOTE_MAX = 500;

const email = z.string();
const stream = z.string().max(64).optional();
const reason = z.enum(ENTERED_REASONS).optional();
const emails = (most: number) => z.array(email).min(1).max(most);
const added = z.strictObject({ email, stream, reason });
const batchAdded = z.strictObject({ emails: emails(BATCH_MAX), stream, reason });
const batchRemoved = z
  .strictObject({
    emails: emails(BATCH_MAX).optional(),
    ids: z.array(z.string()).min(1).max(BATCH_MAX).optional(),
  })
  .refine((body) => (body.emails === undefined) !== (body.ids === undefined), {
    path: ["emails"],
    message: "give `emails` or `ids`, not both",
  });
const lookedUp = z.strictObject({ emails: emails(LOOKUP_MAX) });
const overridden = z.strictObject({ note: z.string().trim().min(1).max(NOTE_MAX) });

export const suppressions = new Hono<AppEnv>();

suppressions.use(authenticate("full_access"));

const NOT_FOUND = apiError("not_found", "There is no such suppression.");

const refusal = (field: string, why: string): ApiError =>
  apiError("invalid_field", `Invalid \`${field}\` field: ${why}.`);

async function bodyOf<T>(c: AppContext, schema: z.ZodType<T>): Promise<Result<T, ApiError>> {
  const body = await readJson(c);
  if (!body.ok) return body;
  const parsed = schema.safeParse(body.value.value);
  return parsed.success ? ok(parsed.data) : err(fieldError(parsed.error, body.value.value));
}

/** The hashes of addresses, in their order, or an error that names the first that is none. */
async function hashesOf(all: readonly string[]): Promise<Result<string[], ApiError>> {
  const hashes: string[] = [];
  for (const [index, one] of all.entries()) {
    const mailbox = parseMailbox(one);
    if (!mailbox.ok) return err(refusal(`emails.${index}`, mailbox.error));
    hashes.push(await recipientHash(mailbox.value.address));
  }
  return ok(hashes);
}

/** What is known under an id, or of an address: all streams first. Not found: none that blocks. */
async function rowsOf(c: AppContext, name: string): Promise<Result<StoredSuppression[], ApiError>> {
  const services = c.get("services");
  const { scope } = c.get("caller");
  const { policy, find, byId } = services.suppressions;
  const mailbox = name.includes("@") ? parseMailbox(name) : null;
  if (mailbox?.ok === false) return err(refusal("email", mailbox.error));
  const hash = mailbox === null ? "" : await recipientHash(mailbox.value.address);
  const read = await answered(services, () =>
    mailbox === null ? byId(scope, [name.toLowerCase()]) : find(scope, [hash]),
  );
  if (!read.ok) return read;
  const rows = read.value
    .filter((row) => entryOf(row, policy, services.now()) !== null)
    .sort((a, b) => Number(a.stream !== ALL_STREAMS) - Number(b.stream !== ALL_STREAMS));
  return rows.length === 0 ? err(NOT_FOUND) : ok(rows);
}

async function add(
  c: AppContext,
  { emails, ...rest }: z.infer<typeof batchAdded>,
  field: (index: number) => string,
): Promise<Result<{ object: "suppression"; id: string }[], ApiError>> {
  const services = c.get("services");
  const changes: SuppressionChange[] = [];
  for (const [index, one] of emails.entries()) {
    const change = await changeOf({ email: one, ...rest }, c.get("caller").scope, services);
    if (!change.ok) {
      const name = change.error.field === "email" ? field(index) : change.error.field;
      return err(refusal(name, change.error.reason));
    }
    changes.push(change.value);
  }
  const stored = await answered(services, () => services.suppressions.add(changes));
  if (!stored.ok) return stored;
  await tellOf(addedEvents(changes), services.webhooks);
  return ok(
    changes.map(({ hash, stream }) => ({ object: "suppression", id: suppressionId(hash, stream) })),
  );
}

suppressions.post("/", async (c) => {
  const body = await bodyOf(c, added);
  if (!body.ok) return fail(c, body.error);
  const { email, ...rest } = body.value;
  const ids = await add(c, { emails: [email], ...rest }, () => "email");
  return ids.ok ? c.json(ids.value[0]) : fail(c, ids.error);
});

suppressions.post("/batch/add", async (c) => {
  const body = await bodyOf(c, batchAdded);
  if (!body.ok) return fail(c, body.error);
  const ids = await add(c, body.value, (index) => `emails.${index}`);
  return ids.ok ? c.json({ data: ids.value }) : fail(c, ids.error);
});

/** A complaint is answered as not deleted; the others are removed all the same. */
suppressions.post("/batch/remove", async (c) => {
  const services = c.get("services");
  const { scope } = c.get("caller");
  const body = await bodyOf(c, batchRemoved);
  if (!body.ok) return fail(c, body.error);
  const hashes = await hashesOf(body.value.emails ?? []);
  if (!hashes.ok) return fail(c, hashes.error);
  const ids = (body.value.ids ?? []).map((id) => id.toLowerCase());
  const { find, byId, remove, policy } = services.suppressions;
  const removed = await answered(services, async () => {
    const rows = await (ids.length > 0 ? byId(scope, ids) : find(scope, hashes.value));
    const there = rows.filter((row) => entryOf(row, policy, services.now()) !== null);
    const gone = there.filter((row) => row.complainedAt === 0);
    await remove(scope, gone);
    return { there, gone: new Set(gone) };
  });
  if (!removed.ok) return fail(c, removed.error);
  await tellOf(removedEvents(scope, [...removed.value.gone], services.now()), services.webhooks);
  const { there, gone } = removed.value;
  const told = (mine: readonly StoredSuppression[], id: string) => ({
    object: "suppression",
    id,
    deleted: mine.length > 0 && mine.every((row) => gone.has(row)),
  });
  const idOf = (row: StoredSuppression): string => suppressionId(row.hash, row.stream);
  const data =
    ids.length > 0
      ? ids.map((id) =>
          told(
            there.filter((row) => idOf(row) === id),
            id,
          ),
        )
      : hashes.value.map((hash) => {
          const mine = there.filter((row) => row.hash === hash);
          return told(mine, suppressionId(hash, mine[0]?.stream ?? ALL_STREAMS));
        });
  return c.json({ data });
});

suppressions.post("/lookup", async (c) => {
  const services = c.get("services");
  const { policy, find } = services.suppressions;
  const body = await bodyOf(c, lookedUp);
  if (!body.ok) return fail(c, body.error);
  const hashes = await hashesOf(body.value.emails);
  if (!hashes.ok) return fail(c, hashes.error);
  const rows = await answered(services, () => find(c.get("caller").scope, hashes.value));
  if (!rows.ok) return fail(c, rows.error);
  const byHash = Map.groupBy(rows.value, (row) => row.hash);
  const data = body.value.emails.map((email, index) => {
    const mine = byHash.get(hashes.value[index] ?? "") ?? [];
    const found = mine.map((row) => entryOf(row, policy, services.now()));
    const entries = found.filter((entry) => entry !== null);
    return { email, suppressed: entries.length > 0, suppressions: entries };
  });
  return c.json({ object: "list", has_more: false, data });
});

suppressions.post("/import", importCsv);
suppressions.get("/export", exportCsv);

suppressions.get("/", async (c) => {
  const services = c.get("services");
  const { scope } = c.get("caller");
  const { policy, placeOf, list } = services.suppressions;
  const page = parsePage(c, "a suppression");
  if (!page.ok) return fail(c, page.error);
  const origin = c.req.query("origin");
  if (origin !== undefined && !Object.hasOwn(ORIGINS, origin)) {
    const names = Object.keys(ORIGINS).join(", ");
    return fail(c, apiError("invalid_parameter", `\`origin\` is one of ${names}.`));
  }
  const reasons = origin === undefined ? null : ORIGINS[origin as keyof typeof ORIGINS];
  const { limit, after, before } = page.value;
  const read = await answered(services, async () =>
    list(scope, {
      limit: limit + 1,
      after: after === null ? null : await placeOf(scope, after),
      before: before === null ? null : await placeOf(scope, before),
      reasons: reasons ?? SUPPRESSION_REASONS,
    }),
  );
  if (!read.ok) return fail(c, read.error);
  const more = read.value.length > limit;
  const rows = before === null ? read.value.slice(0, limit) : read.value.slice(-limit);
  const data = rows.map((row) => entryOf(row, policy, services.now(), reasons));
  return c.json({ object: "list", has_more: more, data: data.filter((entry) => entry !== null) });
});

suppressions.get("/:name", async (c) => {
  const services = c.get("services");
  const rows = await rowsOf(c, c.req.param("name"));
  if (!rows.ok) return fail(c, rows.error);
  const [row] = rows.value;
  const entry = row && entryOf(row, services.suppressions.policy, services.now());
  return entry ? c.json({ object: "suppression", ...entry }) : fail(c, NOT_FOUND);
});

suppressions.delete("/:name", async (c) => {
  const services = c.get("services");
  const rows = await rowsOf(c, c.req.param("name"));
  if (!rows.ok) return fail(c, rows.error);
  const [first] = rows.value;
  if (first === undefined) return fail(c, NOT_FOUND);
  const complaint = rows.value.find((row) => row.complainedAt > 0);
  if (complaint !== undefined) {
    const id = suppressionId(complaint.hash, complaint.stream);
    const sentence =
      "A complaint cannot be removed: broadcasts stay blocked for good. To let transactional mail" +
      ` through, POST {"note": "..."} to /suppressions/${id}/override.`;
    return fail(c, apiError("complaint_stays", sentence));
  }
  const { scope } = c.get("caller");
  const removed = await answered(services, () => services.suppressions.remove(scope, rows.value));
  if (!removed.ok) return fail(c, removed.error);
  await tellOf(removedEvents(scope, rows.value, services.now()), services.webhooks);
  const id = suppressionId(first.hash, first.stream);
  return c.json({ object: "suppression", id, deleted: true });
});

/** Kept with who gave it, when and why; a later complaint ends it. */
suppressions.post("/:name/override", async (c) => {
  const services = c.get("services");
  const { policy, override } = services.suppressions;
  const { scope, id: by } = c.get("caller");
  const body = await bodyOf(c, overridden);
  if (!body.ok) return fail(c, body.error);
  const rows = await rowsOf(c, c.req.param("name"));
  if (!rows.ok) return fail(c, rows.error);
  const row = rows.value.find((one) => one.complainedAt > 0);
  if (row === undefined) {
    const sentence = "Only a complaint takes an override; DELETE removes any other suppression.";
    return fail(c, apiError("invalid_parameter", sentence));
  }
  const at = services.now();
  const given = await answered(services, () =>
    override(scope, row, { at, by, note: body.value.note }),
  );
  if (!given.ok) return fail(c, given.error);
  const entry = given.value && entryOf(given.value, policy, services.now());
  return entry ? c.json({ object: "suppression", ...entry }) : fail(c, NOT_FOUND);
});
