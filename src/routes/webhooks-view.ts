/** Bodies of `/webhooks` as they come in and go out: Resend's fields, and Postern's beside them. */
import { z } from "zod";
import { checkPublicUrl } from "../core/public-url.ts";
import { err, ok, type Result } from "../core/result.ts";
import { type Delivery, type Endpoint, OUT_EVENT_TYPES, timeOfId } from "../core/webhook.ts";
import { readJson } from "../edge/body.ts";
import type { AppContext } from "../edge/context.ts";
import { type ApiError, apiError } from "../edge/errors.ts";
import { fieldError } from "../edge/validation.ts";

const events = z
  .array(z.enum(OUT_EVENT_TYPES, { error: "names an event that is not sent here" }))
  .max(OUT_EVENT_TYPES.length)
  .nullable();

/** Characters of an endpoint's URL: a notice of it has to fit into a payload. */
const URL_LENGTH_MAX = 2_048;

const url = z.string().max(URL_LENGTH_MAX);

export const createSchema = z.strictObject({ endpoint: url, events: events.optional() });

export const updateSchema = z.strictObject({
  endpoint: url.optional(),
  events: events.optional(),
  status: z.enum(["enabled", "disabled"]).optional(),
});

/** An earlier secret still signs for a day, unless it is said otherwise. */
const OVERLAP_HOURS = 24;
/** A week: a secret that leaked has to end. */
const OVERLAP_HOURS_MAX = 7 * 24;

export const rotateSchema = z.strictObject({
  /** 0: the earlier secret is of no use from now on. */
  overlap_hours: z.number().min(0).max(OVERLAP_HOURS_MAX).default(OVERLAP_HOURS),
});

const instant = z.iso.datetime({ offset: true });

export const replaySchema = z.strictObject({
  since: instant,
  until: instant.optional(),
  status: z.enum(["success", "failed"]).optional(),
  after: z.uuid().toLowerCase().optional(),
});

/** Reads a body; an empty one, which official clients send with some calls, counts as `{}`. */
export async function readBody<T>(
  c: AppContext,
  schema: z.ZodType<T>,
  mayBeEmpty = false,
): Promise<Result<T, ApiError>> {
  if (mayBeEmpty && (await isEmpty(c))) return ok(schema.parse({}));
  const body = await readJson(c);
  if (!body.ok) return body;
  const parsed = schema.safeParse(body.value.value);
  return parsed.success ? ok(parsed.data) : err(fieldError(parsed.error, body.value.value));
}

async function isEmpty(c: AppContext): Promise<boolean> {
  const length = c.req.header("content-length");
  return c.req.raw.body === null || length === "0";
}

/** Checks where an endpoint is to be. */
export function checkEndpoint(text: string, allowLocal: boolean): Result<string, ApiError> {
  const checked = checkPublicUrl(text, { allowLocal });
  if (checked.ok) return ok(checked.value.href);
  return err(apiError("invalid_parameter", `Invalid \`endpoint\` field: it ${checked.error}.`));
}

/** Events as they are kept: null for all of them, which an empty list means as well. */
export const eventsKept = (given: readonly string[] | null | undefined): string[] | null =>
  given === null || given === undefined || given.length === 0 ? null : [...new Set(given)];

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

/** An endpoint as lists show it. */
export function endpointLine(endpoint: Endpoint): object {
  return {
    id: endpoint.id,
    endpoint: endpoint.url,
    created_at: iso(endpoint.createdAt),
    status: endpoint.status,
    events: endpoint.events,
    disabled_reason: endpoint.disabledReason,
    disabled_at: iso(endpoint.disabledAt),
    failing_since: iso(endpoint.failingSince),
    last_success_at: iso(endpoint.lastSuccessAt),
  };
}

/** An endpoint with everything; `now` is Unix ms. */
export function endpointView(endpoint: Endpoint, secret: string, now: number): object {
  const earlier = endpoint.previous.map(([, until]) => until).filter((until) => until > now);
  return {
    object: "webhook",
    ...endpointLine(endpoint),
    signing_secret: secret,
    previous_secrets_until: earlier.map(iso),
    paused_until: endpoint.slowUntil > now ? iso(endpoint.slowUntil) : null,
  };
}

/** `attempting`: it has been tried and is tried again. */
const statusOf = ({ status, tries }: Pick<Delivery, "status" | "tries">): string =>
  status === "pending" && tries > 0 ? "attempting" : status;

/** A delivery as lists show it. */
export function deliveryLine(
  delivery: Pick<Delivery, "event" | "type" | "status" | "tries">,
): object {
  return {
    id: delivery.event,
    type: delivery.type,
    created_at: iso(timeOfId(delivery.event)),
    status: statusOf(delivery),
    attempts: delivery.tries,
  };
}

/** A delivery with what is sent. */
export function deliveryView(delivery: Delivery): object {
  return {
    object: "webhook_event",
    ...deliveryLine(delivery),
    next_attempt_at: iso(delivery.nextAt),
    payload: JSON.parse(delivery.payload) as unknown,
  };
}

/** One attempt of the log. */
export function attemptView(attempt: Delivery["attempts"][number]): object {
  return {
    id: attempt.id,
    http_status_code: attempt.status,
    response: attempt.response,
    sent_at: iso(attempt.at),
    duration_ms: attempt.ms,
    reason: attempt.reason === "" ? null : attempt.reason,
  };
}
