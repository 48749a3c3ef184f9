/** `GET /metrics`: figures for a scraper that presents the operator's key as a bearer token. */
import { Hono } from "hono";
import { authenticateAdmin } from "../edge/authenticate.ts";
import type { AppEnv } from "../edge/context.ts";
import { formatMetrics, METRICS_TYPE, readMetrics } from "../observe/metrics.ts";

export const metrics = new Hono<AppEnv>();

metrics.get("/", authenticateAdmin, async (c) => {
  const text = formatMetrics(await readMetrics(c.get("services").observe.metrics));
  return c.body(text, 200, { "Content-Type": METRICS_TYPE, "Cache-Control": "no-store" });
});
