/**
 * SparkPost's webhooks, 1 to 350 events a request, each in `msys` under the name of its kind
 * (https://developers.sparkpost.com/api/webhooks/).
 *
 * SparkPost signs nothing: its origin is what the source's `webhook` table gives it to present. A
 * token of OAuth 2.0 arrives as a bearer's. A batch that comes again has the same
 * X-Messagesystems-Batch-Id; nothing has to be remembered of it, since the same events merge into
 * what they were.
 */
import { ok } from "../../core/result.ts";
import { fieldsOf, textOf } from "../answer.ts";
import type { Hooks } from "../hooks.ts";
import { type Posted, readingOf } from "../posted.ts";
import { jsonOf, MALFORMED } from "../receive.ts";
import { readHook } from "./events.ts";

/** 350 events of 2 KB, and of 10 KB where links, reasons and metadata are as long as may be. */
const BYTES_MAX = 4_194_304;

/** How SparkPost's events are proved and read. */
export const hooks: Hooks = {
  bytesMax: BYTES_MAX,
  proof: "credentials",
  read: ({ body }) => {
    const json = jsonOf(body);
    if (!json.ok) return json;
    if (!Array.isArray(json.value)) return MALFORMED;
    return ok(readingOf(json.value.flatMap(eventsIn), typeOf, eventsOf));
  },
};

/** The events of one entry: one. None in the request that tests an address, `{"msys":{}}`. */
function eventsIn(entry: unknown): readonly Posted[] {
  const { msys } = fieldsOf(entry);
  const isObject = typeof msys === "object" && msys !== null && !Array.isArray(msys);
  return isObject ? Object.values(msys).map(fieldsOf) : [fieldsOf(entry)];
}

const typeOf = ({ type }: Posted): string => textOf(type);

function eventsOf(event: Posted) {
  const read = readHook(event);
  return read === null ? null : [read];
}
