/** `POST /emails`, `POST /emails/batch`, `GET /emails`, `GET /emails/:id`. */
import { Hono } from "hono";
import { readId } from "../core/ids.ts";
import { UNSUBSCRIBE_MARK } from "../core/links.ts";
import { err, ok, type Result } from "../core/result.ts";
import { sha256Hex } from "../core/signer.ts";
import {
  type AcceptCommand,
  type AcceptFailure,
  accept,
  type Message,
  replayed,
} from "../deliver/accept.ts";
import { authenticate } from "../edge/authenticate.ts";
import { readJson } from "../edge/body.ts";
import type { AppContext, AppEnv } from "../edge/context.ts";
import { type ApiError, apiError, fail } from "../edge/errors.ts";
import { admit, askRateLimit } from "../edge/rate-limit.ts";
import { readable } from "../edge/readable.ts";
import { attachmentsOf } from "./attachments.ts";
import { type Checked, gate } from "./emails-gate.ts";
import { readEmail, readEmails } from "./emails-read.ts";
import { type EmailInput, messageOf, parseEmail, type Terms } from "./emails-schema.ts";
import { parsePage } from "./page.ts";

/** Emails in one batch, as the dialect has it. */
const BATCH_MAX = 100;

/** Characters of an idempotency key. */
const KEY_MAX = 256;

export const emails = new Hono<AppEnv>();

emails.post("/", authenticate("sending_access"), askRateLimit, async (c) => {
  const body = await readJson(c);
  const limited = await admit(c);
  if (limited !== null) return fail(c, limited);
  if (!body.ok) return fail(c, body.error);
  const checked = await check(c, body.value.value);
  if (!checked.ok) return fail(c, checked.error);
  const [refused] = await gate(c, [checked.value]);
  if (refused) return earlierOr(c, body.value.text, () => fail(c, refused));
  return take(c, [checked.value.message], body.value.text, ([id]) => JSON.stringify({ id }));
});

emails.post("/batch", authenticate("sending_access"), askRateLimit, async (c) => {
  const body = await readJson(c);
  const limited = await admit(c);
  if (limited !== null) return fail(c, limited);
  if (!body.ok) return fail(c, body.error);
  const inputs = body.value.value;
  if (!Array.isArray(inputs) || inputs.length === 0 || inputs.length > BATCH_MAX) {
    const sentence = `A batch is an array of 1 to ${BATCH_MAX} emails.`;
    return fail(c, apiError("invalid_parameter", sentence));
  }
  const permissive = c.req.header("x-batch-validation")?.toLowerCase() === "permissive";
  const checked: (Checked & { readonly index: number })[] = [];
  const errors: { index: number; message: string }[] = [];
  const inEmail = (index: number, error: ApiError): ApiError => ({
    ...error,
    message: `Email ${index}: ${error.message}`,
  });
  for (const [index, input] of inputs.entries()) {
    const one = await check(c, input);
    if (one.ok) checked.push({ ...one.value, index });
    else if (permissive) errors.push({ index, message: one.error.message });
    else return fail(c, inEmail(index, one.error));
  }
  const messages: Message[] = [];
  for (const [place, refused] of (await gate(c, checked)).entries()) {
    const one = checked[place];
    if (one === undefined) continue;
    if (refused === null) messages.push(one.message);
    else if (permissive) errors.push({ index: one.index, message: refused.message });
    else return earlierOr(c, body.value.text, () => fail(c, inEmail(one.index, refused)));
  }
  errors.sort((a, b) => a.index - b.index);
  if (messages.length === 0) {
    return earlierOr(c, body.value.text, () => c.json({ data: [], errors }));
  }
  return take(c, messages, body.value.text, (ids) =>
    JSON.stringify({ data: ids.map((id) => ({ id })), ...(permissive ? { errors } : {}) }),
  );
});

emails.get("/", authenticate("full_access"), async (c) => {
  const page = parsePage(c);
  if (!page.ok) return fail(c, page.error);
  const list = await readable(c.get("services"), () => readEmails(c, page.value));
  return list.ok ? c.json(list.value) : fail(c, list.error);
});

emails.get("/:id", authenticate("full_access"), async (c) => {
  const { scope } = c.get("caller");
  const id = c.req.param("id").toLowerCase();
  const read = await readId(await c.get("services").signer(), scope, id);
  const email =
    read === null ? ok(null) : await readEmail(c, { account: scope, shard: read.shard }, id);
  if (!email.ok) return fail(c, email.error);
  if (email.value === null)
    return fail(c, apiError("not_found", "There is no email with this id."));
  return c.json(email.value);
});

