/**
 * `POST|GET /api-keys`, `DELETE /api-keys/:id`: the operator's. A key is shown once, when it is
 * made.
 */
import { Hono } from "hono";
import { z } from "zod";
import { mintApiKey } from "../core/api-key.ts";
import { sha256Hex } from "../core/signer.ts";
import { authenticateAdmin } from "../edge/authenticate.ts";
import { readJson } from "../edge/body.ts";
import type { AppEnv } from "../edge/context.ts";
import { apiError, fail } from "../edge/errors.ts";
import { fieldError } from "../edge/validation.ts";

const schema = z.strictObject({
  name: z.string().min(1).max(50),
  account: z.string().default("default"),
  mode: z.enum(["test", "live"]).default("live"),
  permission: z.enum(["full_access", "sending_access"]).default("full_access"),
});

export const apiKeys = new Hono<AppEnv>();

apiKeys.use(authenticateAdmin);

apiKeys.post("/", async (c) => {
  const services = c.get("services");
  const body = await readJson(c);
  if (!body.ok) return fail(c, body.error);
  const input = schema.safeParse(body.value.value);
  if (!input.success) return fail(c, fieldError(input.error, body.value.value));
  const { account, mode } = input.data;
  if (!services.accountExists(account)) {
    return fail(c, apiError("invalid_parameter", "This account is not in the configuration."));
  }
  const token = await mintApiKey(await services.signer(), mode, services.random);
  const id = services.uuid();
  const key = { ...input.data, id, created_at: services.now() };
  await services.insertApiKey(await sha256Hex(token), key);
  return c.json({ id, token }, 201);
});

apiKeys.get("/", async (c) => {
  const keys = await c.get("services").listApiKeys();
  const data = keys.map((key) => ({ ...key, created_at: new Date(key.created_at).toISOString() }));
  return c.json({ object: "list", has_more: false, data });
});

apiKeys.delete("/:id", async (c) => {
  const id = c.req.param("id");
  if (!(await c.get("services").deleteApiKey(id))) {
    return fail(c, apiError("not_found", "There is no API key with this id."));
  }
  return c.json({ object: "api_key", id, deleted: true });
});
