/** What reports that come in by mail may use. */
import type { Config } from "../config.ts";
import { readId } from "../core/ids.ts";
import { readReturnPath } from "../core/return-path.ts";
import type { InboundDeps } from "../feedback/inbound/take.ts";
import type { Env } from "./bindings.ts";
import { toJournalAll } from "./hooks.ts";
import { isolateOf, log, now } from "./isolate.ts";
import { scopesOf } from "./terms.ts";

/** What the email handler may use. */
export function inboundServices(env: Env): InboundDeps {
  const { config, signer } = isolateOf(env);
  const sources = relaysOf(config);
  return {
    now,
    ofReturnPath: async (address) => {
      for (const source of sources) {
        const messageId = await readReturnPath(await signer, source, address);
        if (messageId !== null) return { source, messageId };
      }
      return null;
    },
    ofMessageId: async (messageId) => {
      const [source] = sources;
      if (source === undefined) return null;
      for (const scope of scopesOf(config)) {
        if ((await readId(await signer, scope, messageId)) !== null) return { source, messageId };
      }
      return null;
    },
    journal: (bodies) => toJournalAll(env, bodies),
    log,
  };
}

/**
 * The relays, those with a return path first: whose token is asked for, and to whom a complaint is
 * put down whose mail tells its id and not its return path.
 */
export function relaysOf({ sources }: Pick<Config, "sources">): string[] {
  const relays = Object.entries(sources).flatMap(([name, source]) =>
    source.provider === "smtp" ? [{ name, signs: source.return_path !== undefined }] : [],
  );
  const ordered = [...relays.filter(({ signs }) => signs), ...relays.filter(({ signs }) => !signs)];
  return ordered.map(({ name }) => name);
}
