/**
 * Events of Mailgun's older webhooks, a form each: `event`, `recipient`, what was said, and the
 * sender's variables as fields of their own. Where a variable has the name of one of Mailgun's
 * fields, Mailgun's comes first.
 */
import { enhancedCodeOf } from "../../core/smtp-reply.ts";
import { fieldsOf, textOf } from "../answer.ts";
import { ACCOUNT_NAME, ID_NAME } from "../message.ts";
import { codeIn, type Meaning } from "../posted.ts";
import type { FeedEvent } from "../provider.ts";
import { jsonOf } from "../receive.ts";
import { isOwnList, providerIdOf, timeOf } from "./events.ts";
import { type Form, firstOf, lastOf } from "./posting.ts";

/** Reads one event; null when it is of a type that no table has. */
export function readLegacy(form: Form): FeedEvent | null {
  const meaning = meaningOf(form);
  if (meaning === null) return null;
  const headers = headersIn(firstOf(form, "message-headers"));
  const variables = variablesOf(form, headers);
  const header =
    firstOf(form, "Message-Id") || firstOf(form, "message-id") || (headers.get("message-id") ?? "");
  return {
    ...variables,
    ...providerIdOf(variables.messageId, header),
    // The form has no other id, and a token is one request's.
    eventId: lastOf(form, "token"),
    address: firstOf(form, "recipient"),
    at: timeOf(lastOf(form, "timestamp")),
    ...meaning,
    raw: Object.fromEntries(form),
  };
}

/** Our id and account: fields of their own, or all variables in a header of the message. */
function variablesOf(form: Form, headers: ReadonlyMap<string, string>) {
  const id = firstOf(form, ID_NAME);
  if (id !== "") return { messageId: id, account: firstOf(form, ACCOUNT_NAME) };
  const told = fieldsOf(jsonIn(headers.get("x-mailgun-variables") ?? ""));
  return { messageId: textOf(told[ID_NAME]), account: textOf(told[ACCOUNT_NAME]) };
}

/** A message's headers from JSON, `[[name, value]]`: by lower-cased name, the first of each. */
function headersIn(text: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  const list = jsonIn(text);
  for (const pair of Array.isArray(list) ? list : []) {
    const [name, value] = Array.isArray(pair) ? pair : [];
    const lower = textOf(name).toLowerCase();
    if (typeof value === "string" && !headers.has(lower)) headers.set(lower, value);
  }
  return headers;
}

/** What a field holds as JSON, null when it is none. */
function jsonIn(text: string): unknown {
  const json = jsonOf(new TextEncoder().encode(text));
  return json.ok ? json.value : null;
}

function meaningOf(form: Form): Meaning | null {
  switch (firstOf(form, "event")) {
    case "delivered":
      return { type: "delivered", code: "", text: "" };
    case "bounced":
      return { type: "bounced", ...saidIn(form), bounce: { kind: "hard" } };
    case "dropped":
      return dropOf(form);
    case "complained":
      return { type: "complained", code: "complained", text: "" };
    case "unsubscribed":
      return { type: "unsubscribed", code: "", text: "" };
    case "opened":
      return { type: "opened", code: "", text: "" };
    case "clicked":
      return { type: "clicked", code: "", text: "", url: firstOf(form, "url") };
    default:
      return null;
  }
}

/** `old`: given up after too many tries. `hardfail`: refused, or on a list of Mailgun's own. */
function dropOf(form: Form): Meaning {
  const said = saidIn(form);
  const reason = firstOf(form, "reason");
  if (isOwnList(said.code, reason, said.text)) {
    return { type: "suppressed", ...said, bounce: { category: "provider_list" } };
  }
  if (reason === "hardfail") return { type: "bounced", ...said, bounce: { kind: "hard" } };
  return { type: "rejected", ...said };
}

/** `code` may be a reply code, an enhanced one, or one of Mailgun's own from 498 on. */
function saidIn(form: Form): { code: string; text: string } {
  const text = firstOf(form, "error") || firstOf(form, "description");
  const code = firstOf(form, "code");
  return {
    code: enhancedCodeOf(code) ?? enhancedCodeOf(text) ?? (code || (codeIn(text) ?? "")),
    text,
  };
}
