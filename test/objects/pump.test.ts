import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createPump } from "../../src/objects/outbox/pump.ts";

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(1_800_000_000_000);
});
afterEach(() => {
  vi.useRealTimers();
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A pump over a heap of things; a sending takes up to `portion` of them and `busyMs`. */
function pumping(given: { gapMs?: number; portion?: number; busyMs?: number } = {}) {
  const { gapMs = 0, portion = 100, busyMs = 0 } = given;
  const sent: { at: number; count: number }[] = [];
  const failures: unknown[] = [];
  const world = { heap: 0, refusing: false, inFlight: 0, mostInFlight: 0 };
  const started = Date.now();
  const pump = createPump({
    now: () => Date.now(),
    random: () => 0.999_999,
    sleep,
    gapMs,
    failed: (error) => failures.push(error),
    async sendPortion() {
      const count = Math.min(portion, world.heap);
      if (count === 0) return false;
      world.inFlight += 1;
      world.mostInFlight = Math.max(world.mostInFlight, world.inFlight);
      world.heap -= count;
      if (busyMs > 0) await sleep(busyMs);
      world.inFlight -= 1;
      if (world.refusing) {
        world.heap += count;
        throw new Error("refused");
      }
      sent.push({ at: Date.now() - started, count });
      return world.heap > 0;
    },
  });
  const put = (count: number): void => {
    world.heap += count;
    pump.kick();
  };
  return { sent, failures, world, put };
}

describe("a pump", () => {
  test("sends at once when idle, everything of one turn together", async () => {
    const { sent, put } = pumping({ gapMs: 20 });
    put(1);
    put(2);
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toEqual([{ at: 0, count: 3 }]);
  });

  test("lets what comes while it is busy gather for the next sending", async () => {
    const { sent, put } = pumping({ gapMs: 20 });
    put(1);
    await vi.advanceTimersByTimeAsync(5);
    put(1);
    await vi.advanceTimersByTimeAsync(5);
    put(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(sent).toEqual([
      { at: 0, count: 1 },
      { at: 20, count: 2 },
    ]);
  });

  test("has one sending at a time, however often it is kicked", async () => {
    const { sent, world, put } = pumping({ busyMs: 50, portion: 3 });
    for (let i = 0; i < 10; i++) {
      put(2);
      await vi.advanceTimersByTimeAsync(7);
    }
    await vi.advanceTimersByTimeAsync(2_000);
    expect(world.mostInFlight).toBe(1);
    expect(world.heap).toBe(0);
    expect(sent.reduce((sum, one) => sum + one.count, 0)).toBe(20);
  });

  test("goes on by itself while there is more", async () => {
    const { sent, put } = pumping({ portion: 100, gapMs: 20 });
    put(350);
    await vi.advanceTimersByTimeAsync(100);
    expect(sent.map((one) => one.count)).toEqual([100, 100, 100, 50]);
    expect(sent.map((one) => one.at)).toEqual([0, 20, 40, 60]);
  });

  test("starts no timer while nothing is there", async () => {
    const { put, world } = pumping();
    put(1);
    await vi.advanceTimersByTimeAsync(10);
    world.heap = 0;
    put(0);
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a refusal", () => {
  test("loses nothing and is tried again, up to ten seconds apart", async () => {
    const { sent, failures, world, put } = pumping();
    world.refusing = true;
    put(5);
    const tries: number[] = [];
    for (let second = 0; second < 60; second++) {
      await vi.advanceTimersByTimeAsync(1_000);
      tries.push(failures.length);
    }
    // 0.2, 0.4, 0.8, 1.6, 3.2, 6.4 and from then on 10 seconds.
    expect(tries.at(-1)).toBe(11);
    expect((tries.at(-1) ?? 0) - (tries.at(-31) ?? 0)).toBe(3);
    expect(sent).toEqual([]);
    world.refusing = false;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent.map((one) => one.count)).toEqual([5]);
    expect(world.heap).toBe(0);
  });

  test("is not hurried by new arrivals", async () => {
    const { failures, world, put } = pumping();
    world.refusing = true;
    for (let i = 0; i < 50; i++) {
      put(1);
      await vi.advanceTimersByTimeAsync(20);
    }
    expect(failures.length).toBeLessThanOrEqual(4);
  });

  test("is forgotten after a success: the next one starts with the short wait", async () => {
    const { failures, world, put } = pumping();
    world.refusing = true;
    put(1);
    await vi.advanceTimersByTimeAsync(20_000);
    world.refusing = false;
    await vi.advanceTimersByTimeAsync(10_000);
    world.refusing = true;
    const before = failures.length;
    put(1);
    await vi.advanceTimersByTimeAsync(250);
    expect(failures.length).toBe(before + 2);
  });
});
