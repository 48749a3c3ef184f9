import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { DomainFacts } from "../../src/core/domain-facts.ts";
import * as store from "../../src/store/domain-facts.ts";
import { metered } from "../support/worker/metered.ts";
import { factsOf, HOUR_MS, list, MINUTE_MS, NOW, POLICY } from "../verify/facts-kit.ts";

const A = "a.example";
const DAY_MS = 24 * HOUR_MS;
const write = (...facts: DomainFacts[]) => store.writeFactsD1(env.DB, facts);
const read = (domains = [A], now = NOW) => store.readFactsD1(env.DB, domains, now);
const row = (domain = A) =>
  env.DB.prepare("SELECT * FROM domain_facts WHERE domain = ?").bind(domain).first();
const count = (asked: number, now = NOW, domain = A) =>
  store.addDemand(env.DB, [{ domain, count: asked }], now);

beforeEach(async () => {
  await env.DB.prepare("DELETE FROM domain_facts").run();
});

describe("demand", () => {
  const asked = async (): Promise<number> => Number((await row())?.asked);

  test("asks are added as they weigh, in whatever order they are written", async () => {
    const asks = fc.array(fc.record({ count: fc.integer({ min: 1, max: 50 }), days: fc.nat(6) }), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(asks, async (all) => {
        await env.DB.prepare("DELETE FROM domain_facts").run();
        for (const one of all) await count(one.count, NOW + one.days * DAY_MS);
        const last = Math.max(...all.map(({ days }) => days));
        const sum = all.reduce((most, one) => most + one.count * 0.5 ** (last - one.days), 0);
        expect(await asked()).toBeCloseTo(sum, 6);
        expect((await row())?.asked_at).toBe(NOW + last * DAY_MS);
      }),
      { numRuns: 25 },
    );
  });

  test("writes one row each, and two more when a domain becomes popular", async () => {
    const { db, rows } = metered();
    const asks = list(100).map((domain) => ({ domain, count: 20 }));
    const written: number[] = [];
    for (let n = 0; n < 4; n++) {
      rows.written = 0;
      await store.addDemand(db, asks, NOW + n);
      written.push(rows.written);
    }
    expect(written).toEqual([100, 300, 100, 100]);
  });

  test("does not touch facts, and facts do not touch it", async () => {
    await count(5);
    expect(await read()).toEqual([]);
    await write(factsOf(A, POLICY));
    await count(5);
    await write(factsOf(A, { at: NOW + 1 }));
    expect(await asked()).toBe(10);
    expect(await read()).toEqual([
      factsOf(A, { ...POLICY, at: NOW + 1, expiresAt: NOW + HOUR_MS }),
    ]);
  });
});

