/**
 * The account's request rate. The limiter is asked while the body is still being read; `admit`
 * waits for its word before anything is accepted. A limiter that cannot be asked does not stop
 * mail.
 */
import type { MiddlewareHandler } from "hono";
import type { AppContext, AppEnv } from "./context.ts";
import { type ApiError, apiError } from "./errors.ts";

/** Asks the limiter without waiting for it. */
export const askRateLimit: MiddlewareHandler<AppEnv> = async (c, next) => {
  const services = c.get("services");
  const rate = services.takeRate(c.get("caller"));
  // Whoever answers before `admit` leaves this promise alone: its failure is not an unhandled one.
  rate.catch(() => {});
  c.set("rate", rate);
  return next();
};

/** Sets the rate headers; an error when the request is over the limit. */
export async function admit(c: AppContext): Promise<ApiError | null> {
  const rate = await c.get("rate").catch((error: unknown) => {
    c.get("services").log("limiter_unavailable", { reason: String(error) });
    return null;
  });
  if (rate === null) return null;
  const reset = Math.ceil(rate.resetMs / 1_000);
  c.header("ratelimit-limit", String(rate.limit));
  c.header("ratelimit-remaining", String(rate.remaining));
  c.header("ratelimit-reset", String(reset));
  c.header("RateLimit", `"account";r=${rate.remaining};t=${reset}`);
  c.header("RateLimit-Policy", `"account";q=${rate.limit};w=${Math.max(1, reset)}`);
  if (rate.allowed) return null;
  return apiError("rate_limit_exceeded", "Too many requests; slow down.", rate.retryAfterMs);
}
