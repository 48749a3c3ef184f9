/**
 * `GET /health`: whether the Worker answers, its database does, and events of sources come. Open,
 * so it tells nothing else, and no names.
 */
import { Hono } from "hono";
import type { AppEnv } from "../edge/context.ts";

export const health = new Hono<AppEnv>();

health.get("/", async (c) => {
  const services = c.get("services");
  const [answers, event_feeds] = await Promise.all([
    services.databaseAnswers(),
    services.observe.feedHealth(),
  ]);
  const database = answers ? "ok" : "unavailable";
  // Mail is accepted and sent without the database: then lists and searches lag.
  const status = answers && event_feeds === "ok" ? "ok" : "degraded";
  return c.json({ status, checks: { database, event_feeds } });
});
