import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { DomainFacts } from "../../src/core/domain-facts.ts";
import * as store from "../../src/store/domain-facts.ts";
import { shuffledGroups } from "../support/shuffle.ts";
import { metered } from "../support/worker/metered.ts";
import { factsOf, list, MINUTE_MS, NOW, POLICY } from "../verify/facts-kit.ts";

const A = "a.example";
const write = (...facts: DomainFacts[]) => store.writeFactsD1(env.DB, facts);
const read = (domains = [A], now = NOW) => store.readFactsD1(env.DB, domains, now);
const row = (domain = A) =>
  env.DB.prepare("SELECT * FROM domain_facts WHERE domain = ?").bind(domain).first();

beforeEach(async () => {
  await env.DB.prepare("DELETE FROM domain_facts").run();
});

describe("KV", () => {
  test("facts come back as they went, and live while they hold, or a minute", async () => {
    // KV itself goes by the real time.
    const now = Date.now();
    const long = factsOf(A, { ...POLICY, at: now, provider: "google" });
    const short = factsOf("b.example", { at: now, expiresAt: now + 5_000 });
    await store.writeFactsKv(env.CACHE, [long, short], now);
    expect(await store.readFactsKv(env.CACHE, ["b.example", "none.example", A])).toEqual([
      short,
      long,
    ]);
    const { keys } = await env.CACHE.list({ prefix: "facts:" });
    const lives = keys.map(({ expiration }) => (expiration ?? 0) - Math.floor(now / 1_000));
    expect(keys.map(({ name }) => name)).toEqual([`facts:1:${A}`, "facts:1:b.example"]);
    expect(lives[0]).toBeGreaterThanOrEqual(3_600);
    expect(lives[0]).toBeLessThan(3_630);
    expect(lives[1]).toBeGreaterThanOrEqual(60);
    expect(lives[1]).toBeLessThan(90);
  });

  test("what is not facts of the domain is none", async () => {
    await env.CACHE.put("facts:1:torn.example", '{"domain":"torn.exa');
    await env.CACHE.put("facts:1:other.example", JSON.stringify(factsOf(A)));
    await env.CACHE.put("facts:1:null.example", "null");
    const names = ["torn.example", "other.example", "null.example"];
    expect(await store.readFactsKv(env.CACHE, names)).toEqual([]);
  });

  test("many are written, and none is lost when one is refused", async () => {
    const refused = new Proxy(env.CACHE, {
      get: (kv, name) => async (key: string, value: string, entry: object) => {
        if (name !== "put" || key === "facts:1:d3.example") throw new Error("429");
        await kv.put(key, value, entry);
      },
    });
    const all = list(20).map((domain) => factsOf(domain, { at: Date.now() }));
    await expect(store.writeFactsKv(refused, all, Date.now())).rejects.toThrow("429");
    expect(await store.readFactsKv(env.CACHE, list(20))).toHaveLength(19);
  });
});

