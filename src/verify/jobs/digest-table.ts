/**
 * Which of a million texts stood before, and where: an open-addressing table of hashes, without the
 * texts. By 96 bits of a hash two of a million texts are taken for one with a chance of one in
 * 10^17, by 64 bits of one in 10^7.
 */

/** Slots of a new table. */
const SLOTS_MIN = 1_024;

/** Beyond three quarters full, searches grow long. */
const isFull = (used: number, slots: number): boolean => used * 4 > slots * 3;

/** A place for each hash: a slot has 4 bytes for every word, and 4 for the place. */
export class DigestTable {
  readonly #words: number;
  /** Slots of `words + 1`: the hash's beginning, then the place; place 0: the slot is free. */
  #slots: Uint32Array;
  #used = 0;

  /** @param words 32-bit words of a hash that are kept */
  constructor(words: 2 | 3) {
    this.#words = words;
    this.#slots = new Uint32Array(SLOTS_MIN * (words + 1));
  }

  /** How many there are. */
  get size(): number {
    return this.#used;
  }

  /** What it takes in memory. */
  get bytes(): number {
    return this.#slots.byteLength;
  }

  /**
   * Keeps a hash, of `words` words or more, with its place (1 to 2^32 - 1), unless it is there.
   *
   * @returns the place that it had before; 0: it is new
   */
  add(hash: Uint32Array, place: number): number {
    const stride = this.#words + 1;
    const at = this.#find(this.#slots, hash[0] ?? 0, hash[1] ?? 0, hash[2] ?? 0);
    const known = this.#slots[at + this.#words] ?? 0;
    if (known !== 0) return known;
    for (let word = 0; word < this.#words; word++) this.#slots[at + word] = hash[word] ?? 0;
    this.#slots[at + this.#words] = place;
    this.#used += 1;
    if (isFull(this.#used, this.#slots.length / stride)) this.#grow();
    return 0;
  }

  /** Where a hash stands, or the free slot where it is to stand. */
  #find(slots: Uint32Array, first: number, second: number, last: number): number {
    const stride = this.#words + 1;
    const mask = slots.length / stride - 1;
    for (let slot = first & mask; ; slot = (slot + 1) & mask) {
      const at = slot * stride;
      if (slots[at + stride - 1] === 0) return at;
      if (slots[at] !== first || slots[at + 1] !== second) continue;
      if (stride === 3 || slots[at + 2] === last) return at;
    }
  }

  #grow(): void {
    const stride = this.#words + 1;
    const old = this.#slots;
    const slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += stride) {
      if (old[at + stride - 1] === 0) continue;
      const to = this.#find(slots, old[at] ?? 0, old[at + 1] ?? 0, old[at + 2] ?? 0);
      for (let word = 0; word < stride; word++) slots[to + word] = old[at + word] ?? 0;
    }
    this.#slots = slots;
  }
}
