/**
 * A webhook's request: credentials -> the provider's own signature -> reading. Whatever is
 * configured has to hold, and something has to be configured.
 */
import { err, ok, type Result } from "../core/result.ts";
import { constantTimeEqual } from "../core/signer.ts";
import type { HookDeps, HookKeys, HookReading, HookRefusal, HookRequest, Hooks } from "./hooks.ts";

/**
 * Events of one request: SparkPost sends 350, Brevo 500; SendGrid's 768 KB hold some 2,000. More
 * is none of them.
 */
export const EVENTS_MAX = 5_000;

/** Levels of nesting in a JSON body: no provider's event has more than eight. */
const DEPTH_MAX = 32;

const refuse = (reason: HookRefusal["reason"], text: string): Result<never, HookRefusal> =>
  err({ reason, text });

/** Decides whether a request is believed, and reads it. An oversized one is not even proved. */
export async function receive(
  hooks: Hooks,
  keys: HookKeys,
  request: HookRequest,
  deps: HookDeps,
): Promise<Result<HookReading, HookRefusal>> {
  const { bytesMax } = hooks;
  if (request.body.byteLength > bytesMax) return refuse("too_large", `over ${bytesMax} bytes`);
  const believed = await believe(hooks, keys, request, deps);
  if (!believed.ok) return believed;
  const reading = hooks.read(request);
  if (!reading.ok) return reading;
  const count = reading.value.events.length + reading.value.unknown.length;
  return count > EVENTS_MAX ? refuse("too_large", `more than ${EVENTS_MAX} events`) : reading;
}

async function believe(
  hooks: Hooks,
  keys: HookKeys,
  request: HookRequest,
  deps: HookDeps,
): Promise<Result<null, HookRefusal>> {
  const presented = credentials(keys, request.headers);
  if (presented !== null && !presented.ok) return presented;
  const by = hooks.provesBy ?? null;
  const signs = hooks.prove !== undefined && (by === null || keys[by].length > 0);
  if (hooks.prove !== undefined && signs) return hooks.prove(request, keys, deps);
  return presented ?? refuse("not_configured", "this source has no `webhook` table with a secret");
}

/** Null when no credentials are configured. */
function credentials(keys: HookKeys, headers: Headers): Result<null, HookRefusal> | null {
  const { basic, bearer, header } = keys;
  const wanted = [
    ...basic.map((value) => ["authorization", `Basic ${base64(value)}`] as const),
    ...bearer.map((value) => ["authorization", `Bearer ${value}`] as const),
    ...(header?.values ?? []).map((value) => [header?.name ?? "", value] as const),
  ];
  if (wanted.length === 0) return null;
  const given = wanted.map(([name, value]) => ({ value, told: headers.get(name) }));
  if (given.every(({ told }) => told === null)) return refuse("missing_proof", "no credentials");
  const matches = given.filter(({ value, told }) => told !== null && same(told, value));
  return matches.length > 0 ? ok(null) : refuse("bad_proof", "these credentials are not known");
}

/** The scheme's case does not count (RFC 9110 section 11.1). */
function same(told: string, value: string): boolean {
  const scheme = /^(basic|bearer) +/i;
  const bare = (text: string): string => text.replace(scheme, (word) => word.trim().toLowerCase());
  return constantTimeEqual(bare(told), bare(value));
}

const base64 = (text: string): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/** What is not what the provider sends. */
export const MALFORMED = refuse("malformed", "the body is not the JSON that is expected");

/** The body as JSON, within its depth. */
export function jsonOf(body: Uint8Array): Result<unknown, HookRefusal> {
  const text = textOfBody(body);
  if (text === null) return MALFORMED;
  if (isDeeper(text, DEPTH_MAX)) return refuse("malformed", "the body is nested too deeply");
  try {
    return ok(JSON.parse(text) as unknown);
  } catch {
    return MALFORMED;
  }
}

/** The body as UTF-8 text, null when it is none. */
export function textOfBody(body: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body);
  } catch {
    return null;
  }
}

/** Whether brackets outside strings are open more than `max` at a time. */
function isDeeper(text: string, max: number): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "\\" && quoted) at += 1;
    else if (char === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (char === "{" || char === "[") depth += 1;
    else if (char === "}" || char === "]") depth -= 1;
    if (depth > max) return true;
  }
  return false;
}
