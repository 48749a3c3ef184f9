/**
 * `GET /health`: whether the Worker answers and its database does. Open, so it tells nothing else.
 */
import { Hono } from "hono";
import type { AppEnv } from "../edge/context.ts";

export const health = new Hono<AppEnv>();

health.get("/", async (c) => {
  const database = (await c.get("services").databaseAnswers()) ? "ok" : "unavailable";
  // Mail is accepted and sent without the database: then lists and searches lag.
  return c.json({ status: database === "ok" ? "ok" : "degraded", checks: { database } });
});
