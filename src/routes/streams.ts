/** `POST /streams/:name/pause` and `/resume`. */
import { Hono } from "hono";
import { authenticate } from "../edge/authenticate.ts";
import type { AppEnv } from "../edge/context.ts";
import { apiError, fail } from "../edge/errors.ts";

export const streams = new Hono<AppEnv>();

for (const verb of ["pause", "resume"] as const) {
  /**
   * Answered when every Outbox shard of the account has it: nothing of a paused stream is claimed
   * then.
   */
  streams.post(`/:name/${verb}`, authenticate("full_access"), async (c) => {
    const services = c.get("services");
    const name = c.req.param("name");
    if (services.stream(name) === null) {
      return fail(c, apiError("not_found", "There is no stream of this name."));
    }
    await services.setPaused(c.get("caller").scope, name, verb === "pause");
    return c.json({ object: "stream", name, paused: verb === "pause" });
  });
}
