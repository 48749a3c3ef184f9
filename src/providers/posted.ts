/** Reading a webhook's body that holds one event, or several of mixed types. */
import type { EventType } from "../core/delivery-state.ts";
import { ok, type Result } from "../core/result.ts";
import { enhancedCodeOf, replyCodeOf } from "../core/smtp-reply.ts";
import { fieldsOf } from "./answer.ts";
import type { HookReading, HookRefusal } from "./hooks.ts";
import type { FeedEvent } from "./provider.ts";
import { jsonOf, MALFORMED } from "./receive.ts";

/** One event's members. */
export type Posted = Readonly<Record<string, unknown>>;

/** What an event says, apart from whom and when it is about. */
export type Meaning = Pick<FeedEvent, "type" | "code" | "text" | "bounce" | "url">;

/**
 * The objects in a body: an array's, or the one that it is. What is not an object in an array has
 * no members; a body that is neither is refused.
 */
export function postedIn(body: Uint8Array): Result<readonly Posted[], HookRefusal> {
  const json = jsonOf(body);
  if (!json.ok) return json;
  if (Array.isArray(json.value)) return ok(json.value.map(fieldsOf));
  const one = fieldsOf(json.value);
  return Object.keys(one).length > 0 ? ok([one]) : MALFORMED;
}

/** Reads each event; null stands for a type that no table has, named by `typeOf`. */
export function readingOf(
  posted: readonly Posted[],
  typeOf: (event: Posted) => string,
  read: (event: Posted) => readonly FeedEvent[] | null,
): HookReading {
  const unknown: { type: string; raw: unknown }[] = [];
  const events = posted.flatMap((event) => {
    const known = read(event);
    if (known === null) unknown.push({ type: typeOf(event), raw: event });
    return known ?? [];
  });
  return { events, unknown };
}

/** What is said in a text, whose code is found in it or else is the provider's `word`. */
export const said = (type: EventType, text: string, word = ""): Meaning => ({
  type,
  code: codeIn(text) ?? word,
  text,
});

/** The enhanced status code in a text, else its reply code, else null. */
export function codeIn(text: string): string | null {
  const reply = enhancedCodeOf(text) ?? replyCodeOf(text);
  return reply === null ? null : String(reply);
}

/** The entry of a table under a name that somebody else wrote, undefined when it has none. */
export const entryOf = <Entry>(
  table: Readonly<Record<string, Entry>>,
  name: string,
): Entry | undefined => (Object.hasOwn(table, name) ? table[name] : undefined);