describe("what is due", () => {
  const soon = { at: NOW - HOUR_MS, expiresAt: NOW + MINUTE_MS };
  const due = async (limit = 10, now = NOW) =>
    (await store.dueFacts(env.DB, now + 2 * MINUTE_MS, now, limit)).map(({ domain }) => domain);

  test("popular domains whose facts run out, the most asked first", async () => {
    const names = ["some", "most", "late", "rare", "new", "seldom"].map((one) => `${one}.example`);
    const [some, most, late, rare, unknown, seldom] = names as [string, ...string[]] & string[];
    await write(factsOf(some as string, soon), factsOf(most as string, { ...soon, ...POLICY }));
    await write(factsOf(rare as string, soon), factsOf(late as string));
    // Asked 30 times a day, and good for five minutes.
    await write(factsOf(seldom as string, { ...soon, at: soon.expiresAt - 5 * MINUTE_MS }));
    for (const [domain, times] of [
      [some, 100],
      [most, 200],
      [late, 300],
      [rare, 23],
      [unknown, 50],
      [seldom, 30],
    ] as [string, number][]) {
      await count(times, NOW, domain);
    }
    expect(await store.dueFacts(env.DB, NOW + 2 * MINUTE_MS, NOW, 10)).toEqual([
      { domain: most, policy: true },
      { domain: some, policy: false },
      { domain: unknown, policy: false },
    ]);
    expect(await due(1)).toEqual([most]);
  });

  test("the longest that facts have held counts: a resolver may answer with a rest", async () => {
    const rest = { at: NOW - 4 * MINUTE_MS, expiresAt: NOW + MINUTE_MS };
    await write(factsOf(A, rest));
    await count(40);
    expect(await due()).toEqual([]);
    await write(factsOf(A, { at: NOW - 10 * HOUR_MS, expiresAt: NOW - 9 * HOUR_MS }));
    expect(await due()).toEqual([A]);
    expect(await read()).toMatchObject([rest]);
  });

  test("a domain that nobody asks for any longer ceases to be popular", async () => {
    await write(factsOf(A, soon));
    await count(100);
    expect(await due()).toEqual([A]);
    expect(await due(10, NOW + 4 * DAY_MS)).toEqual([]);
    expect(await row()).toMatchObject({ popular: 0 });
    expect(await read()).toHaveLength(1);
  });

  test("it reads what is due, however many rows there are", async () => {
    await write(...list(3_000).map((domain) => factsOf(domain, soon)));
    await count(100, NOW, "d7.example");
    const { db, rows } = metered();
    await store.dueFacts(db, NOW + 2 * MINUTE_MS, NOW, 10);
    expect(rows.read).toBeLessThan(20);
    expect(rows.written).toBe(0);
  });
});

test("what is of no use any longer is deleted when its part is due, and nothing else", async () => {
  const old = { at: NOW - 40 * DAY_MS, expiresAt: NOW - store.KEEP_MS - 1 };
  const [from, before] = [NOW, NOW + store.PRUNE_PARTS * MINUTE_MS];
  /** The minutes of a day in which one of these domains is due. */
  const minutes = (domains: readonly string[]): number[] => {
    const due: number[] = [];
    for (let at = from; at < before; at += MINUTE_MS) {
      const { from, to } = store.prunePart(Math.floor(at / MINUTE_MS) % store.PRUNE_PARTS);
      if (domains.some((domain) => domain >= from && domain < to)) due.push(at);
    }
    return due;
  };
  const gone = ["old.example", "xn--bcher-kva.example", "t.co"];
  const kept = ["expired.example", "asked.example", "popular.example"];
  await write(...[...gone, "asked.example", "popular.example"].map((one) => factsOf(one, old)));
  await write(factsOf("expired.example", { ...old, expiresAt: before - store.KEEP_MS }));
  await count(1, NOW - DAY_MS, "asked.example");
  await count(30, old.at, "popular.example");
  const due = minutes([...gone, ...kept]);
  expect(due).toHaveLength(6);
  const deleted = await Promise.all(due.map((at) => store.pruneFacts(env.DB, at)));
  expect(deleted.filter((one) => one > 0)).toEqual([1, 1, 1]);
  const { results } = await env.DB.prepare("SELECT domain FROM domain_facts").all();
  expect(results.map(({ domain }) => domain)).toEqual([...kept].sort());
});

test("a run reads the part that is due, and deletes so many at most", async () => {
  const old = { at: NOW - 90 * DAY_MS, expiresAt: NOW - 80 * DAY_MS };
  await write(...list(3_000).map((domain) => factsOf(domain, old)));
  await write(...Array.from({ length: 2_100 }, (_, n) => factsOf(`x1${n}.example`, old)));
  const { db, rows } = metered();
  const day = NOW - (NOW % (store.PRUNE_PARTS * MINUTE_MS));
  const part = Array.from({ length: store.PRUNE_PARTS }, (_, n) => n).findIndex((one) => {
    const { from, to } = store.prunePart(one);
    return from <= "x10.example" && "x10.example" < to;
  });
  expect(await store.pruneFacts(db, day + part * MINUTE_MS)).toBe(2_000);
  rows.read = 0;
  expect(await store.pruneFacts(db, day + part * MINUTE_MS)).toBe(100);
  expect(rows.read).toBeLessThan(500);
});
