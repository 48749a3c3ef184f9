/** What a question of the DNS is, and what may come back. */
import type { MailHost } from "../../core/domain-facts.ts";

export type QuestionType = "A" | "AAAA" | "MX" | "TXT";

/**
 * What a record of each type says: an address in text form; a mail host, its name lower case and
 * without the final dot, "." for the root; the strings of a TXT record as one, an octet a
 * character.
 */
export interface RecordOf {
  readonly A: string;
  readonly AAAA: string;
  readonly MX: MailHost;
  readonly TXT: string;
}

export interface Question<T extends QuestionType = QuestionType> {
  /** A-labels; case and a final dot do not matter. */
  readonly name: string;
  readonly type: T;
}

/** There are records: one at least. `ttlS` is the shortest of them and of the aliases before. */
export interface Found<T extends QuestionType> {
  readonly kind: "records";
  readonly records: readonly RecordOf[T][];
  /** Seconds. */
  readonly ttlS: number;
}

/**
 * There are none: of this type (`nodata`), or of any, as the name does not exist (`nxdomain`).
 */
export interface Negative {
  readonly kind: "nodata" | "nxdomain";
  /** How long that may be kept, seconds (RFC 2308 section 5); null: it does not say. */
  readonly negativeTtlS: number | null;
}

/** Nothing was learnt. `why` is one word for logs and counters. */
export interface Transient {
  readonly kind: "servfail" | "timeout";
  readonly why: string;
}

export type Conclusive<T extends QuestionType> = Found<T> | Negative;
export type Answer<T extends QuestionType> = Conclusive<T> | Transient;

/** Whether an answer says nothing of the domain. */
export const isTransient = <T extends QuestionType>(answer: Answer<T>): answer is Transient =>
  answer.kind === "servfail" || answer.kind === "timeout";
