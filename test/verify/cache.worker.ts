/** The cache over the real KV and D1, and over requests that end. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { DomainFacts } from "../../src/core/domain-facts.ts";
import * as store from "../../src/store/domain-facts.ts";
import { createFactsCache, type Gather } from "../../src/verify/cache.ts";
import { createFlights } from "../../src/verify/flight.ts";
import { factsOf, failedFacts, list, PLAIN, POLICY, WHOLE, within } from "./facts-kit.ts";

const A = "a.example";
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const settled: Promise<unknown>[] = [];
const idle = async (): Promise<void> => {
  while (settled.length > 0) await settled.pop();
};

/** An isolate over the real stores; `gather` stands in for DNS. */
function isolate(gather: Gather) {
  const log: string[] = [];
  const cache = createFactsCache({
    now: Date.now,
    within,
    asked: () => null,
    log: (event, { reason }) => log.push(`${event} ${reason}`),
    readKv: (domains) => store.readFactsKv(env.CACHE, domains),
    writeKv: (facts, now) => store.writeFactsKv(env.CACHE, facts, now),
    readD1: (domains, now) => store.readFactsD1(env.DB, domains, now),
    writeD1: (facts) => store.writeFactsD1(env.DB, facts),
  });
  const later = (promise: Promise<unknown>): unknown => settled.push(promise);
  return { facts: cache.port({ gather, later }), log };
}

const answering: Gather = async (domain, { policy }) =>
  factsOf(domain, { at: Date.now(), ...(policy ? POLICY : {}) });
const refusing: Gather = () => Promise.reject(new Error("was asked"));

beforeEach(async () => {
  await env.DB.prepare("DELETE FROM domain_facts").run();
  const { keys } = await env.CACHE.list();
  for (const { name } of keys) await env.CACHE.delete(name);
});

describe("over the real stores", () => {
  test("a domain that one isolate has looked up is found in KV, and in D1 without it", async () => {
    const first = isolate(answering);
    expect((await first.facts([A], WHOLE)).get(A)?.layer).toBe("dns");
    await idle();
    const second = await isolate(refusing).facts([A], WHOLE);
    expect(second.get(A)).toMatchObject({ layer: "kv", facts: { ...POLICY, mxType: "mx" } });
    await env.CACHE.delete(`facts:1:${A}`);
    const third = await isolate(refusing).facts([A], WHOLE);
    expect(third.get(A)).toEqual({ ...second.get(A), layer: "d1" });
    expect(first.log).toEqual([]);
  });

  test("a list goes by D1 alone", async () => {
    const domains = list(1_500);
    expect((await isolate(answering).facts(domains, PLAIN)).size).toBe(1_500);
    await idle();
    expect((await env.CACHE.list()).keys).toEqual([]);
    const { facts, log } = isolate(refusing);
    const found = await facts(domains, PLAIN);
    expect([...found.values()].every(({ layer }) => layer === "d1")).toBe(true);
    expect([found.size, log]).toEqual([1_500, []]);
  });

  test("what a failure has had a part in is in neither, and does not touch what is", async () => {
    const kept = factsOf(A, { at: Date.now() - 60_000 });
    await store.writeFactsD1(env.DB, [kept]);
    const half = (domain: string): DomainFacts =>
      factsOf(domain, { at: Date.now(), reach: null, shared: false });
    const failing: Gather = async (domain) =>
      domain === "half.example" ? half(domain) : failedFacts(domain, Date.now());
    const { facts } = isolate(failing);
    const found = await facts([A, "half.example", "dead.example"], WHOLE);
    expect(found.get(A)?.facts).toEqual(kept);
    expect(found.get("half.example")?.facts.mxType).toBe("mx");
    expect(found.get("dead.example")?.facts.status).toBe("timeout");
    await facts([...list(20), "half.example"], WHOLE);
    await idle();
    expect((await env.CACHE.list()).keys).toEqual([]);
    const { results } = await env.DB.prepare("SELECT domain FROM domain_facts").all();
    expect(results).toEqual([{ domain: A }]);
  });
});

/** Promises of this runtime belong to a request; an object's is another than that of the test. */
describe("between requests", () => {
  const WAIT_MS = 400;
  const flights = () => createFlights<string>({ now: Date.now, waitMs: WAIT_MS, within });

  test("a lookup of one answers the other", async () => {
    const { run, size } = flights();
    const begun = runInDurableObject(env.SOURCE.getByName("looking"), () =>
      run(A, false, async () => {
        await sleep(200);
        return "theirs";
      }),
    );
    while (size() === 0) await sleep(5);
    expect(await run(A, false, async () => "mine")).toBe("theirs");
    expect(await begun).toBe("theirs");
  });

  test("a lookup that has gone with its request is waited for so long, and no longer", async () => {
    const { run, size } = flights();
    const cut = runInDurableObject(env.SOURCE.getByName("cancelled"), async (_, state) => {
      void run(A, false, async () => {
        await sleep(300);
        return "theirs";
      });
      await sleep(20);
      state.abort("the request is over");
      await sleep(1_000);
    });
    const over = expect(cut).rejects.toThrow("the request is over");
    while (size() === 0) await sleep(5);
    const values = [0, 1, 2].map((n) => run(A, false, () => sleep(100).then(() => `mine ${n}`)));
    const [first, ...others] = await Promise.all(values);
    expect(first).toMatch(/^mine/);
    expect(others, "one of them looks up for all").toEqual([first, first]);
    await over;
  });

  test("callers in many requests make one lookup", async () => {
    let lookups = 0;
    const { facts } = isolate(async (domain) => {
      lookups += 1;
      await sleep(200);
      return factsOf(domain, { at: Date.now() });
    });
    const asking = Array.from({ length: 8 }, (_, n) =>
      runInDurableObject(env.SOURCE.getByName(`caller ${n}`), async () => {
        const found = await facts([A], PLAIN);
        return found.get(A)?.facts.mxType;
      }),
    );
    expect(await Promise.all(asking)).toEqual(Array(8).fill("mx"));
    expect(lookups).toBe(1);
    await idle();
  });
});
