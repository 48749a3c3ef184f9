/**
 * `GET /streams`, `GET /streams/:name` and its `/log`: where each stream's reputation stands.
 * `POST /streams/:name/pause` and `/resume`: by hand.
 */
import { Hono } from "hono";
import { readScope, type Standing } from "../core/guard.ts";
import { authenticate } from "../edge/authenticate.ts";
import type { AppContext, AppEnv } from "../edge/context.ts";
import { apiError, fail } from "../edge/errors.ts";
import { readable } from "../edge/readable.ts";
import { guardOf } from "../feedback/follow.ts";
import { liftPauses } from "../feedback/reputation.ts";
import { logPage, standingView, worstOf } from "./guard-view.ts";

export const streams = new Hono<AppEnv>();

/** Sender domains that one answer shows, and a resume lifts: beyond any account's own. */
const DOMAINS_MAX = 500;

const NONE = apiError("not_found", "There is no stream of this name.");

const prefixOf = (c: AppContext, name: string): string =>
  `stream/${c.get("caller").scope}/${name}/`;

streams.get("/", authenticate("full_access"), async (c) => {
  const services = c.get("services");
  const prefix = `stream/${c.get("caller").scope}/`;
  const all = await readable(services, () => services.reputation.list(prefix, DOMAINS_MAX));
  if (!all.ok) return fail(c, all.error);
  const byStream = Map.groupBy(all.value, ({ scope }) => {
    const read = readScope(scope);
    return read?.kind === "stream" ? read.stream : "";
  });
  const data = services.streamNames().map((name) => {
    const mine = byStream.get(name) ?? [];
    const kind = services.stream(name)?.lane;
    return { object: "stream", name, kind, level: worstOf(mine), domains: mine.length };
  });
  return c.json({ object: "list", has_more: false, data });
});

streams.get("/:name", authenticate("full_access"), async (c) => {
  const services = c.get("services");
  const name = c.req.param("name");
  const stream = services.stream(name);
  if (stream === null) return fail(c, NONE);
  const { list, follow, windowHours } = services.reputation;
  const standings = await readable(services, () => list(prefixOf(c, name), DOMAINS_MAX));
  if (!standings.ok) return fail(c, standings.error);
  const domains = standings.value.flatMap((one) => {
    const scope = readScope(one.scope);
    if (scope?.kind !== "stream") return [];
    return [{ domain: scope.domain, ...standingView(one, follow.guard.policyOf(one.scope)) }];
  });
  const level = worstOf(standings.value);
  return c.json({
    ...{ object: "stream", name, kind: stream.lane, level, window_hours: windowHours, domains },
  });
});

streams.get("/:name/log", authenticate("full_access"), async (c) => {
  const name = c.req.param("name");
  return c.get("services").stream(name) === null ? fail(c, NONE) : logPage(c, prefixOf(c, name));
});

for (const verb of ["pause", "resume"] as const) {
  /**
   * Answered when every Outbox shard of the account has it: nothing of a paused stream is claimed
   * then. A resume ends the guard's pauses of the stream too, each into its probation.
   */
  streams.post(`/:name/${verb}`, authenticate("full_access"), async (c) => {
    const services = c.get("services");
    const name = c.req.param("name");
    if (services.stream(name) === null) return fail(c, NONE);
    await services.setPaused(c.get("caller").scope, name, verb === "pause");
    const lifted = verb === "resume" ? await lift(c, name) : [];
    if (lifted === null) {
      return fail(
        c,
        apiError(
          "unavailable",
          "The stream is resumed, but whether its reputation holds it cannot be read: repeat.",
          1_000,
        ),
      );
    }
    const answer = { object: "stream", name, paused: verb === "pause" };
    return c.json(lifted.length > 0 ? { ...answer, probation: lifted } : answer);
  });
}

/** The domains whose pauses this ended; null when the database does not answer. */
async function lift(c: AppContext, name: string): Promise<string[] | null> {
  const { reputation, log } = c.get("services");
  let standings: Standing[];
  try {
    standings = await reputation.list(prefixOf(c, name), DOMAINS_MAX);
    const actions = await liftPauses(standings, "key", guardOf(reputation.follow));
    return actions.flatMap(({ scope }) => {
      const read = readScope(scope);
      return read?.kind === "stream" ? [read.domain] : [];
    });
  } catch (error) {
    log("guard_not_lifted", { reason: String(error) });
    return null;
  }
}
