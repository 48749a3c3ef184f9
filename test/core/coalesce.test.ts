import { describe, expect, test } from "vitest";
import { createCoalescer } from "../../src/core/coalesce.ts";

/** A flush that ends when the test says so, and remembers what it was given. */
function heldFlush() {
  const groups: number[][] = [];
  const ends: ((outcome?: Error) => void)[] = [];
  let running = 0;
  const flush = (items: number[]): Promise<number[]> => {
    groups.push(items);
    running++;
    if (running > 1) throw new Error("two flushes at once");
    return new Promise((resolve, reject) => {
      ends.push((failure) => {
        running--;
        if (failure) reject(failure);
        else resolve(items.map((item) => item * 10));
      });
    });
  };
  return { groups, ends, flush };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

describe("createCoalescer", () => {
  test("an idle one flushes at once, and one synchronous turn leaves together", async () => {
    const { groups, ends, flush } = heldFlush();
    const coalescer = createCoalescer<number, number>({ flush, maxItems: 100 });
    const all = Promise.all([coalescer.add(1), coalescer.add(2), coalescer.add(3)]);
    await Promise.resolve();
    expect(groups).toEqual([[1, 2, 3]]);
    ends[0]?.();
    expect(await all).toEqual([10, 20, 30]);
  });

  test("what comes during a flush leaves together in the next, in order", async () => {
    const { groups, ends, flush } = heldFlush();
    const coalescer = createCoalescer<number, number>({ flush, maxItems: 100 });
    const first = coalescer.add(1);
    await turn();
    const second = coalescer.add(2);
    await turn();
    const third = coalescer.add(3);
    await turn();
    expect(groups).toEqual([[1]]);
    expect(coalescer.size()).toBe(3);
    ends[0]?.();
    expect(await first).toBe(10);
    await turn();
    expect(groups).toEqual([[1], [2, 3]]);
    ends[1]?.();
    expect(await Promise.all([second, third])).toEqual([20, 30]);
    await coalescer.idle();
    expect(coalescer.size()).toBe(0);
  });

  test("no flush exceeds maxItems; several follow one another", async () => {
    const groups: number[][] = [];
    const coalescer = createCoalescer<number, number>({
      flush: async (items) => {
        groups.push(items);
        return items;
      },
      maxItems: 3,
    });
    const items = Array.from({ length: 8 }, (_, i) => i);
    expect(await Promise.all(items.map((item) => coalescer.add(item)))).toEqual(items);
    expect(groups).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [6, 7],
    ]);
  });

  test("no flush exceeds maxWeight, but an item above it goes alone", async () => {
    const groups: number[][] = [];
    const coalescer = createCoalescer<number, number>({
      flush: async (items) => {
        groups.push(items);
      },
      maxItems: 100,
      weigh: (item) => item,
      maxWeight: 10,
    });
    const results = await Promise.all([4, 6, 1, 50, 2, 3].map((item) => coalescer.add(item)));
    expect(groups).toEqual([[4, 6], [1], [50], [2, 3]]);
    expect(results).toEqual(new Array(6).fill(undefined));
  });

  test("a failing flush rejects its own items only, and the next goes on", async () => {
    const { ends, flush } = heldFlush();
    const coalescer = createCoalescer<number, number>({ flush, maxItems: 100 });
    const lost = Promise.allSettled([coalescer.add(1), coalescer.add(2)]);
    await turn();
    const kept = coalescer.add(3);
    ends[0]?.(new Error("refused"));
    expect(await lost).toEqual([
      { status: "rejected", reason: new Error("refused") },
      { status: "rejected", reason: new Error("refused") },
    ]);
    await turn();
    ends[1]?.();
    expect(await kept).toBe(30);
  });

  test("a flush or a weight that throws is a rejection like any other", async () => {
    let calls = 0;
    const coalescer = createCoalescer<number, number>({
      flush: (items) => {
        if (calls++ === 0) throw new Error("synchronous");
        return Promise.resolve(items);
      },
      maxItems: 10,
      weigh: (item) => {
        if (item < 0) throw new Error("no weight");
        return 1;
      },
    });
    await expect(coalescer.add(1)).rejects.toThrow("synchronous");
    await expect(coalescer.add(-1)).rejects.toThrow("no weight");
    expect(await coalescer.add(2)).toBe(2);
  });

  test("callers in a closed loop fall into step: 32 of them share each flush", async () => {
    const sizes: number[] = [];
    const coalescer = createCoalescer<number, number>({
      flush: async (items) => {
        await turn();
        sizes.push(items.length);
        return items;
      },
      maxItems: 100,
    });
    const caller = async (n: number) => {
      for (let round = 0; round < 10; round++) await coalescer.add(n);
    };
    await Promise.all(Array.from({ length: 32 }, (_, n) => caller(n)));
    expect(sizes).toEqual(new Array(10).fill(32));
  });

  test("idle resolves at once when nothing waits, and only after all that was added", async () => {
    const { ends, flush } = heldFlush();
    const coalescer = createCoalescer<number, number>({ flush, maxItems: 1 });
    await coalescer.idle();
    const both = Promise.all([coalescer.add(1), coalescer.add(2)]);
    let idle = false;
    const waiting = coalescer.idle().then(() => {
      idle = true;
    });
    await turn();
    ends[0]?.();
    await turn();
    expect(idle).toBe(false);
    ends[1]?.();
    await both;
    await waiting;
    expect(idle).toBe(true);
  });
});
