import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  CHUNK_MAX,
  createFactsCache,
  FEW_MAX,
  type Gather,
  KV_CACHED_MS,
  MEMORY_MAX,
  UNSHARED_MS,
} from "../../src/verify/cache.ts";
import {
  CACHED,
  createWorld,
  factsOf,
  failedFacts,
  HOUR_MS,
  hanging,
  list,
  MINUTE_MS,
  NOW,
  PLAIN,
  POLICY,
  WHOLE,
} from "./facts-kit.ts";

const A = "a.example";

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the layers", () => {
  test("facts are found in the nearest layer that has them, which is told", async () => {
    const world = createWorld();
    const [one, two, three] = [world.isolate(), world.isolate(), world.isolate()];
    const ask = async ({ facts }: typeof one) => (await facts([A], PLAIN)).get(A);
    expect(await ask(one)).toMatchObject({ layer: "dns", facts: { domain: A, mxType: "mx" } });
    await world.idle();
    expect(await ask(one)).toMatchObject({ layer: "memory" });
    expect(await ask(two)).toEqual({ layer: "kv", facts: factsOf(A) });
    world.kv.clear();
    expect(await ask(three)).toEqual({ layer: "d1", facts: factsOf(A) });
    expect(await ask(three)).toEqual({ layer: "memory", facts: factsOf(A) });
    expect(world.calls.gather).toHaveLength(1);
    expect(world.calls.readD1).toEqual([[A], [A]]);
  });

  test("one domain costs a KV read and a D1 query, and no writes are waited for", async () => {
    const world = createWorld();
    world.broken = { writeKv: hanging, writeD1: hanging };
    await world.isolate().facts([A], PLAIN);
    const { readKv, readD1, gather, writeKv, writeD1 } = world.calls;
    expect([readKv, readD1, writeKv, writeD1]).toEqual([[[A]], [[A]], [[A]], [[A]]]);
    expect(gather).toEqual([[A, PLAIN]]);
  });

  test("facts of D1 go to KV, unless their own write is still on its way there", async () => {
    const world = createWorld();
    world.d1.set("old.example", factsOf("old.example", { at: NOW - MINUTE_MS }));
    world.d1.set("new.example", factsOf("new.example", { at: NOW - MINUTE_MS + 1 }));
    world.d1.set("ending.example", factsOf("ending.example", { at: NOW - HOUR_MS + 59_000 }));
    await world.isolate().facts([...world.d1.keys()], PLAIN);
    await world.idle();
    expect([...world.kv.keys()]).toEqual(["old.example"]);
    expect(world.calls.writeD1).toEqual([]);
  });

  test("a list asks D1 once per thousand domains, leaves KV alone and writes at once", async () => {
    const world = createWorld();
    const domains = list(2 * CHUNK_MAX + 1);
    for (const domain of domains.slice(0, 600)) world.d1.set(domain, factsOf(domain));
    const found = await world.isolate().facts([...domains, ...domains], PLAIN);
    await world.idle();
    expect([...found.keys()].sort()).toEqual([...domains].sort());
    const { readKv, writeKv, readD1, writeD1, gather, asked } = world.calls;
    expect([readKv, writeKv, asked]).toEqual([[], [], []]);
    expect(readD1.map(({ length }) => length)).toEqual([CHUNK_MAX, CHUNK_MAX, 1]);
    expect(writeD1.map(({ length }) => length)).toEqual([CHUNK_MAX - 600, CHUNK_MAX, 1]);
    expect(gather).toHaveLength(domains.length - 600);
    expect(found.get("d599.example")?.layer).toBe("d1");
    expect(found.get("d600.example")?.layer).toBe("dns");
  });

  test("a few domains are counted as asked for, wherever they are found", async () => {
    const world = createWorld();
    const { facts } = world.isolate();
    await facts(list(FEW_MAX), PLAIN);
    await facts([A, "d0.example"], PLAIN);
    await facts([A], CACHED);
    expect(world.calls.asked).toEqual([...list(FEW_MAX), A, "d0.example", A]);
  });

  test("a hundred thousand domains leave no more than fit", async () => {
    // The clock of the fake timers is slow.
    vi.useRealTimers();
    let looked = 0;
    const nothing = async () => [];
    const gone = async () => {};
    const { port, size } = createFactsCache({
      ...{ readKv: nothing, readD1: nothing, writeKv: gone, writeD1: gone },
      ...{ now: () => NOW, within: (promise) => promise, asked: () => null, log: () => {} },
    });
    const gather: Gather = async (domain) => {
      looked += 1;
      return factsOf(domain);
    };
    const facts = port({ gather, later: () => {} });
    const domains = list(100_000);
    for (let at = 0; at < domains.length; at += 10_000) {
      await facts(domains.slice(at, at + 10_000), PLAIN);
      expect(size()).toBeLessThanOrEqual(MEMORY_MAX);
    }
    expect(size()).toBeGreaterThanOrEqual(MEMORY_MAX / 2);
    expect(looked).toBe(100_000);
    await facts(domains.slice(-MEMORY_MAX / 2), PLAIN);
    expect(looked).toBe(100_000);
  });
});

