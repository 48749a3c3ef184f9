/**
 * What Mailjet's answers mean for each message of a call. Any status may come with a `Messages`
 * array that tells of every message by itself, the accepted ones included; codes are those of
 * https://dev.mailjet.com/email/guides/send-api-v31/#send-api-errors.
 */
import { fieldsOf, objectsIn } from "../answer.ts";
import type { Answer } from "../http.ts";
import {
  accepted,
  ambiguous,
  batchRefused,
  failed,
  outcomeOfStatus,
  rejected,
  throttled,
} from "../outcomes.ts";
import type { Outcome } from "../provider.ts";

/** Maps one answer to an outcome for each of the `count` messages sent, in their order. */
export function outcomesOf(answer: Answer, count: number): Outcome[] {
  const { status, body, json } = answer;
  const entries = json?.Messages;
  if (Array.isArray(entries) && entries.length === count) {
    return entries.map((entry: unknown) => outcomeOfEntry(answer, fieldsOf(entry)));
  }
  const all = (outcome: Outcome) => new Array<Outcome>(count).fill(outcome);
  if (status >= 200 && status < 300) {
    const problem = body === null ? "no readable body" : "not of each message";
    return all(ambiguous(`Mailjet answered ${status}, then ${problem}`));
  }
  // Told of some messages only, and not of which.
  if (entries !== undefined) return all(ambiguous(`Mailjet answered ${status}, not of each`));
  const outcome = refusalOf(answer);
  // Of the whole call: which message it is about is not said.
  const whole = count > 1 && outcome.kind === "rejected" && outcome.fault === "content";
  return all(whole ? batchRefused(outcome.text) : outcome);
}

/** A call that was refused before its messages were looked at. */
function refusalOf(answer: Answer): Outcome {
  const { status, json } = answer;
  const word = wordOf(json?.ErrorCode);
  const message = typeof json?.ErrorMessage === "string" ? json.ErrorMessage : "";
  // An identifier without a code is still Mailjet's own word, so it was not a gateway's.
  const known = word ?? (json?.ErrorIdentifier === undefined ? null : `http_${status}`);
  const text = `Mailjet answered ${status}${word === null ? "" : ` ${word}`}. ${message}`;
  return outcomeOfStatus(answer, known, answer.redacted(text));
}

/** One message's own part of the answer. */
function outcomeOfEntry(answer: Answer, entry: Readonly<Record<string, unknown>>): Outcome {
  if (entry.Status === "success") {
    const [first] = [entry.To, entry.Cc, entry.Bcc].flatMap(objectsIn);
    // Each recipient has an id of its own. MessageID is a 64-bit number, which JSON.parse rounds.
    return accepted("Mailjet", first?.MessageUUID);
  }
  const errors = objectsIn(entry.Errors).map((error) => errorOf(answer, error));
  if (entry.Status !== "error" || errors.length === 0) {
    return ambiguous("Mailjet said neither success nor error of this message");
  }
  return errors.reduce((worst, error) => (rankOf(error) < rankOf(worst) ? error : worst));
}

/** Of several errors, the one that is true of most messages decides. */
function rankOf(outcome: Outcome): number {
  if (outcome.kind !== "rejected") return 0;
  return 1 + ["account", "sender", "content", "recipient"].indexOf(outcome.fault);
}

function errorOf(answer: Answer, error: Readonly<Record<string, unknown>>): Outcome {
  const status = typeof error.StatusCode === "number" ? error.StatusCode : 400;
  const code = wordOf(error.ErrorCode) ?? `http_${status}`;
  const text = answer.redacted(`Mailjet: ${code}. ${String(error.ErrorMessage ?? "")}`);
  if (status === 429) return throttled(answer.retryAfterMs, text);
  if (status >= 500) return failed(true, code, text);
  if (status === 401 || ACCOUNT.has(code)) return rejected("account", code, text);
  const related = Array.isArray(error.ErrorRelatedTo) ? error.ErrorRelatedTo.map(String) : [];
  return rejected(faultOf(code, status, related), code, text);
}

/** send-0006: the key may not set another sender; mj-0001: it is suspended; mj-0015: unknown. */
const ACCOUNT: ReadonlySet<string> = new Set(["send-0006", "mj-0001", "mj-0015"]);
/** send-0007 and send-0008: the sender is not validated. */
const SENDER: ReadonlySet<string> = new Set(["send-0007", "send-0008"]);
/** send-0015, mj-0008: more recipients than fit in a call, of whom none is at fault. */
const TOO_MANY: ReadonlySet<string> = new Set(["send-0015", "mj-0008"]);

function faultOf(code: string, status: number, related: readonly string[]) {
  const about = (field: RegExp) => related.some((name) => field.test(name));
  if (SENDER.has(code) || about(/^(From|Sender)/)) return "sender";
  if (status === 403) return "account";
  if (!TOO_MANY.has(code) && about(/^(To|Cc|Bcc)\b/i)) return "recipient";
  return "content";
}

const wordOf = (code: unknown): string | null =>
  typeof code === "string" && /^[a-z0-9_-]{1,64}$/i.test(code) ? code : null;
