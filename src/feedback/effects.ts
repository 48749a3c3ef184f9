/**
 * What happenings imply, as values: what one transaction writes besides the rows themselves. Pure,
 * and the same for the same happenings, so that a repeated batch changes nothing.
 */
import type { Happening } from "../core/events.ts";

export interface EffectDeps {
  readonly now: number;
}

/** Everything that is derived from one batch. */
export interface Effects {
  readonly happenings: readonly Happening[];
}

/** Derives the effects of one batch. */
export function effectsOf(happenings: readonly Happening[], _deps: EffectDeps): Effects {
  return { happenings };
}
