/**
 * Which of a million texts stood before, and where: an open-addressing table of hashes, without the
 * texts. By 96 bits of a hash two of a million texts are taken for one with a chance of one in
 * 10^17, by 64 bits of one in 10^7.
 *
 * It is a table of tables, each of which grows by itself and by little, so that growing never holds
 * the whole of it twice and never leaves half of it empty: 16 bytes of a hash and its place take 21
 * to 28.
 */

/** Tables, by the last bits of a hash. A power of two. */
const SEGMENTS = 64;

/** Slots of a new table. */
const SLOTS_MIN = 16;

/** Beyond three quarters full, searches grow long. */
const isFull = (used: number, slots: number): boolean => used * 4 > slots * 3;

const GROWTH = 1.3;

interface Segment {
  /** Slots of `words + 1`: the hash's beginning, then the place; place 0: the slot is free. */
  slots: Uint32Array;
  used: number;
}

/** A place for each hash: a slot has 4 bytes for every word, and 4 for the place. */
export class DigestTable {
  readonly #words: number;
  readonly #segments: readonly Segment[];
  #used = 0;

  /** @param words 32-bit words of a hash that are kept */
  constructor(words: 2 | 3) {
    this.#words = words;
    this.#segments = Array.from({ length: SEGMENTS }, () => ({
      slots: new Uint32Array(SLOTS_MIN * (words + 1)),
      used: 0,
    }));
  }

  /** How many there are. */
  get size(): number {
    return this.#used;
  }

  /** What it takes in memory. */
  get bytes(): number {
    return this.#segments.reduce((sum, { slots }) => sum + slots.byteLength, 0);
  }

  /**
   * Keeps a hash, of `words` words or more, with its place (1 to 2^32 - 1), unless it is there.
   *
   * @returns the place that it had before; 0: it is new
   */
  add(hash: Uint32Array, place: number): number {
    const segment = this.#segments[(hash[1] ?? 0) & (SEGMENTS - 1)] as Segment;
    const at = this.#find(segment.slots, hash[0] ?? 0, hash[1] ?? 0, hash[2] ?? 0);
    const known = segment.slots[at + this.#words] ?? 0;
    if (known !== 0) return known;
    for (let word = 0; word < this.#words; word++) segment.slots[at + word] = hash[word] ?? 0;
    segment.slots[at + this.#words] = place;
    segment.used += 1;
    this.#used += 1;
    if (isFull(segment.used, segment.slots.length / (this.#words + 1))) this.#grow(segment);
    return 0;
  }

  /** Where a hash stands, or the free slot where it is to stand. */
  #find(slots: Uint32Array, first: number, second: number, last: number): number {
    const stride = this.#words + 1;
    const count = slots.length / stride;
    // Any number of slots will do: the hash's part of 2^32 is the slot's part of them.
    for (let slot = Math.floor((first / 2 ** 32) * count); ; slot = (slot + 1) % count) {
      const at = slot * stride;
      if (slots[at + stride - 1] === 0) return at;
      if (slots[at] !== first || slots[at + 1] !== second) continue;
      if (stride === 3 || slots[at + 2] === last) return at;
    }
  }

  #grow(segment: Segment): void {
    const stride = this.#words + 1;
    const old = segment.slots;
    const slots = new Uint32Array(Math.ceil((old.length / stride) * GROWTH) * stride);
    for (let at = 0; at < old.length; at += stride) {
      if (old[at + stride - 1] === 0) continue;
      const to = this.#find(slots, old[at] ?? 0, old[at + 1] ?? 0, old[at + 2] ?? 0);
      for (let word = 0; word < stride; word++) slots[to + word] = old[at + word] ?? 0;
    }
    segment.slots = slots;
  }
}