describe("D1", () => {
  test("facts come back as they went, and only while they hold", async () => {
    const facts = [
      factsOf(A, { ...POLICY, provider: "google" }),
      factsOf("b.example", { mxType: "implicit_a", mx: [], reach: "unroutable" }),
      factsOf("c.example", { status: "nxdomain", mxType: "none", mx: [], expiresAt: NOW + 1 }),
    ];
    await write(...facts);
    const names = facts.map(({ domain }) => domain);
    expect(await read([...names, "none.example"])).toEqual(facts);
    expect(await read(names, NOW + 1)).toEqual(facts.slice(0, 2));
    expect(await row()).toMatchObject({ domain: A, mx_type: "mx", provider: "google" });
    expect(await read([])).toEqual([]);
  });

  test("the policy has a time of its own", async () => {
    await write(factsOf(A, { ...POLICY, expiresAt: NOW + 2 * MINUTE_MS }));
    await write(factsOf(A, { at: NOW + MINUTE_MS, provider: "new" }));
    const newer = { at: NOW + MINUTE_MS, provider: "new" };
    const both = { ...newer, ...POLICY, expiresAt: NOW + 2 * MINUTE_MS };
    expect(await read([A], NOW + MINUTE_MS)).toEqual([factsOf(A, both)]);
    expect(await read([A], NOW + 2 * MINUTE_MS)).toEqual([factsOf(A, newer)]);
  });

  test("SPF that was asked for a domain without MX stays, beside an older policy", async () => {
    const none = { mxType: "none", mx: [], reach: null, spf: "reject_all" } as const;
    await write(factsOf(A, none));
    expect(await read()).toEqual([factsOf(A, none)]);
    await write(factsOf(A, { ...POLICY, at: NOW - 1, expiresAt: NOW + MINUTE_MS }));
    const both = { ...none, dmarc: POLICY.dmarc, expiresAt: NOW + MINUTE_MS };
    expect(await read()).toEqual([factsOf(A, both)]);
    expect(await read([A], NOW + MINUTE_MS)).toEqual([factsOf(A, none)]);
  });

  test("writes in any order and portions leave the same row, with the newest of all", async () => {
    const fact = fc
      .record({
        atMs: fc.nat(5),
        lifeMs: fc.integer({ min: 1, max: 5 }),
        provider: fc.constantFrom(null, "google", "yahoo"),
        policy: fc.constantFrom({}, POLICY, { spf: "none", dmarc: "absent" } as const),
      })
      .map(({ atMs, lifeMs, provider, policy }) =>
        factsOf(A, { at: NOW + atMs, expiresAt: NOW + atMs + lifeMs, provider, ...policy }),
      );
    const orders = fc
      .array(fact, { minLength: 1, maxLength: 6 })
      .chain((all) => fc.tuple(fc.constant(all), shuffledGroups(all), shuffledGroups(all)));
    await fc.assert(
      fc.asyncProperty(orders, async ([all, ...groupings]) => {
        const rows: unknown[] = [];
        for (const groups of groupings) {
          await env.DB.prepare("DELETE FROM domain_facts").run();
          for (const group of groups) await write(...group);
          rows.push(await row());
        }
        expect(rows[0]).toEqual(rows[1]);
        const policies = all.filter(({ spf }) => spf !== null).map(({ at }) => at);
        expect(rows[0]).toMatchObject({
          at: Math.max(...all.map(({ at }) => at)),
          policy_at: Math.max(0, ...policies),
        });
      }),
      { numRuns: 40 },
    );
  });

  test("a row is written once, twice when it is popular, and not for older facts", async () => {
    const { db, rows } = metered();
    const writes = async (facts: DomainFacts[]): Promise<number> => {
      rows.written = 0;
      await store.writeFactsD1(db, facts);
      return rows.written;
    };
    const later = (facts: DomainFacts, ms: number) =>
      factsOf(facts.domain, { ...POLICY, at: NOW + ms });
    const many = list(1_000).map((domain) => factsOf(domain, POLICY));
    rows.statements = 0;
    expect(await writes(many)).toBe(1_000);
    expect(rows.statements).toBe(1);
    expect(await writes(many)).toBe(0);
    expect(await writes(many.map((one) => later(one, -1)))).toBe(0);
    expect(await writes(many.map((one) => later(one, 1)))).toBe(1_000);
    await store.addDemand(env.DB, [{ domain: "d0.example", count: 100 }], NOW);
    expect(await writes([later(factsOf("d0.example"), 2)])).toBe(2);
    expect(await writes([])).toBe(0);
  });

  test("a thousand domains of a large table are read by their keys, in one query", async () => {
    await write(...list(5_000).map((domain) => factsOf(domain)));
    const { db, rows } = metered();
    const found = await store.readFactsD1(db, list(1_000), NOW);
    expect(found).toHaveLength(1_000);
    expect(rows.statements).toBe(1);
    expect(rows.read).toBeLessThanOrEqual(2_000);
  });
});
