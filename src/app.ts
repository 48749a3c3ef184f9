/** The HTTP side: middleware and routes in the order in which a request meets them. */
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import type { AppEnv, Services } from "./edge/context.ts";
import { apiError, fail } from "./edge/errors.ts";
import { apiKeys } from "./routes/api-keys.ts";
import { emails } from "./routes/emails.ts";
import { health } from "./routes/health.ts";
import { hooks } from "./routes/hooks.ts";
import { ledger } from "./routes/ledger.ts";
import { links } from "./routes/links.ts";
import { metrics } from "./routes/metrics.ts";
import { sources } from "./routes/sources.ts";
import { streams } from "./routes/streams.ts";
import { suppressions } from "./routes/suppressions.ts";
import { verificationJobs } from "./routes/verification-jobs.ts";
import { verifications } from "./routes/verifications.ts";
import { webhooks } from "./routes/webhooks.ts";

/** Builds the app, once per isolate; `services` makes of the environment what handlers may use. */
export function createApp<E extends object>(services: (env: E) => Services) {
  const app = new Hono<AppEnv & { Bindings: E }>();

  app.use(async (c, next) => {
    c.set("services", services(c.env as E));
    return next();
  });

  app.route("/emails", emails);
  app.route("/streams", streams);
  app.route("/sources", sources);
  app.route("/suppressions", suppressions);
  app.route("/verifications/jobs", verificationJobs);
  app.route("/verifications", verifications);
  app.route("/hooks", hooks);
  app.route("/ledger", ledger);
  app.route("/", links);
  app.route("/webhooks", webhooks);
  app.route("/api-keys", apiKeys);
  app.route("/health", health);
  app.route("/metrics", metrics);

  app.notFound((c) => {
    const there = app.routes.filter(
      (route) => route.method !== "ALL" && matches(route.path, c.req.path),
    );
    if (there.length === 0) return fail(c, apiError("not_found", "There is nothing at this path."));
    // RFC 9110 section 15.5.6: the answer says what the path does take.
    c.header("Allow", [...new Set(there.map((route) => route.method))].join(", "));
    return fail(c, apiError("method_not_allowed", "This path does not take this method."));
  });

  app.onError((error, c) => {
    if (error instanceof HTTPException && error.status < 500) {
      return fail(c, apiError("invalid_field", "The request cannot be read."));
    }
    // Only the error's kind: its text may quote what the client sent.
    services(c.env as E).log("request_failed", { kind: error.name, path: c.req.routePath });
    return fail(c, apiError("internal", "Something went wrong on our side."));
  });

  return app;
}

/** Whether a request's path fits a route's pattern, whose parameters each stand for one part. */
function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.replace(/\/$/, "").split("/");
  return (
    wanted.length === given.length &&
    wanted.every((part, index) => part.startsWith(":") || part === given[index])
  );
}
