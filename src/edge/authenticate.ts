/** Who is calling: `Authorization: Bearer <key>`. Garbage is refused without any I/O. */
import type { MiddlewareHandler } from "hono";
import { type ApiKey, type Permission, parseApiKey } from "../core/api-key.ts";
import { ok, type Result } from "../core/result.ts";
import { constantTimeEqual } from "../core/signer.ts";
import type { AppEnv, Services } from "./context.ts";
import { apiError, fail } from "./errors.ts";

const BEARER = /^Bearer +(\S+)$/i;

const MISSING = apiError(
  "missing_api_key",
  "Missing API key in the Authorization header: send `Authorization: Bearer post_...`.",
);

const INVALID = apiError("invalid_api_key", "The API key is not valid.");

/** Lets a request pass whose key exists and has the permission that the route asks for. */
export function authenticate(needed: Permission): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const token = BEARER.exec(c.req.header("authorization") ?? "")?.[1];
    if (token === undefined) return fail(c, MISSING);
    const services = c.get("services");
    const found = await find(services, token);
    if (!found.ok) {
      return fail(
        c,
        apiError(
          "unavailable",
          "API keys cannot be read at the moment; repeat the request.",
          1_000,
        ),
      );
    }
    if (found.value === null) return fail(c, INVALID);
    const key = found.value;
    if (needed === "full_access" && key.permission !== "full_access") {
      return fail(c, apiError("restricted_api_key", "This API key may only send email."));
    }
    c.set("caller", { ...key, scope: services.scopeOf(key.account, key.mode) });
    return next();
  };
}

/** Garbage ends at the checksum; null when there is no such key. */
async function find(services: Services, token: string): Promise<Result<ApiKey | null, string>> {
  const known = services.knownApiKey(token);
  if (known !== undefined) return ok(known);
  const parsed = await parseApiKey(await services.signer(), token);
  return parsed.ok ? services.findApiKey(token) : ok(null);
}

/** Lets only the operator's key pass. */
export const authenticateAdmin: MiddlewareHandler<AppEnv> = async (c, next) => {
  const token = BEARER.exec(c.req.header("authorization") ?? "")?.[1];
  if (token === undefined) return fail(c, MISSING);
  if (!constantTimeEqual(token, c.get("services").adminKey)) {
    return fail(c, apiError("invalid_api_key", "This route takes the operator's key."));
  }
  return next();
};
