/** What the consumer of Cloudflare Email Service's events may use. */
import type { Config } from "../config.ts";
import type { EventQueueDeps } from "../feedback/event-queue.ts";
import { readEvent } from "../providers/cloudflare/events.ts";
import type { Env } from "./bindings.ts";
import { toJournalAll } from "./hooks.ts";
import { isolateOf, log, now } from "./isolate.ts";

/** The source under which events are kept when none of this provider is configured. */
const UNCONFIGURED = "cloudflare";

/** What the events' consumer may use. */
export function eventServices(env: Env): EventQueueDeps {
  const { config } = isolateOf(env);
  return {
    now,
    read: (body) => {
      const { domain, events, unknown } = readEvent(body);
      const sources = cloudflareSources(config, domain);
      if (sources.length > 0) return { events, unknown, sources };
      // Nobody's mail: kept as it came, so that a source that is missing is noticed.
      const strange = events.map(({ raw, type }) => ({ type, raw }));
      return { events: [], unknown: [...strange, ...unknown], sources: [UNCONFIGURED] };
    },
    journal: (bodies) => toJournalAll(env, bodies),
    log,
  };
}

/**
 * The sources that an event of a sending domain may be of: those that name the domain, else those
 * that name none.
 */
export function cloudflareSources({ sources }: Pick<Config, "sources">, domain: string): string[] {
  const all = Object.entries(sources).flatMap(([name, source]) =>
    source.provider === "cloudflare" ? [{ name, domains: source.domains }] : [],
  );
  const naming = all.filter(({ domains }) => domains.includes(domain));
  const silent = all.filter(({ domains }) => domains.length === 0);
  return (naming.length > 0 ? naming : silent).map(({ name }) => name);
}
