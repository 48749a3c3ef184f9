/** A bounded map that forgets what has not been used for long. */

/**
 * Holds at most `max` entries, 2 or more, and of those that were used last the half of it in any
 * case. Two generations: what is used is in the young one, and when that is half of `max`, it takes
 * the place of the old one, with which everything goes that was not used meanwhile. A Map in order
 * of use would be exact, but finding its first entry means to pass all that were deleted before it.
 */
export class Lru<K, V> {
  readonly #half: number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  constructor(max: number) {
    this.#half = Math.floor(max / 2);
  }

  /** The value under `key`, which counts as used now. */
  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  /** Keeps `value` under `key`. */
  set(key: K, value: V): void {
    this.#old.delete(key);
    this.#young.set(key, value);
    if (this.#young.size < this.#half) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
