import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { D1_READ_MS, KV_READ_MS, REST_MS } from "../../src/verify/cache.ts";
import { FLIGHT_WAIT_MS } from "../../src/verify/flight.ts";
import { createWorld, factsOf, hanging, list, MINUTE_MS, NOW, PLAIN, WHOLE } from "./facts-kit.ts";

const A = "a.example";
const broken = (): Promise<never> => Promise.reject(new Error("D1_ERROR: overloaded"));

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("what breaks", () => {
  test("stores that fail cost no answer, one line each, and are left alone then", async () => {
    const world = createWorld();
    world.broken = { readKv: broken, readD1: broken, writeKv: broken, writeD1: broken };
    const { facts } = world.isolate();
    for (const domain of list(20)) {
      expect((await facts([domain], PLAIN)).get(domain)?.layer).toBe("dns");
      await world.idle();
    }
    expect((await facts(list(40), PLAIN)).size).toBe(40);
    expect(world.calls.log).toHaveLength(4);
    expect(world.calls.log.join()).not.toContain("example");
    const { readKv, readD1, writeKv, writeD1 } = world.calls;
    expect([readKv, readD1, writeKv, writeD1].map(({ length }) => length)).toEqual([1, 1, 1, 1]);
    world.broken = {};
    vi.setSystemTime(NOW + REST_MS);
    await facts(["e.example"], PLAIN);
    await world.idle();
    expect([world.kv.size, world.d1.size]).toEqual([1, 1]);
  });

  test("stores that hang are waited for up to their limits", async () => {
    const world = createWorld();
    world.broken = { readKv: hanging, readD1: hanging };
    const asked = world.isolate().facts([A], PLAIN);
    await vi.advanceTimersByTimeAsync(KV_READ_MS + D1_READ_MS - 1);
    expect(world.calls.gather).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect((await asked).get(A)?.layer).toBe("dns");
  });

  test("KV is not given what it may have but did not tell", async () => {
    const world = createWorld();
    world.broken.readKv = broken;
    world.d1.set(A, factsOf(A, { at: NOW - 2 * MINUTE_MS }));
    await world.isolate().facts([A], PLAIN);
    await world.idle();
    expect(world.calls.writeKv).toEqual([]);
  });

  test("a resolver that throws is a lookup that failed", async () => {
    const world = createWorld();
    world.gather = () => Promise.reject(new Error("no route"));
    const known = (await world.isolate().facts([A], WHOLE)).get(A);
    expect(known?.facts).toMatchObject({ domain: A, status: "servfail", shared: false });
    await world.idle();
    expect([world.kv.size, world.d1.size]).toEqual([0, 0]);
  });
});

describe("at the same time", () => {
  test("fifty callers make one lookup, which is written once", async () => {
    const world = createWorld();
    const { facts } = world.isolate();
    const all = await Promise.all(Array.from({ length: 50 }, () => facts([A], PLAIN)));
    await world.idle();
    expect(all.every((found) => found.get(A)?.facts.mxType === "mx")).toBe(true);
    const { gather, writeKv, writeD1 } = world.calls;
    expect([gather.length, writeKv.length, writeD1.length]).toEqual([1, 1, 1]);
  });

  test("what another caller learns while the stores are asked is not looked up again", async () => {
    const world = createWorld();
    const { facts } = world.isolate();
    const [early, late] = [facts([A], PLAIN), facts(list(20).concat(A), PLAIN)];
    await Promise.all([early, late]);
    expect(world.calls.gather.filter(([domain]) => domain === A)).toHaveLength(1);
  });

  test("a lookup outlives its caller: others wait for it, and it is kept", async () => {
    const world = createWorld();
    const { facts } = world.isolate();
    let answer = (): void => {};
    const waiting = new Promise<void>((resolve) => {
      answer = resolve;
    });
    world.gather = (domain) => waiting.then(() => factsOf(domain));
    // Nobody waits for these but the invocation.
    void facts([A], PLAIN);
    void facts(list(20), PLAIN);
    await vi.advanceTimersByTimeAsync(1);
    const idle = world.idle();
    answer();
    await idle;
    expect(world.d1.size).toBe(21);
  });

  test("a caller whose lookup never ends does not hold up the others for ever", async () => {
    const world = createWorld();
    const { facts } = world.isolate();
    world.gather = hanging;
    void facts([A], PLAIN);
    await vi.advanceTimersByTimeAsync(100);
    world.gather = async (domain) => factsOf(domain);
    const asked = facts([A], PLAIN);
    await vi.advanceTimersByTimeAsync(FLIGHT_WAIT_MS);
    expect((await asked).get(A)?.layer).toBe("dns");
    expect(world.calls.writeD1).toEqual([[A]]);
  });
});
