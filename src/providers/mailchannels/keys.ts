/**
 * The public keys with which MailChannels signs, by the id in the signature. They are the same for
 * all its customers, and are asked for at its one public address, whatever a source's `base_url`.
 */
import { err, ok, type Result } from "../../core/result.ts";
import { discard, readAnswer, readJsonObject } from "../answer.ts";
import type { HookDeps, HookRefusal } from "../hooks.ts";

const KEYS_URL = "https://api.mailchannels.net/tx/v1/webhook/public-key";
/** MailChannels' are short words, such as `mckey`. */
const KEY_ID = /^[A-Za-z0-9_.-]{1,64}$/;
/** A key that is withdrawn is asked for again within an hour. */
const FRESH_FOR_MS = 3_600_000;
/** While MailChannels cannot be asked, a key that it has confirmed today goes on. */
const GOOD_FOR_MS = 86_400_000;
/** It changes its key rarely; the old and the new overlap. */
const KEYS_MAX = 8;
/**
 * Anybody may name a key: so many questions a minute are let through to MailChannels, and as many
 * of keys that it has confirmed before, which those who make ids up are not to use up.
 */
const LOOKUPS_MAX = 10;
const LOOKUPS_MS = 60_000;
/** Whoever posts waits meanwhile. */
const TIME_LIMIT_MS = 5_000;
/** An Ed25519 key with its id is under 200 bytes. */
const ANSWER_MAX_BYTES = 4_096;

type Asking = Pick<HookDeps, "now" | "fetch">;

/** Gives the key of an id (SPKI in base64): `bad_proof` when there is none, else `unavailable`. */
export type Keyring = (id: string, deps: Asking) => Promise<Result<string, HookRefusal>>;

/** Makes a keyring that remembers. What it holds is public and concerns no account. */
export function createKeyring(): Keyring {
  const known = new Map<string, { readonly key: string; readonly at: number }>();
  const asked = { strange: [] as number[], known: [] as number[] };

  return async (id, deps) => {
    const now = deps.now();
    const before = known.get(id);
    if (before !== undefined && now - before.at < FRESH_FOR_MS) return ok(before.key);
    const kind = before === undefined ? "strange" : "known";
    const lookups = asked[kind].filter((at) => now - at < LOOKUPS_MS);
    asked[kind] = lookups;
    const answer =
      lookups.length < LOOKUPS_MAX ? await lookUp(id, deps, () => lookups.push(now)) : UNAVAILABLE;
    if (answer.ok) {
      known.delete(id);
      known.set(id, { key: answer.value, at: now });
      for (const oldest of known.keys()) if (known.size > KEYS_MAX) known.delete(oldest);
      return answer;
    }
    if (answer.error.reason === "bad_proof") known.delete(id);
    const good = before !== undefined && now - before.at < GOOD_FOR_MS;
    return good && answer.error.reason === "unavailable" ? ok(before.key) : answer;
  };
}

const UNAVAILABLE = err<HookRefusal>({
  reason: "unavailable",
  text: "MailChannels' key cannot be had now",
});
const NO_KEY = err<HookRefusal>({ reason: "bad_proof", text: "MailChannels has no such key" });

async function lookUp(
  id: string,
  deps: Asking,
  count: () => void,
): Promise<Result<string, HookRefusal>> {
  if (!KEY_ID.test(id)) return NO_KEY;
  count();
  try {
    const response = await deps.fetch(`${KEYS_URL}?id=${encodeURIComponent(id)}`, {
      headers: { Accept: "application/json" },
      // A key from elsewhere would prove nothing.
      redirect: "manual",
      signal: AbortSignal.timeout(TIME_LIMIT_MS),
    });
    if (response.status !== 200) {
      discard(response.body);
      return response.status === 400 || response.status === 404 ? NO_KEY : UNAVAILABLE;
    }
    const answer = await readAnswer(response, ANSWER_MAX_BYTES);
    const json = answer.ok ? readJsonObject(answer.value) : null;
    return json?.id === id && typeof json.key === "string" ? ok(json.key) : UNAVAILABLE;
  } catch {
    return UNAVAILABLE;
  }
}
