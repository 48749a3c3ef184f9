/**
 * A set of hashes in 8 bytes each: the first 64 bits of every one, sorted. Among a million members
 * a hash that is none is taken for one with a chance of one in 10^13.
 */

/** Bytes of a member. */
export const MEMBER_BYTES = 8;

/** Hexadecimal digits of a hash that a member holds. */
export const MEMBER_DIGITS = 16;

/**
 * Whether `hash` is in the set.
 *
 * @param set members in ascending order, each big-endian
 * @param hash hexadecimal, at least `MEMBER_DIGITS`
 */
export function hasHash(set: DataView, hash: string): boolean {
  const high = Number.parseInt(hash.slice(0, 8), 16);
  const low = Number.parseInt(hash.slice(8, MEMBER_DIGITS), 16);
  let from = 0;
  let to = Math.floor(set.byteLength / MEMBER_BYTES);
  while (from < to) {
    const middle = (from + to) >>> 1;
    const at = middle * MEMBER_BYTES;
    const order = set.getUint32(at) - high || set.getUint32(at + 4) - low;
    if (order === 0) return true;
    if (order < 0) from = middle + 1;
    else to = middle;
  }
  return false;
}

/** Writes hashes, in ascending order, as the members of a set. */
export function packHashes(hashes: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(hashes.length * MEMBER_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, hash] of hashes.entries()) {
    view.setUint32(index * MEMBER_BYTES, Number.parseInt(hash.slice(0, 8), 16));
    view.setUint32(index * MEMBER_BYTES + 4, Number.parseInt(hash.slice(8, MEMBER_DIGITS), 16));
  }
  return bytes;
}
