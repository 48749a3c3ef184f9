/** `POST /verifications`, `POST /verifications/batch`: should mail be sent to these addresses? */
import { Hono } from "hono";
import { z } from "zod";
import { err, ok, type Result } from "../core/result.ts";
import { authenticate } from "../edge/authenticate.ts";
import { readJson } from "../edge/body.ts";
import type { AppContext, AppEnv } from "../edge/context.ts";
import { type ApiError, fail } from "../edge/errors.ts";
import { admit, askRateLimit } from "../edge/rate-limit.ts";
import { fieldError } from "../edge/validation.ts";
import { verify } from "../verify/pipeline.ts";
import type { Verification } from "../verify/verdict.ts";

/** As many as a batch of emails has; more of them are a job. */
const BATCH_MAX = 100;

/** Characters of one input: four times the longest address (RFC 5321 section 4.5.3.1.3). */
const INPUT_MAX = 1_024;

const input = z.string().max(INPUT_MAX);
const options = {
  /** Whether the mailbox itself is asked for, where a backend is configured. */
  probe: z.boolean().default(true),
  /** Whether SPF and DMARC of the domain are told. */
  policy: z.boolean().default(true),
};
const single = z.strictObject({ email: input, ...options });
const batch = z.strictObject({ emails: z.array(input).min(1).max(BATCH_MAX), ...options });

export const verifications = new Hono<AppEnv>();

verifications.post("/", authenticate("full_access"), askRateLimit, async (c) => {
  const body = await bodyOf(c, single);
  if (!body.ok) return fail(c, body.error);
  const { email, ...ask } = body.value;
  const [verdict] = await verdictsOf(c, [email], ask);
  return c.json(verdict);
});

/** Answers in the order of the request; an address that stands twice is answered twice. */
verifications.post("/batch", authenticate("full_access"), askRateLimit, async (c) => {
  const body = await bodyOf(c, batch);
  if (!body.ok) return fail(c, body.error);
  const { emails, ...ask } = body.value;
  return c.json({ object: "list", data: await verdictsOf(c, emails, ask) });
});

async function bodyOf<T>(c: AppContext, schema: z.ZodType<T>): Promise<Result<T, ApiError>> {
  const body = await readJson(c);
  const limited = await admit(c);
  if (limited !== null) return err(limited);
  if (!body.ok) return body;
  const parsed = schema.safeParse(body.value.value);
  return parsed.success ? ok(parsed.data) : err(fieldError(parsed.error, body.value.value));
}

function verdictsOf(
  c: AppContext,
  inputs: readonly string[],
  ask: { readonly probe: boolean; readonly policy: boolean },
): Promise<Verification[]> {
  const { scope } = c.get("caller");
  const { verify: deps } = c.get("services").verify.gate(scope);
  return verify(scope, inputs, { ...ask, lookup: true }, deps);
}
