import fc from "fast-check";
import { expect, test } from "vitest";
import { hasHash, MEMBER_BYTES, packHashes } from "../../src/core/hash-set.ts";

const hash = fc
  .array(fc.constantFrom(..."0123456789abcdef"), { minLength: 32, maxLength: 32 })
  .map((digits) => digits.join(""));

test("a set has its members, in 8 bytes each, and nothing else", () => {
  fc.assert(
    fc.property(fc.uniqueArray(hash, { maxLength: 60 }), hash, (members, other) => {
      const bytes = packHashes(members.toSorted());
      const set = new DataView(bytes.buffer);
      expect(bytes.byteLength).toBe(members.length * MEMBER_BYTES);
      for (const member of members) expect(hasHash(set, member)).toBe(true);
      const same = members.some((one) => one.slice(0, 16) === other.slice(0, 16));
      expect(hasHash(set, other)).toBe(same);
    }),
  );
});

test("a neighbour of a member is none, at the edges neither", () => {
  const members = ["0".repeat(32), "00000000ffffffff".padEnd(32, "0"), "f".repeat(32)];
  const set = new DataView(packHashes(members).buffer);
  for (const member of members) expect(hasHash(set, member)).toBe(true);
  for (const other of ["0000000000000001", "00000000fffffffe", "fffffffffffffffe"]) {
    expect(hasHash(set, other.padEnd(32, "0"))).toBe(false);
  }
  expect(hasHash(new DataView(new ArrayBuffer(0)), "f".repeat(32))).toBe(false);
  expect(hasHash(set, "no hash at all")).toBe(false);
});
