import { describe, expect, test } from "vitest";
import type { Restricted } from "../../src/core/guard.ts";
import { createGuardReader, GUARD_FRESH_MS } from "../../src/core/guard-reader.ts";

const NOW = 1_000_000;
const SOURCE = "source/s1";

describe("the guard as an isolate knows it", () => {
  const row: Restricted = { scope: SOURCE, level: "slowed", until: 0 };
  const world = (read: () => Promise<readonly Restricted[]>) => {
    const clock = { now: NOW };
    const seen = { reads: 0, logged: [] as string[] };
    const reader = createGuardReader({
      now: () => clock.now,
      sleep: () => new Promise((resolve) => setTimeout(resolve, 5)),
      limitMs: 250,
      read: () => {
        seen.reads += 1;
        return read();
      },
      log: (event) => void seen.logged.push(event),
    });
    return { reader, clock, seen };
  };

  test("is read once in ten seconds", async () => {
    const { reader, clock, seen } = world(async () => [row]);
    expect([...(await reader()).keys()]).toEqual([SOURCE]);
    clock.now += GUARD_FRESH_MS - 1;
    await Promise.all([reader(), reader()]);
    expect(seen.reads).toBe(1);
    clock.now += 1;
    await Promise.all([reader(), reader()]);
    expect(seen.reads).toBe(2);
  });

  test("is the last known when the database is down, and says so in the log", async () => {
    let fails = false;
    const { reader, clock, seen } = world(() =>
      fails ? Promise.reject(new Error("D1 DB is overloaded")) : Promise.resolve([row]),
    );
    await reader();
    fails = true;
    clock.now += GUARD_FRESH_MS;
    expect((await reader()).has(SOURCE)).toBe(true);
    expect(seen.logged).toEqual(["guard_unavailable"]);
  });

  test("is nothing when the database never answered; a late answer is for later", async () => {
    let answer: (rows: Restricted[]) => void = () => {};
    const { reader, seen } = world(() => new Promise((resolve) => (answer = resolve)));
    expect((await reader()).size).toBe(0);
    expect((await reader()).size).toBe(0);
    expect(seen.reads).toBe(1);
    answer([row]);
    await Promise.resolve();
    expect((await reader()).has(SOURCE)).toBe(true);
  });

  test("is asked for by everybody who comes before anything is known", async () => {
    const { reader } = world(async () => [row]);
    const all = await Promise.all([reader(), reader()]);
    expect(all.map((one) => one.has(SOURCE))).toEqual([true, true]);
  });
});
