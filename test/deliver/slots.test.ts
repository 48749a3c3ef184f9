import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CONNECTIONS_MAX, createSlots, type Slots } from "../../src/deliver/slots.ts";

const LIMIT_MS = 1_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Sending {
  readonly done: Promise<string>;
  readonly finish: () => void;
  readonly aborted: () => boolean;
}

/** A send that ends when the test says so, or when its time is up. */
function start(slots: Slots, limitMs = LIMIT_MS): Sending {
  let finish = (): void => {};
  let signal: AbortSignal | undefined;
  const done = slots.run(limitMs, (given) => {
    signal = given;
    return new Promise<string>((resolve) => {
      finish = () => resolve("answer");
      given.addEventListener("abort", () => resolve("aborted"));
    });
  });
  return { done, finish: () => finish(), aborted: () => signal?.aborted === true };
}

describe("the time limit of a send", () => {
  test("starts at once while there is a connection", async () => {
    const slots = createSlots();
    const six = Array.from({ length: CONNECTIONS_MAX }, () => start(slots));
    await vi.advanceTimersByTimeAsync(LIMIT_MS - 1);
    expect(six.map((one) => one.aborted())).toEqual(Array(6).fill(false));
    await vi.advanceTimersByTimeAsync(1);
    expect(await Promise.all(six.map((one) => one.done))).toEqual(Array(6).fill("aborted"));
  });

  test("of the seventh starts when the first of six ends, and not before", async () => {
    const slots = createSlots();
    const six = Array.from({ length: CONNECTIONS_MAX }, () => start(slots));
    const seventh = start(slots);
    await vi.advanceTimersByTimeAsync(900);
    six[3]?.finish();
    await vi.advanceTimersByTimeAsync(LIMIT_MS - 1);
    expect(six[0]?.aborted()).toBe(true);
    expect(seventh.aborted()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(seventh.aborted()).toBe(true);
  });

  test("goes through a long row in order, six at a time", async () => {
    const slots = createSlots();
    const all = Array.from({ length: 20 }, () => start(slots));
    expect(slots.size()).toBe(20);
    for (let round = 1; round <= 4; round++) {
      await vi.advanceTimersByTimeAsync(LIMIT_MS);
      const aborted = all.filter((one) => one.aborted()).length;
      expect(aborted).toBe(Math.min(20, round * CONNECTIONS_MAX));
    }
    expect(slots.size()).toBe(0);
  });

  test("does not touch a send that has ended, nor leave a timer behind", async () => {
    const slots = createSlots();
    const one = start(slots);
    one.finish();
    expect(await one.done).toBe("answer");
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(10 * LIMIT_MS);
    expect(one.aborted()).toBe(false);
  });

  test("is each send's own", async () => {
    const slots = createSlots();
    const [short, long] = [start(slots, 100), start(slots, 5_000)];
    await vi.advanceTimersByTimeAsync(100);
    expect([short.aborted(), long.aborted()]).toEqual([true, false]);
    long.finish();
    await long.done;
  });
});

test("a send that throws gives its connection back", async () => {
  const slots = createSlots();
  const failing = Array.from({ length: CONNECTIONS_MAX }, () =>
    slots.run(LIMIT_MS, () => Promise.reject(new Error("broken"))).catch(() => "thrown"),
  );
  const next = start(slots);
  expect(await Promise.all(failing)).toEqual(Array(6).fill("thrown"));
  expect(slots.size()).toBe(1);
  await vi.advanceTimersByTimeAsync(LIMIT_MS);
  expect(next.aborted()).toBe(true);
});
