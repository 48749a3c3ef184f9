import fc from "fast-check";
import { expect, test, vi } from "vitest";
import {
  ASKS_PER_ROW,
  type Asks,
  COUNTED_MAX,
  createDemand,
  FLUSH_EVERY_MS,
  ROWS_MAX,
} from "../../src/verify/demand.ts";
import { xorshift } from "../bench/random.ts";
import { list, NOW } from "./facts-kit.ts";

function world(random: () => number = () => 0.999) {
  const clock = { now: NOW };
  const written: Asks[][] = [];
  const log = vi.fn();
  const deps = {
    now: () => clock.now,
    random,
    write: async (asks: readonly Asks[]): Promise<void> => {
      written.push([...asks]);
    },
    log,
  };
  return { clock, written, log, deps };
}

const ask = (asked: (domain: string) => unknown, domain: string, times: number): void => {
  for (let n = 0; n < times; n++) asked(domain);
};

test("counts are written rarely, in one go, the most asked first, and begin anew", async () => {
  const { clock, written, deps } = world();
  const { asked, size } = createDemand(deps);
  ask(asked, "b.example", 50);
  ask(asked, "c.example", 60);
  clock.now += FLUSH_EVERY_MS - 1;
  expect(asked("b.example")).toBeNull();
  expect(written).toEqual([]);
  clock.now += 1;
  await asked("b.example");
  const rows = [
    { domain: "c.example", count: 60 },
    { domain: "b.example", count: 52 },
  ];
  expect(written).toEqual([rows]);
  expect(size()).toBe(0);
});

test("a row stands for so many asks or more, and flushes are far apart", () => {
  const some = fc.record({
    domain: fc.nat(20).map((n) => `d${n}.example`),
    times: fc.integer({ min: 1, max: 30 }),
    passMs: fc.integer({ min: 0, max: FLUSH_EVERY_MS }),
  });
  fc.assert(
    fc.property(fc.array(some, { maxLength: 50 }), fc.integer(), (all, seed) => {
      const { clock, written, deps } = world(xorshift(seed));
      const { asked } = createDemand(deps);
      for (const { domain, times, passMs } of all) {
        clock.now += passMs;
        ask(asked, domain, times);
      }
      expect(written.flat().every(({ count }) => count >= ASKS_PER_ROW)).toBe(true);
      expect(written.every((rows) => rows.length > 0)).toBe(true);
      expect(written.length).toBeLessThanOrEqual((clock.now - NOW) / FLUSH_EVERY_MS);
    }),
  );
});

test.each([1, 3, 7, 8, 20])("%d asks are as many on average", (times) => {
  const { clock, written, deps } = world(xorshift(7));
  const { asked } = createDemand(deps);
  const rounds = 4_000;
  for (let n = 0; n < rounds; n++) {
    ask(asked, "a.example", times - 1);
    clock.now += FLUSH_EVERY_MS;
    asked("a.example");
  }
  const sum = written.flat().reduce((most, { count }) => most + count, 0);
  const share = sum / rounds / times;
  expect(share).toBeGreaterThan(0.9);
  expect(share).toBeLessThan(1.1);
});

test("however many domains there are, they fit, and so do the rows", () => {
  const { clock, written, deps } = world();
  const { asked, size } = createDemand(deps);
  for (const domain of list(COUNTED_MAX + 5_000)) asked(domain);
  expect(size()).toBe(COUNTED_MAX);
  for (const domain of list(ROWS_MAX + 100)) ask(asked, domain, ASKS_PER_ROW);
  clock.now += FLUSH_EVERY_MS;
  asked("other.example");
  expect(written.map(({ length }) => length)).toEqual([ROWS_MAX]);
  expect(size()).toBe(0);
});

test("a database that fails costs the counts, and nobody hears of it but the log", async () => {
  const { clock, log, deps } = world();
  const broken = { ...deps, write: () => Promise.reject(new Error("overloaded")) };
  const { asked } = createDemand(broken);
  ask(asked, "a.example", ASKS_PER_ROW);
  clock.now += FLUSH_EVERY_MS;
  await asked("a.example");
  expect(log).toHaveBeenCalledWith("demand_not_written", { reason: "Error: overloaded" });
  expect(JSON.stringify(log.mock.calls)).not.toContain("example");
});
