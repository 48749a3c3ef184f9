/** What `POST /hooks/:source` may use. */
import { type JournalBody, jsonBytes } from "../core/custody.ts";
import { err, type Result } from "../core/result.ts";
import type { HookServices, HookSource } from "../feedback/hook.ts";
import type { HookKeys, HookRefusal } from "../providers/hooks.ts";
import { receive } from "../providers/receive.ts";
import { hooksOf, type SourceSettings } from "../providers/registry.ts";
import type { WebhookSettings } from "../providers/settings.ts";
import type { Env } from "./bindings.ts";
import { isolateOf, log, now, outside, secretOf } from "./isolate.ts";

/** A queue takes this much in one call: 100 messages or 256 KB, of which the frames take some. */
const SEND_MAX_BYTES = 240_000;
const SEND_MAX_MESSAGES = 100;

/** A subscription's URL answers in time or the provider asks again. */
const CONFIRM_MS = 5_000;

/** What the webhooks of providers may use. */
export function hookServices(env: Env): HookServices {
  const made = new Map<string, HookSource | null>();
  return {
    source: (name) => {
      const known = made.get(name);
      if (known !== undefined) return known;
      const { sources } = isolateOf(env).config;
      // A name that is not configured is not remembered: there is no end of them.
      const settings = Object.hasOwn(sources, name) ? sources[name] : undefined;
      if (settings === undefined) return null;
      const source = sourceOf(env, settings);
      made.set(name, source);
      return source;
    },
    hook: {
      now,
      journal: (bodies) => toJournalAll(env, bodies),
      confirm: async (url) => {
        const answer = await outside(url, {
          redirect: "manual",
          signal: AbortSignal.timeout(CONFIRM_MS),
        });
        await answer.body?.cancel();
        return answer.ok;
      },
      log,
    },
  };
}

/**
 * The object that remembers the tokens of a provider's webhooks: one for all of its sources, which
 * may have the same key, so that a proof seen at one is of no use at another. No source has a slash
 * in its name.
 */
const witnessOf = (provider: string): string => `hooks/${provider}`;

function sourceOf(env: Env, settings: SourceSettings): HookSource | null {
  const hooks = hooksOf(settings.provider);
  if (hooks === null) return null;
  const { webhook } = settings as { readonly webhook?: WebhookSettings };
  const unset = unsetIn(env, webhook);
  const keys = keysOf(env, webhook);
  // An object's stub is of the request that made it: another one's use of it is refused.
  const object = () =>
    env.SOURCE.getByName(witnessOf(settings.provider)) as unknown as {
      witness(token: string, digest: string, forMs: number): Promise<boolean>;
    };
  return {
    bytesMax: hooks.bytesMax,
    stopStatus: hooks.stopStatus ?? 400,
    receive: async (request) =>
      unset === null
        ? receive(hooks, keys, request, {
            now,
            fetch: outside,
            once: (token, digest, forMs) => object().witness(token, digest, forMs),
          })
        : refuseWithout(unset),
  };
}

/** The log names the secret; strangers are told only that one is missing. */
function refuseWithout(secret: string): Result<never, HookRefusal> {
  log("hook_secret_not_set", { secret });
  return err({ reason: "not_configured", text: "a secret of this source's webhook is not set" });
}

/**
 * A secret without which a check that is configured could not be made; null when there is none. Of
 * several names for one purpose one is enough: the others are on their way in or out.
 */
function unsetIn(env: Env, webhook: WebhookSettings | undefined): string | null {
  const lists = [webhook?.basic, webhook?.bearer, webhook?.signing, webhook?.header?.secrets];
  for (const names of lists) {
    const [first] = names ?? [];
    const isSet = (name: string): boolean => secretOf(env, name) !== null;
    if (first !== undefined && !names?.some(isSet)) return first;
  }
  return null;
}

/** The values of the secrets that are set; one that is not set proves nothing. */
function keysOf(env: Env, webhook: WebhookSettings | undefined): HookKeys {
  const values = (names: readonly string[] = []): string[] =>
    names.flatMap((name) => secretOf(env, name) ?? []);
  const header = webhook?.header;
  return {
    basic: values(webhook?.basic),
    bearer: values(webhook?.bearer),
    header: header === undefined ? null : { name: header.name, values: values(header.secrets) },
    signing: values(webhook?.signing),
    topics: webhook?.topics ?? [],
    handles: webhook?.handles ?? [],
  };
}

/** One call for what a call takes, which is nearly always all of it. */
export async function toJournalAll(env: Env, bodies: readonly JournalBody[]): Promise<void> {
  let group: { body: JournalBody; contentType: "json" }[] = [];
  let size = 0;
  for (const body of bodies) {
    const bytes = jsonBytes(body);
    if (group.length > 0 && (size + bytes > SEND_MAX_BYTES || group.length >= SEND_MAX_MESSAGES)) {
      await env.JOURNAL.sendBatch(group);
      group = [];
      size = 0;
    }
    group.push({ body, contentType: "json" });
    size += bytes;
  }
  if (group.length > 0) await env.JOURNAL.sendBatch(group);
}
