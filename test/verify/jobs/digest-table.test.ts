import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DigestTable } from "../../../src/verify/jobs/digest-table.ts";

/** Words that are often alike, so that many hashes begin in one slot. */
const word = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom(1_024, 2 ** 32 - 1));
const hashes = fc.array(fc.tuple(word, word, word), { maxLength: 60 });

describe("the table", () => {
  test("knows a hash by as many words as it keeps, and its first place", () => {
    fc.assert(
      fc.property(hashes, fc.constantFrom(2 as const, 3 as const), (all, words) => {
        const table = new DigestTable(words);
        const known = new Map<string, number>();
        for (const [at, hash] of all.entries()) {
          const key = hash.slice(0, words).join();
          expect(table.add(Uint32Array.from(hash), at + 1)).toBe(known.get(key) ?? 0);
          if (!known.has(key)) known.set(key, at + 1);
        }
        expect(table.size).toBe(known.size);
      }),
    );
  });

  test("of 100,000 grows and forgets none", () => {
    const table = new DigestTable(3);
    const hash = new Uint32Array(3);
    const fill = (n: number): number => {
      hash[0] = Math.imul(n, 0x9e3779b1);
      hash[1] = n;
      return table.add(hash, n + 1);
    };
    const numbers = Array.from({ length: 100_000 }, (_, n) => n);
    expect(numbers.filter((n) => fill(n) !== 0)).toEqual([]);
    expect(numbers.filter((n) => fill(n) !== n + 1)).toEqual([]);
    expect(table.size).toBe(100_000);
  });

  test("of a million addresses takes 28 bytes of each at most, and never twice that", () => {
    const table = new DigestTable(3);
    const hash = new Uint32Array(3);
    const most = (n: number): number => 28 * n + 32 * 1024;
    for (let n = 1; n <= 1_000_000; n++) {
      hash[0] = Math.imul(n, 0x9e3779b1);
      hash[1] = Math.imul(n, 0x85ebca6b) >>> 7;
      table.add(hash, n);
      if (n % 10_000 === 0) expect(table.bytes).toBeLessThan(most(n));
    }
    expect(table.size).toBe(1_000_000);
  });
});
