/**
 * Several messages in one call: https://resend.com/docs/api-reference/emails/send-batch-emails.
 * Permissive validation takes what is valid and names the rest by its position.
 */
import type { Answer } from "../http.ts";
import { accepted, ambiguous, batchRefused } from "../outcomes.ts";
import type { Outcome } from "../provider.ts";
import { faultOf, refusalOf } from "./outcome.ts";

/** Maps the answer to a batch of `count` messages: one outcome each. */
export function outcomesOf(answer: Answer, count: number): Outcome[] {
  const all = (outcome: Outcome): Outcome[] => Array.from({ length: count }, () => outcome);
  const { status, json } = answer;
  if (status < 200 || status >= 300) {
    const outcome = refusalOf(answer);
    // One message's fault: which one's is not said, so each is tried alone.
    if (outcome.kind === "rejected" && outcome.fault !== "account") {
      return all(batchRefused(outcome.text));
    }
    return all(outcome);
  }
  const refused = refusedIn(json, count);
  const ids = Array.isArray(json?.data) ? (json.data as unknown[]) : [];
  if (refused === null || ids.length + refused.size !== count) {
    return all(ambiguous(`Resend answered ${status} without an id for each message`));
  }
  let next = 0;
  return all(ambiguous("")).map((_, index): Outcome => {
    const message = refused.get(index);
    if (message !== undefined) {
      const text = answer.redacted(`Resend refused it in a batch. ${message}`);
      return { kind: "rejected", fault: faultOf("", message), code: "validation_error", text };
    }
    const entry = ids[next++];
    return accepted("Resend", (entry as { readonly id?: unknown } | null)?.id);
  });
}

/** Messages by position that were not taken; null when the list cannot be read. */
function refusedIn(
  json: Readonly<Record<string, unknown>> | null,
  count: number,
): Map<number, string> | null {
  const refused = new Map<number, string>();
  const errors = json?.errors ?? [];
  if (!Array.isArray(errors)) return null;
  for (const error of errors as unknown[]) {
    const { index, message } = Object(error) as { index?: unknown; message?: unknown };
    if (typeof index !== "number" || !Number.isInteger(index)) return null;
    if (index < 0 || index >= count) return null;
    refused.set(index, typeof message === "string" ? message : "");
  }
  return refused;
}