describe("time", () => {
  test.each(["memory", "kv", "d1"] as const)("facts of %s hold up to their end", async (layer) => {
    const world = createWorld();
    const cache = world.isolate();
    if (layer === "memory") await cache.facts([A], PLAIN);
    if (layer === "kv") world.kv.set(A, factsOf(A));
    if (layer === "d1") world.d1.set(A, factsOf(A));
    const end = NOW + HOUR_MS;
    vi.setSystemTime(end - 1);
    const asking = layer === "memory" ? cache : world.isolate();
    expect((await asking.facts([A], PLAIN)).get(A)).toMatchObject({ layer, facts: { at: NOW } });
    vi.setSystemTime(end);
    for (const again of [asking, world.isolate()]) {
      const known = (await again.facts([A], PLAIN)).get(A);
      expect(known?.facts.at, "not what has expired").toBe(end);
    }
  });

  test("a failure is asked again after a minute, and nobody else hears of it", async () => {
    const world = createWorld();
    const { facts } = world.isolate();
    world.gather = async (domain) => ({
      ...failedFacts(domain, Date.now()),
      expiresAt: Date.now() + HOUR_MS,
    });
    const known = (await facts([A], PLAIN)).get(A);
    expect(known).toMatchObject({ layer: "dns", facts: { status: "timeout", mxType: null } });
    vi.setSystemTime(NOW + UNSHARED_MS - 1);
    expect((await facts([A], PLAIN)).get(A)?.layer).toBe("memory");
    vi.setSystemTime(NOW + UNSHARED_MS);
    expect((await facts([A], PLAIN)).get(A)?.layer).toBe("dns");
    await world.idle();
    expect([world.kv.size, world.d1.size]).toEqual([0, 0]);
  });
});

describe("the policy", () => {
  test("is asked when it is wanted and not known, and then kept with the rest", async () => {
    const world = createWorld();
    const { facts } = world.isolate();
    await facts([A], PLAIN);
    expect((await facts([A], WHOLE)).get(A)).toMatchObject({ layer: "dns", facts: POLICY });
    expect((await facts([A], WHOLE)).get(A)).toMatchObject({ layer: "memory", facts: POLICY });
    await world.idle();
    const other = await world.isolate().facts([A], WHOLE);
    expect(other.get(A)).toMatchObject({ layer: "kv", facts: POLICY });
    expect(world.calls.gather).toEqual([
      [A, PLAIN],
      [A, WHOLE],
    ]);
  });

  test("outlives newer facts that have none, up to its own end", async () => {
    const world = createWorld();
    world.d1.set(A, factsOf(A, POLICY));
    const { facts } = world.isolate();
    world.kv.set(A, factsOf(A, { at: NOW + 10, expiresAt: NOW + 2 * HOUR_MS, provider: "new" }));
    vi.setSystemTime(NOW + 20);
    const known = (await facts([A], WHOLE)).get(A);
    const both = { ...POLICY, provider: "new", expiresAt: NOW + HOUR_MS };
    expect(known).toMatchObject({ layer: "d1", facts: both });
    expect(world.calls.gather).toEqual([]);
  });

  test("that cannot be had is asked again after a minute; what is known stays", async () => {
    const world = createWorld();
    const { facts } = world.isolate();
    await facts([A], PLAIN);
    world.gather = async (domain) => failedFacts(domain, Date.now());
    for (const atMs of [0, UNSHARED_MS - 1, UNSHARED_MS]) {
      vi.setSystemTime(NOW + atMs);
      const known = (await facts([A], WHOLE)).get(A);
      expect(known).toMatchObject({ layer: "memory", facts: { status: "noerror", at: NOW } });
    }
    expect(world.calls.gather).toHaveLength(3);
    await world.idle();
    expect([world.kv.get(A), world.d1.get(A)]).toEqual([factsOf(A), factsOf(A)]);
  });

  test("of a domain that does not exist needs no question", async () => {
    const world = createWorld();
    world.kv.set(A, factsOf(A, { status: "nxdomain", mxType: "none", mx: [] }));
    expect((await world.isolate().facts([A], WHOLE)).get(A)?.layer).toBe("kv");
  });
});

describe("without lookups", () => {
  test("memory and KV answer, and nothing else is asked", async () => {
    const world = createWorld();
    const { facts } = world.isolate();
    await facts(["known.example"], PLAIN);
    world.kv.set("kept.example", factsOf("kept.example"));
    world.d1.set("stored.example", factsOf("stored.example"));
    const before = world.calls.gather.length;
    world.calls.readD1 = [];
    const names = ["known.example", "kept.example", "stored.example", "new.example"];
    const found = await facts(names, { policy: true, lookup: false });
    expect([...found].map(([domain, { layer }]) => [domain, layer])).toEqual([
      ["known.example", "memory"],
      ["kept.example", "kv"],
    ]);
    expect([world.calls.readD1, world.calls.gather.length]).toEqual([[], before]);
  });

  test("a list is answered from memory alone", async () => {
    const world = createWorld();
    const { facts } = world.isolate();
    await facts(["d0.example"], PLAIN);
    const reads = world.calls.readKv.length;
    expect([...(await facts(list(20), CACHED)).keys()]).toEqual(["d0.example"]);
    expect(world.calls.readKv).toHaveLength(reads);
  });

  test("a KV that is not at its fastest is not waited for, and is asked by the next", async () => {
    const world = createWorld();
    world.broken.readKv = hanging;
    const { facts } = world.isolate();
    const asked = facts([A], CACHED);
    await vi.advanceTimersByTimeAsync(KV_CACHED_MS);
    expect((await asked).size).toBe(0);
    world.broken = {};
    world.kv.set(A, factsOf(A));
    expect((await facts([A], CACHED)).size).toBe(1);
    expect(world.calls.log).toEqual([]);
  });
});
