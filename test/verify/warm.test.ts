import { expect, test, vi } from "vitest";
import type { DomainFacts } from "../../src/core/domain-facts.ts";
import {
  DOMAINS_MAX,
  LANES,
  MARGIN_MS,
  RUN_MS,
  type WarmDeps,
  warm,
} from "../../src/verify/warm.ts";
import { factsOf, failedFacts, list, MINUTE_MS, NOW, POLICY } from "./facts-kit.ts";

type Due = Awaited<ReturnType<WarmDeps["due"]>>;

function world(due: Due) {
  const clock = { now: NOW };
  const kv: DomainFacts[] = [];
  const d1: DomainFacts[] = [];
  const asked: [string, boolean][] = [];
  const deps = {
    now: () => clock.now,
    due: vi.fn(async () => due),
    gather: async (domain: string, { policy }: { policy: boolean }): Promise<DomainFacts> => {
      asked.push([domain, policy]);
      return factsOf(domain, { at: clock.now, ...(policy ? POLICY : {}) });
    },
    writeKv: async (facts: readonly DomainFacts[]): Promise<void> => {
      kv.push(...facts);
    },
    writeD1: async (facts: readonly DomainFacts[]): Promise<void> => {
      d1.push(...facts);
    },
    log: vi.fn(),
  };
  return { clock, kv, d1, asked, deps };
}

const of = (domain: string, policy = false) => ({ domain, policy });

test("what is due is looked up as it was known, and kept in D1 and KV", async () => {
  const { kv, d1, asked, deps } = world([of("a.example", true), of("b.example")]);
  expect(await warm(deps)).toEqual({ refreshed: 2, failed: 0 });
  expect(deps.due).toHaveBeenCalledWith(NOW + MARGIN_MS, NOW, DOMAINS_MAX);
  expect(asked).toEqual([
    ["a.example", true],
    ["b.example", false],
  ]);
  expect(d1).toEqual([factsOf("a.example", POLICY), factsOf("b.example")]);
  expect(kv).toEqual(d1);
});

test("a lookup that fails changes nothing, and the others go on", async () => {
  const { kv, d1, deps } = world([of("dead.example"), of("throws.example"), of("a.example")]);
  const gather: WarmDeps["gather"] = async (domain, ask) => {
    if (domain === "throws.example") throw new Error("no route");
    return domain === "dead.example" ? failedFacts(domain, NOW) : deps.gather(domain, ask);
  };
  expect(await warm({ ...deps, gather })).toEqual({ refreshed: 1, failed: 2 });
  expect([kv, d1]).toEqual([[factsOf("a.example")], [factsOf("a.example")]]);
});

test("when nothing is due, or nothing answers, nothing is written", async () => {
  const { deps } = world([]);
  const writes = { writeKv: vi.fn(), writeD1: vi.fn() };
  expect(await warm({ ...deps, ...writes })).toEqual({ refreshed: 0, failed: 0 });
  const dead = world([of("a.example")]).deps;
  const gather = async (domain: string) => failedFacts(domain, NOW);
  expect(await warm({ ...dead, ...writes, gather })).toEqual({ refreshed: 0, failed: 1 });
  expect([writes.writeKv, writes.writeD1].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
});

test("so many lookups are under way at a time, and none begins when the run is over", async () => {
  const { clock, d1, deps } = world(list(DOMAINS_MAX).map((domain) => of(domain)));
  let [now, most] = [0, 0];
  const gather: WarmDeps["gather"] = async (domain, ask) => {
    now += 1;
    most = Math.max(most, now);
    await Promise.resolve();
    now -= 1;
    clock.now += 1_000;
    return deps.gather(domain, ask);
  };
  const { refreshed } = await warm({ ...deps, gather });
  expect(most).toBe(LANES);
  expect(refreshed).toBe(d1.length);
  expect(refreshed).toBeGreaterThanOrEqual(RUN_MS / 1_000);
  expect(refreshed).toBeLessThan(RUN_MS / 1_000 + LANES);
});

test("KV may fail, D1 may not do so unnoticed", async () => {
  const { d1, deps } = world([of("a.example")]);
  const writeKv = () => Promise.reject(new Error("429"));
  expect(await warm({ ...deps, writeKv })).toEqual({ refreshed: 1, failed: 0 });
  expect(d1).toHaveLength(1);
  expect(JSON.stringify(deps.log.mock.calls)).toContain("429");
  const writeD1 = () => Promise.reject(new Error("overloaded"));
  await expect(warm({ ...deps, writeD1 })).rejects.toThrow("overloaded");
});

test("the margin reaches over the next run, its lookups and the minute of KV", () => {
  expect(MARGIN_MS).toBeGreaterThan(2 * MINUTE_MS + RUN_MS);
});
