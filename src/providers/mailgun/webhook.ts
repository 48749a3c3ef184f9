/**
 * Mailgun's webhooks, one event a request
 * (https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks).
 *
 * The proof is in the body and leaves the rest of it unsigned: whoever has seen one request could
 * write others with its proof. So a token is good for the body that it first came with.
 */
import { err, ok, type Result } from "../../core/result.ts";
import { sha256Hex } from "../../core/signer.ts";
import { textOf } from "../answer.ts";
import type { HookDeps, HookKeys, HookReading, HookRefusal, HookRequest, Hooks } from "../hooks.ts";
import { MALFORMED } from "../receive.ts";
import { readHook } from "./events.ts";
import { readLegacy } from "./legacy.ts";
import { type Form, firstOf, type Posting, postingOf } from "./posting.ts";

/** An event has 10 KB; an older one may bring the files of the mail that came back. */
const BYTES_MAX = 4_194_304;

/**
 * Mailgun posts again for 8 hours, with the proof of the first time as far as it says. A day is
 * three times that, and the longest that a token has to be remembered.
 */
export const WINDOW_MS = 24 * 3_600_000;
/** Clocks that are set by NTP differ by less. */
const AHEAD_MS = 10 * 60_000;
/** A token outlives its window by this, so that it is never forgotten while it is still good. */
const MARGIN_MS = 60_000;

/**
 * Ten digits, from 2001 to 2286: timestamp and token are signed as one text, and with any other
 * number of digits the same text could be parted elsewhere, into a token that nobody has seen.
 */
const TIMESTAMP = /^\d{10}$/;
/** Mailgun's tokens have 50 characters; what is remembered of each has to have a limit. */
const TOKEN_MAX = 256;
/** HMAC-SHA-256 in hexadecimal. */
const SIGNATURE = /^[0-9a-f]{64}$/i;

/** How Mailgun's events are proved and read. */
export const hooks: Hooks = {
  bytesMax: BYTES_MAX,
  proof: "signature",
  provesBy: "signing",
  // Any other status than 2xx and this makes Mailgun post the same again.
  stopStatus: 406,
  prove,
  read: (request) => {
    const posting = postingOf(request);
    if (!posting.ok) return posting;
    const { said, token } = posting.value;
    return said.kind === "form" ? formReading(said.form) : jsonReading(said.fields, token);
  },
};

const refuse = (reason: HookRefusal["reason"], text: string): Result<never, HookRefusal> =>
  err({ reason, text });

async function prove(
  request: HookRequest,
  { signing }: HookKeys,
  deps: HookDeps,
): Promise<Result<null, HookRefusal>> {
  const posting = postingOf(request);
  // What cannot be read proves nothing: only what Mailgun sent is worth an end of its repeats.
  if (!posting.ok) return refuse("missing_proof", "there is no signature in the body");
  const { timestamp, token, signature } = posting.value;
  if (timestamp === "" || token === "" || signature === "") {
    return refuse("missing_proof", "no timestamp, token or signature in the body");
  }
  if (!TIMESTAMP.test(timestamp) || token.length > TOKEN_MAX || !SIGNATURE.test(signature)) {
    return refuse("bad_proof", "the timestamp, token or signature is not one of Mailgun's");
  }
  const verified = await Promise.all(signing.map((key) => isBy(key, posting.value)));
  if (!verified.includes(true)) return refuse("bad_proof", "no key of this source signed it");
  const ageMs = deps.now() - Number(timestamp) * 1000;
  if (ageMs > WINDOW_MS || ageMs < -AHEAD_MS) {
    return refuse("stale", "it was signed too long ago, or in the future");
  }
  return first(timestamp + token, request.body, WINDOW_MS - ageMs + MARGIN_MS, deps);
}

/** Whether a token comes for the first time, or again with what it came with then. */
async function first(
  token: string,
  body: Uint8Array,
  forMs: number,
  deps: HookDeps,
): Promise<Result<null, HookRefusal>> {
  try {
    const own = await deps.once(token, await sha256Hex(body), forMs);
    return own ? ok(null) : refuse("replayed", "its token came with another body before");
  } catch {
    return refuse("unavailable", "whether its token is new cannot be known now");
  }
}

const HMAC = { name: "HMAC", hash: "SHA-256" };

async function isBy(secret: string, { timestamp, token, signature }: Posting): Promise<boolean> {
  if (secret === "") return false;
  const encoder = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), HMAC, false, ["verify"]);
  const bytes = Uint8Array.from(signature.match(/../g) ?? [], (hex) => Number.parseInt(hex, 16));
  return crypto.subtle.verify(HMAC, key, bytes, encoder.encode(timestamp + token));
}

type Reading = Result<HookReading, HookRefusal>;

function jsonReading(fields: Readonly<Record<string, unknown>>, token: string): Reading {
  const type = textOf(fields.event);
  return type === "" ? MALFORMED : readingOf(type, readHook(fields, token), fields);
}

function formReading(form: Form): Reading {
  const type = firstOf(form, "event");
  if (type === "") return MALFORMED;
  const event = readLegacy(form);
  return readingOf(type, event === null ? null : [event], Object.fromEntries(form));
}

const readingOf = (type: string, events: HookReading["events"] | null, raw: unknown): Reading =>
  ok(events === null ? { events: [], unknown: [{ type, raw }] } : { events, unknown: [] });