/** What providers reported, as they sent it: bounces, complaints, whatever is no plain success. */
emails.get("/:id/events", authenticate("full_access"), async (c) => {
  const services = c.get("services");
  const { scope } = c.get("caller");
  const id = c.req.param("id").toLowerCase();
  if ((await readId(await services.signer(), scope, id)) === null) {
    return fail(c, apiError("not_found", "There is no email with this id."));
  }
  const read = await readable(services, () => services.readRawEvents(scope, id));
  if (!read.ok) return fail(c, read.error);
  const data = read.value.map(({ no, at, ...event }) => ({
    ...event,
    recipient_no: no,
    at: new Date(at).toISOString(),
  }));
  return c.json({ object: "list", has_more: false, data });
});

async function check(c: AppContext, value: unknown): Promise<Result<Checked, ApiError>> {
  const input = parseEmail(value);
  if (!input.ok) return input;
  const message = await toMessage(c, input.value);
  if (!message.ok) return message;
  const verify = input.value.verify ?? c.get("services").verify.modeOf(message.value.stream.name);
  return ok({ message: message.value, verify });
}

async function toMessage(c: AppContext, input: EmailInput): Promise<Result<Message, ApiError>> {
  const services = c.get("services");
  const { account, mode } = c.get("caller");
  const terms: Terms = {
    now: services.now(),
    stream: services.stream,
    streamNames: services.streamNames,
    domains: mode === "test" ? null : services.domainsOf(account),
  };
  // Everything else is checked before anything is fetched.
  const bare = messageOf(input, [], terms);
  const given = input.attachments ?? [];
  if (!bare.ok || given.length === 0) return bare;
  const attachments = await attachmentsOf(given, services.fetch);
  return attachments.ok ? messageOf(input, attachments.value, terms) : attachments;
}

/** Hands messages to the Outbox and answers what it says. */
async function take(
  c: AppContext,
  messages: readonly Message[],
  text: string,
  respond: (ids: readonly string[]) => string,
): Promise<Response> {
  const request = await requestOf(c, text);
  if (!request.ok) return fail(c, request.error);
  const services = c.get("services");
  const { origin } = new URL(c.req.url);
  const linkBase = (fromDomain: string) => services.links.base(fromDomain, origin);
  const command = { ...request.value, messages, linkBase, respond };
  return answered(c, await accept(command, services.accept));
}

/**
 * The answer of the request that this one repeats, where there was one; else `refuse`: what was
 * accepted once is not refused because its recipient has gone since.
 */
async function earlierOr(c: AppContext, text: string, refuse: () => Response): Promise<Response> {
  const request = await requestOf(c, text);
  if (!request.ok) return fail(c, request.error);
  const earlier = await replayed(request.value, c.get("services").accept);
  return earlier === null ? refuse() : answered(c, earlier);
}

function answered(c: AppContext, answer: Result<string, AcceptFailure>): Response {
  if (!answer.ok) return fail(c, refusal(answer.error));
  return c.body(answer.value, 200, { "Content-Type": "application/json" });
}

/** Whose request it is, and what tells its repeats. */
async function requestOf(
  c: AppContext,
  text: string,
): Promise<Result<Pick<AcceptCommand, "account" | "shards" | "idempotency">, ApiError>> {
  const key = idempotencyKey(c);
  if (!key.ok) return key;
  const { account, scope } = c.get("caller");
  const shards = c.get("services").shardsOf(account);
  if (key.value === null) return ok({ account: scope, shards, idempotency: null });
  const digest = await sha256Hex(`${c.req.path}\n${text}`);
  return ok({ account: scope, shards, idempotency: { key: key.value, digest } });
}

/** `Idempotency-Key`, bare or quoted as a structured field (RFC 8941 section 3.3.3). */
function idempotencyKey(c: AppContext): Result<string | null, ApiError> {
  const header = c.req.header("idempotency-key");
  if (header === undefined) return ok(null);
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header;
  if (key.length >= 1 && key.length <= KEY_MAX) return ok(key);
  const sentence = `An idempotency key has 1 to ${KEY_MAX} characters.`;
  return err(apiError("invalid_idempotency_key", sentence));
}

function refusal(failure: AcceptFailure): ApiError {
  switch (failure.code) {
    case "other_request_under_key":
      return apiError(
        "invalid_idempotent_request",
        "This idempotency key was used with another request in the last 24 hours.",
      );
    case "outbox_full":
      return apiError(
        "outbox_full",
        "Too much mail is waiting already; nothing of this request was accepted.",
        failure.retryAfterMs,
      );
    case "outbox_unclear":
      return apiError(
        "unavailable",
        "It is not clear whether the request was accepted; repeat it with its idempotency key.",
        1_000,
      );
    case "head_too_large":
      return apiError(
        "payload_too_large",
        "Recipients, subject and tags of an email are too large: together they take 40 KB at most.",
      );
    case "no_unsubscribe_link":
      return apiError(
        "invalid_parameter",
        `\`${UNSUBSCRIBE_MARK}\` takes an email to one recipient, and a host for its links.`,
      );
    case "storage_unavailable":
      return apiError(
        "unavailable",
        "Storage does not answer; nothing was accepted. Repeat it.",
        1_000,
      );
  }
}
