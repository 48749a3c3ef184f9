/** What reports say, whatever they are written in. */
import { enhancedCodeOf, replyCodeOf } from "../../core/smtp-reply.ts";
import type { FeedEvent } from "../../providers/provider.ts";

/** One event of a message that is told by other means than the report. */
export type Said = Omit<FeedEvent, "messageId" | "account" | "providerMessageId">;

/** Something of no known meaning, as it came. */
export interface Strange {
  readonly type: string;
  readonly raw: unknown;
}

/** Characters of a diagnostic: what it says is in the first line of it. */
export const DIAGNOSTIC_MAX = 2_000;

/** 5.0.0 and the like say the class only: the diagnostic may know more. */
const GENERIC = /\.0\.0$/;

/** The best code of a status and a diagnostic: enhanced and specific, else the reply code. */
export function codeOf(status: string, text: string): string {
  const given = enhancedCodeOf(status);
  const told = enhancedCodeOf(text);
  if (given !== null && !(GENERIC.test(given) && told !== null)) return given;
  return told ?? replyCodeOf(text)?.toString() ?? given ?? "";
}
