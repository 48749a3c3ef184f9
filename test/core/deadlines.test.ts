import fc from "fast-check";
import { expect, test } from "vitest";
import { Deadlines } from "../../src/core/deadlines.ts";

/** What it ought to do, in the plainest way: a map that is searched. */
class Naive {
  readonly at = new Map<string, number>();

  next(): number | null {
    return this.at.size === 0 ? null : Math.min(...this.at.values());
  }

  due(now: number): string[] {
    return [...this.at].filter(([, at]) => at <= now).map(([key]) => key);
  }
}

const keys = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h");
const operations = fc.array(
  fc.oneof(
    fc.record({ op: fc.constant("set" as const), key: keys, at: fc.nat(20) }),
    fc.record({ op: fc.constant("delete" as const), key: keys }),
    fc.record({
      op: fc.constant("take" as const),
      now: fc.nat(20),
      max: fc.integer({ min: 0, max: 4 }),
    }),
  ),
  { maxLength: 200 },
);

test("it answers as a plain search would, whatever is set, moved and deleted", () => {
  fc.assert(
    fc.property(operations, (sequence) => {
      const deadlines = new Deadlines();
      const naive = new Naive();
      for (const one of sequence) {
        if (one.op === "set") {
          deadlines.set(one.key, one.at);
          naive.at.set(one.key, one.at);
        } else if (one.op === "delete") {
          deadlines.delete(one.key);
          naive.at.delete(one.key);
        } else {
          const due = naive.due(one.now);
          const taken = deadlines.takeDue(one.now, one.max);
          expect(taken).toHaveLength(Math.min(one.max, due.length));
          expect(new Set(taken).size).toBe(taken.length);
          const times = taken.map((key) => naive.at.get(key) ?? Number.NaN);
          // Earliest first, and none of those left is earlier.
          expect(times).toEqual(times.toSorted((a, b) => a - b));
          for (const key of taken) {
            expect(due).toContain(key);
            naive.at.delete(key);
          }
          const latest = times.at(-1) ?? Number.NEGATIVE_INFINITY;
          expect(naive.next() ?? latest).toBeGreaterThanOrEqual(latest);
        }
        expect(deadlines.next()).toBe(naive.next());
      }
    }),
    { numRuns: 500 },
  );
});

test("a key that was taken is gone until it is set again, also to the same time", () => {
  const deadlines = new Deadlines();
  deadlines.set("a", 5);
  expect(deadlines.takeDue(5, 9)).toEqual(["a"]);
  expect(deadlines.takeDue(5, 9)).toEqual([]);
  deadlines.set("a", 5);
  expect(deadlines.takeDue(5, 9)).toEqual(["a"]);
});

test("a deadline that was moved later is not due at its old time", () => {
  const deadlines = new Deadlines();
  deadlines.set("a", 5);
  deadlines.set("a", 9);
  expect(deadlines.takeDue(8, 9)).toEqual([]);
  expect(deadlines.next()).toBe(9);
});
