import fc from "fast-check";
import { expect, test } from "vitest";
import { Lru } from "../../src/core/lru.ts";

test("what has not been used for long is forgotten, what has been is not", () => {
  const lru = new Lru<string, number>(4);
  for (const [at, key] of ["a", "b", "c"].entries()) lru.set(key, at);
  expect(lru.get("a")).toBe(0);
  lru.set("d", 3);
  expect([lru.get("a"), lru.get("b")]).toEqual([0, undefined]);
});

test("it never has more than `max`, and always the last half of that to be used", () => {
  const step = fc.record({ key: fc.nat(19), set: fc.boolean() });
  const bound = fc.integer({ min: 2, max: 12 });
  fc.assert(
    fc.property(bound, fc.array(step, { maxLength: 60 }), (max, steps) => {
      const lru = new Lru<number, number>(max);
      const values = new Map<number, number>();
      let used: number[] = [];
      for (const [at, { key, set }] of steps.entries()) {
        const kept = used.slice(0, Math.floor(max / 2)).includes(key);
        if (set) {
          lru.set(key, at);
          values.set(key, at);
        } else {
          const value = lru.get(key);
          if (value === undefined && !kept) continue;
          expect(value).toBe(values.get(key));
        }
        used = [key, ...used.filter((one) => one !== key)];
        expect(lru.size).toBeLessThanOrEqual(max);
      }
    }),
  );
});
