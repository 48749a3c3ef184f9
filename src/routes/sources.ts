/**
 * `GET /sources`, `GET /sources/:name/log`, `POST /sources/:name/resume`: the operator's. A source
 * is shared by all accounts, so no account sees or lifts what the guard does to it.
 */
import { Hono } from "hono";
import { scopeKey } from "../core/guard.ts";
import { authenticateAdmin } from "../edge/authenticate.ts";
import type { AppContext, AppEnv } from "../edge/context.ts";
import { apiError, fail } from "../edge/errors.ts";
import { readable } from "../edge/readable.ts";
import { guardOf } from "../feedback/follow.ts";
import { liftPauses } from "../feedback/reputation.ts";
import { logPage, standingView } from "./guard-view.ts";

export const sources = new Hono<AppEnv>();

sources.use(authenticateAdmin);

const scopeOf = (source: string): string => scopeKey({ kind: "source", source });

sources.get("/", async (c) => {
  const services = c.get("services");
  const { follow, windowHours, sources: all } = services.reputation;
  const { guard } = follow;
  const names = all().map(({ name }) => scopeOf(name));
  const standings = await readable(services, () => guard.standings(names));
  if (!standings.ok) return fail(c, standings.error);
  const data = all().flatMap(({ name, provider }) => {
    const scope = scopeOf(name);
    const found = standings.value.find((one) => one.scope === scope);
    if (found === undefined) return [];
    return [{ object: "source", name, provider, ...standingView(found, guard.policyOf(scope)) }];
  });
  return c.json({ object: "list", window_hours: windowHours, data });
});

const known = (c: AppContext): string | null => {
  const name = c.req.param("name");
  return (
    c
      .get("services")
      .reputation.sources()
      .find((one) => one.name === name)?.name ?? null
  );
};

const NONE = apiError("not_found", "There is no source of this name.");

sources.get("/:name/log", async (c) => {
  const name = known(c);
  return name === null ? fail(c, NONE) : logPage(c, scopeOf(name));
});

/** Ends a pause into probation; where there is none, it changes nothing. */
sources.post("/:name/resume", async (c) => {
  const name = known(c);
  if (name === null) return fail(c, NONE);
  const services = c.get("services");
  const guard = guardOf(services.reputation.follow);
  const scope = scopeOf(name);
  const lifted = await readable(services, async () => {
    await liftPauses(await guard.standings([scope]), "operator", guard);
    return guard.standings([scope]);
  });
  if (!lifted.ok) return fail(c, lifted.error);
  const level = lifted.value[0]?.state?.level ?? "normal";
  return c.json({ object: "source", name, level });
});
