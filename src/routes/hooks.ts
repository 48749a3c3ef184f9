/** `POST /hooks/:source`: what providers report. Each proves itself as its source is configured. */
import { Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { readBytes } from "../edge/body.ts";
import type { AppEnv } from "../edge/context.ts";
import { apiError, type ErrorCode, fail } from "../edge/errors.ts";
import { takeHook } from "../feedback/hook.ts";
import type { HookRefusal } from "../providers/hooks.ts";

export const hooks = new Hono<AppEnv>();

/**
 * The answer to each refusal. 401 and never 403 for a failed proof: Postmark stops for good at 403,
 * and a wrong secret is put right sooner or later, while the provider repeats.
 */
const ANSWERS: Readonly<Record<HookRefusal["reason"], ErrorCode>> = {
  not_configured: "invalid_signature",
  missing_proof: "invalid_signature",
  bad_proof: "invalid_signature",
  stale: "invalid_signature",
  replayed: "invalid_signature",
  malformed: "invalid_field",
  too_large: "payload_too_large",
  unavailable: "unavailable",
};

/** What proves a provider may be fetched again soon. */
const RETRY_MS = 5_000;

hooks.post("/:source", async (c) => {
  const { hooks: services } = c.get("services");
  const name = c.req.param("source");
  const source = services.source(name);
  if (source === null) return fail(c, apiError("not_found", "There is no source of this name."));
  const body = await readBytes(c, source.bytesMax);
  if (!body.ok) return fail(c, body.error);
  const request = { headers: c.req.raw.headers, body: body.value };
  const taken = await takeHook(name, source, request, services.hook);
  if (taken.ok) return c.json({ object: "hook", source: name, ...taken.value });
  const { reason, text } = taken.error;
  const code = ANSWERS[reason];
  if (reason === "malformed") {
    const { message } = apiError(code, `The request cannot be read: ${text}.`);
    const status = source.stopStatus as ContentfulStatusCode;
    return c.json({ statusCode: status, name: "validation_error", message }, status);
  }
  const retryAfterMs = reason === "unavailable" ? RETRY_MS : undefined;
  return fail(c, apiError(code, `The webhook is refused: ${text}.`, retryAfterMs));
});

/** Some providers ask whether the address answers before they use it. */
hooks.get("/:source", (c) => {
  const { hooks: services } = c.get("services");
  const source = services.source(c.req.param("source"));
  if (source === null) return fail(c, apiError("not_found", "There is no source of this name."));
  return c.json({ object: "hook", source: c.req.param("source") });
});
