/** What the watch over event feeds may use, and what it tells the operator's routes. */
import type { FeedPolicy } from "../core/feed.ts";
import { readId } from "../core/ids.ts";
import type { FillDeps } from "../feedback/fill.ts";
import { feedMetrics } from "../observe/metrics.ts";
import type { ObserveServices } from "../observe/ports.ts";
import type { FeedAction, WatchDeps } from "../observe/watchdog.ts";
import type { Provider } from "../providers/provider.ts";
import * as store from "../store/feeds.ts";
import type { Env } from "./bindings.ts";
import {
  HEALTH_MS,
  isolateOf,
  log,
  now,
  outside,
  providerOf,
  toJournal,
  within,
} from "./isolate.ts";
import { scopesOf } from "./terms.ts";

/** One question to a provider's records may take many calls, and nobody waits for it. */
const ASK_MS = 30_000;

/** When an alarm is due, as configured. */
export function feedPolicy(env: Env): FeedPolicy {
  const { floor_ms, factor } = isolateOf(env).config.feeds;
  return { floorMs: floor_ms, factor };
}

const isSource =
  (env: Env) =>
  (name: string): boolean =>
    Object.hasOwn(isolateOf(env).config.sources, name);

/** What the watchdog may use; `tell` passes its actions on, besides the log. */
export function watchServices(
  env: Env,
  tell: (actions: readonly FeedAction[]) => Promise<void> = async () => {},
): WatchDeps {
  return {
    now,
    policy: feedPolicy(env),
    isSource: isSource(env),
    feeds: () => store.readFeeds(env.DB),
    recordStop: (feed, fillFrom) => store.recordStop(env.DB, feed, fillFrom),
    recordResume: (feed, at) => store.recordResume(env.DB, feed, at),
    forgetNotice: (source, notice) => store.forgetNotice(env.DB, source, notice),
    tell,
    log,
  };
}

/** What filling gaps may use. */
export function fillServices(
  env: Env,
  provider: (name: string) => Pick<Provider, "eventsSince"> | null = (name) =>
    providerOf(env, name),
): Omit<FillDeps, "classify"> {
  const { config, signer } = isolateOf(env);
  const scopes = scopesOf(config);
  return {
    now,
    gaps: () => store.readFeeds(env.DB),
    ask: (source, since) => {
      const asked = isSource(env)(source) ? provider(source) : null;
      if (asked?.eventsSince === undefined) return null;
      const signal = AbortSignal.timeout(ASK_MS);
      return asked.eventsSince(since, { fetch: outside, now, signal });
    },
    accountOf: async ({ account, messageId }) => {
      const likely = account === undefined || account === "" ? scopes : [account];
      for (const scope of likely) {
        if ((await readId(await signer, scope, messageId)) !== null) return scope;
      }
      return null;
    },
    journal: toJournal(env),
    recordFill: async (gap, to, foreign) => {
      await store.recordFill(env.DB, gap, to, foreign);
    },
    log,
  };
}

/** What `GET /health` and `GET /metrics` read. */
export function observeServices(env: Env): ObserveServices {
  const feeds = async () => (await store.readFeeds(env.DB)).filter((f) => isSource(env)(f.source));
  return {
    feedHealth: async () => {
      try {
        const read = await within(feeds(), HEALTH_MS);
        return read.some(({ stoppedSince }) => stoppedSince > 0) ? "stopped" : "ok";
      } catch {
        return "unknown";
      }
    },
    metrics: {
      feeds: async () => feedMetrics(await within(feeds(), HEALTH_MS), now(), feedPolicy(env)),
    },
  };
}
