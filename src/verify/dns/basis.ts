/** What facts rest on: how long the answers behind them may be kept, and whether any is missing. */
import type { Answer, QuestionType } from "./answer.ts";

/** RFC 2308 section 5 lets a negative answer stand for hours; a new domain would not be seen. */
const NEGATIVE_MAX_S = 3_600;
/** RFC 2308 section 5: without an SOA it should not be kept at all; this stands off a storm. */
const NO_SOA_S = 30;

export interface Basis {
  /** The shortest TTL of records, seconds; Infinity: there are none behind it. */
  readonly foundS: number;
  /** The shortest time that an absence may be kept, seconds; Infinity: no absence is behind it. */
  readonly negativeS: number;
  /** How the answer that is missing failed. */
  readonly failed: "servfail" | "timeout" | null;
}

/** What rests on nothing. */
export const NO_BASIS: Basis = {
  foundS: Number.POSITIVE_INFINITY,
  negativeS: Number.POSITIVE_INFINITY,
  failed: null,
};

/** What a fact taken from one answer rests on. */
export function basisOf<T extends QuestionType>(answer: Answer<T>): Basis {
  switch (answer.kind) {
    case "records":
      return { ...NO_BASIS, foundS: answer.ttlS };
    case "nodata":
    case "nxdomain":
      return {
        ...NO_BASIS,
        negativeS: Math.min(NEGATIVE_MAX_S, answer.negativeTtlS ?? NO_SOA_S),
      };
    default:
      return { ...NO_BASIS, failed: answer.kind };
  }
}

/** What a fact taken from both rests on. */
export const both = (one: Basis, other: Basis): Basis => ({
  foundS: Math.min(one.foundS, other.foundS),
  negativeS: Math.min(one.negativeS, other.negativeS),
  failed: one.failed ?? other.failed,
});

/** How long facts are kept, and whether they may leave the isolate. */
export interface Keep {
  readonly ms: number;
  readonly shared: boolean;
}

/** Bounds of what was found: shorter would ask busy domains for ever, longer outlive a move. */
const FOUND_MIN_S = 300;
const FOUND_MAX_S = 86_400;
/** Below this a negative is not worth a write, nor can KV expire it. */
const SHARED_NEGATIVE_MIN_S = 60;
/** A failing domain is not asked for every address, but soon again (RFC 9520 section 3.2). */
const FAILED_MS = 30_000;

const toMs = (seconds: number): number => Math.floor(seconds * 1_000);
const clampFound = (seconds: number): number =>
  Math.min(FOUND_MAX_S, Math.max(FOUND_MIN_S, seconds));

/**
 * How long facts with this basis are kept.
 *
 * @param takes whether they say how the domain takes mail, or that it states to take none; false:
 *   that nothing was found to take it
 */
export function keepFor({ foundS, negativeS, failed }: Basis, takes: boolean): Keep {
  if (failed !== null) return { ms: FAILED_MS, shared: false };
  if (takes) return { ms: toMs(clampFound(Math.min(foundS, negativeS))), shared: true };
  const seconds = Math.min(clampFound(foundS), negativeS);
  return { ms: toMs(Math.max(1, seconds)), shared: seconds >= SHARED_NEGATIVE_MIN_S };
}
