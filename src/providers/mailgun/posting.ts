/**
 * The three forms of Mailgun's webhooks: JSON with `signature` and `event-data`, and, from older
 * webhooks, a form of either encoding with both in one list of fields.
 */
import { ok, type Result } from "../../core/result.ts";
import { fieldsOf, textOf } from "../answer.ts";
import type { HookRefusal, HookRequest } from "../hooks.ts";
import { jsonOf, MALFORMED, textOfBody } from "../receive.ts";
import { multipartOf } from "./multipart.ts";

/** A form's fields in their order; a name may come again. */
export type Form = readonly (readonly [name: string, value: string])[];

/** What a request says, and what it proves itself with. */
export interface Posting {
  readonly timestamp: string;
  readonly token: string;
  readonly signature: string;
  readonly said:
    | { readonly kind: "json"; readonly fields: Readonly<Record<string, unknown>> }
    | { readonly kind: "form"; readonly form: Form };
}

/** Fields of a form: an event has some 40, and a user's variables. */
const FIELDS_MAX = 1_000;

/** Reads a request; whatever is missing of it is empty. */
export function postingOf({ headers, body }: HookRequest): Result<Posting, HookRefusal> {
  const type = headers.get("content-type") ?? "";
  if (/^\s*multipart\/form-data\b/i.test(type)) {
    const form = multipartOf(body, type, FIELDS_MAX);
    return form === null ? MALFORMED : ok(postingOfForm(form));
  }
  if (/^\s*application\/x-www-form-urlencoded\b/i.test(type)) {
    const text = textOfBody(body);
    const form = text === null ? [] : [...new URLSearchParams(text)];
    return text === null || form.length > FIELDS_MAX ? MALFORMED : ok(postingOfForm(form));
  }
  const json = jsonOf(body);
  if (!json.ok) return json;
  const { signature, "event-data": event } = fieldsOf(json.value);
  const { timestamp, token, signature: hex } = fieldsOf(signature);
  return ok({
    timestamp: textOf(timestamp),
    token: textOf(token),
    signature: textOf(hex),
    said: { kind: "json", fields: fieldsOf(event) },
  });
}

/** A sender's variables stand before Mailgun's proof, and may be called by the same names. */
const postingOfForm = (form: Form): Posting => ({
  timestamp: lastOf(form, "timestamp"),
  token: lastOf(form, "token"),
  signature: lastOf(form, "signature"),
  said: { kind: "form", form },
});

/** The first value of a name, "" when there is none. */
export const firstOf = (form: Form, name: string): string =>
  form.find(([given]) => given === name)?.[1] ?? "";

/** The last value of a name, "" when there is none. */
export const lastOf = (form: Form, name: string): string =>
  form.findLast(([given]) => given === name)?.[1] ?? "";
