/**
 * Bounces by attempt. Which attempt an event is of can only be told by the provider's id of the
 * message, and which attempt is the newest only the Outbox says, maybe later: so each attempt's
 * bounce is kept under a key, and where the recipient stands follows from both.
 */
import { BOUNCE_KINDS, type Bounce } from "./bounce.ts";
import { fnv64 } from "./fnv.ts";
import { compareText } from "./text-order.ts";

/** One attempt's bounce. */
export interface BounceFact extends Bounce {
  /** Unix ms. */
  readonly at: number;
  readonly code: string;
  readonly text: string;
}

export type Bounces = Readonly<Record<string, BounceFact>>;

/**
 * Attempts of one recipient whose bounces are kept: more ids than that are a provider's mistake,
 * and a row stays small.
 */
export const BOUNCES_MAX = 16;

/**
 * The key of an attempt: the source, and a hash of the provider's id, so that no character of it
 * matters to SQL. Without an id, all of the source's attempts.
 */
export function attemptKey(source: string, providerMessageId: string): string {
  if (providerMessageId === "") return source;
  return `${source}/${fnv64(providerMessageId)}`;
}

/** The worse of two bounces of one attempt; then the earlier, then the smaller code and text. */
export function worse(a: BounceFact, b: BounceFact): BounceFact {
  const byKind = BOUNCE_KINDS.indexOf(a.kind) - BOUNCE_KINDS.indexOf(b.kind);
  if (byKind !== 0) return byKind > 0 ? a : b;
  const order =
    a.at - b.at ||
    compareText(a.code, b.code) ||
    compareText(a.text, b.text) ||
    compareText(a.category, b.category);
  return order <= 0 ? a : b;
}

/**
 * The union of two records, the worse of each attempt. The first keys are kept, so that the order
 * of merging does not matter.
 */
export function mergeBounces(a: Bounces, b: Bounces): Bounces {
  const merged: Record<string, BounceFact> = { ...a };
  for (const [key, fact] of Object.entries(b)) {
    const other = merged[key];
    merged[key] = other === undefined ? fact : worse(other, fact);
  }
  const keys = Object.keys(merged);
  if (keys.length <= BOUNCES_MAX) return merged;
  const kept = keys.sort(compareText).slice(0, BOUNCES_MAX);
  return Object.fromEntries(kept.flatMap((key) => (merged[key] ? [[key, merged[key]]] : [])));
}

/**
 * The bounce that tells where the recipient stands, or null: one of the newest attempt, or one of
 * which it cannot be told whether it is.
 *
 * @param newest the key of the newest accepted attempt, empty when none is known
 * @param source its source, null when none is known
 */
export function standingBounce(
  bounces: Bounces,
  newest: string,
  source: string | null,
): BounceFact | null {
  const all = Object.entries(bounces);
  const counts =
    newest === "" || source === null
      ? all
      : all.filter(([key]) => key === newest || key === source);
  return counts
    .map(([, fact]) => fact)
    .reduce<BounceFact | null>((worst, fact) => (worst === null ? fact : worse(worst, fact)), null);
}
