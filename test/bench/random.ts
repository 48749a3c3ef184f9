/** Numbers that look like chance and are the same in every run. */

/** A generator of numbers from 0 (inclusive) to 1 (exclusive): xorshift32 (Marsaglia, 2003). */
export function xorshift(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}
