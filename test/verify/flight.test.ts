import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createFlights, FLIGHT_WAIT_MS } from "../../src/verify/flight.ts";
import { within } from "./facts-kit.ts";

const flights = () => createFlights<string>({ now: Date.now, waitMs: FLIGHT_WAIT_MS, within });
const never = (): Promise<string> => new Promise(() => {});
const after = (ms: number, value: string): Promise<string> =>
  new Promise((resolve) => setTimeout(() => resolve(value), ms));

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("whoever asks while a lookup is under way gets its result", async () => {
  const { run, size } = flights();
  const work = vi.fn(() => after(100, "a"));
  const all = Promise.all(Array.from({ length: 50 }, () => run("a.example", false, work)));
  expect(size()).toBe(1);
  await vi.advanceTimersByTimeAsync(100);
  expect(await all).toEqual(Array(50).fill("a"));
  expect(work).toHaveBeenCalledTimes(1);
  expect(size()).toBe(0);
  const again = run("a.example", false, work);
  await vi.advanceTimersByTimeAsync(100);
  expect(await again).toBe("a");
  expect(work).toHaveBeenCalledTimes(2);
});

test("domains do not wait for one another", async () => {
  const { run } = flights();
  void run("slow.example", false, never);
  expect(await run("fast.example", false, async () => "fast")).toBe("fast");
});

test("a lookup that never ends is waited for up to its time, and replaced once", async () => {
  const { run } = flights();
  void run("a.example", false, never);
  await vi.advanceTimersByTimeAsync(1_000);
  const work = vi.fn(() => after(100, "mine"));
  const waiting = Promise.all(Array.from({ length: 5 }, () => run("a.example", false, work)));
  await vi.advanceTimersByTimeAsync(FLIGHT_WAIT_MS - 1_000 - 1);
  expect(work).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(work).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(100);
  expect(await waiting).toEqual(Array(5).fill("mine"));
  expect(work).toHaveBeenCalledTimes(1);
});

test("nobody waits for a lookup whose time is over", async () => {
  const { run } = flights();
  void run("a.example", false, never);
  await vi.advanceTimersByTimeAsync(FLIGHT_WAIT_MS);
  expect(await run("a.example", false, async () => "at once")).toBe("at once");
});

test("nobody waits for more than two lookups of others", async () => {
  const { run } = flights();
  // Each that gives up waiting begins a lookup that never ends, before the last one wakes up.
  for (let n = 0; n < 3; n++) void run("a.example", false, never);
  const last = run("a.example", false, async () => "mine");
  await vi.advanceTimersByTimeAsync(2 * FLIGHT_WAIT_MS);
  expect(await last).toBe("mine");
});

test("a lookup that ends after it was taken for dead does not end its successor", async () => {
  const { run } = flights();
  const late = run("a.example", false, () => after(FLIGHT_WAIT_MS + 50, "late"));
  await vi.advanceTimersByTimeAsync(FLIGHT_WAIT_MS);
  const work = vi.fn(() => after(100, "new"));
  const first = run("a.example", false, work);
  await vi.advanceTimersByTimeAsync(60);
  expect(await late).toBe("late");
  const second = run("a.example", false, work);
  await vi.advanceTimersByTimeAsync(40);
  expect([await first, await second]).toEqual(["new", "new"]);
  expect(work).toHaveBeenCalledTimes(1);
});

test("a lookup that fails fails its own caller only", async () => {
  const { run, size } = flights();
  const failing = run("a.example", false, () =>
    after(10, "").then(() => Promise.reject(new Error("broken"))),
  );
  const outcome = expect(failing).rejects.toThrow("broken");
  const waiting = run("a.example", false, async () => "mine");
  await vi.advanceTimersByTimeAsync(10);
  await outcome;
  expect(await waiting).toBe("mine");
  expect(size()).toBe(0);
});

test("a lookup without the policy does not answer for one with it, but vice versa", async () => {
  const { run } = flights();
  const work = vi.fn(() => after(50, "whole"));
  const plain = run("a.example", false, () => after(100, "plain"));
  const whole = run("a.example", true, work);
  expect(work).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(100);
  expect(await plain).toBe("plain");
  expect(work).toHaveBeenCalledTimes(1);
  const more = run("a.example", false, never);
  await vi.advanceTimersByTimeAsync(50);
  expect([await whole, await more]).toEqual(["whole", "whole"]);
});

test("what cancelled requests have left behind is forgotten", async () => {
  const { run, size } = flights();
  for (let n = 0; n < 1_000; n++) void run(`d${n}.example`, false, never);
  expect(size()).toBe(1_000);
  await vi.advanceTimersByTimeAsync(FLIGHT_WAIT_MS);
  await run("other.example", false, async () => "");
  expect(size()).toBe(0);
});
