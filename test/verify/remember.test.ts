import { describe, expect, test } from "vitest";
import type { AddressEvidence, EvidenceFound, EvidenceKey } from "../../src/core/evidence.ts";
import { NO_RATES } from "../../src/core/evidence.ts";
import { FEW_MAX, FRESH_MS, rememberEvidence } from "../../src/verify/remember.ts";

const KNOWN = "known";

const history: AddressEvidence = {
  ...{ good: 1, bad: 0, delivered: 1, hardBounced: 0, lastDeliveredAt: 5, lastHardAt: 0 },
  ...{ last: "delivered", age: 0, kept: 0 },
};

/** Evidence of one address; every read is noted. */
function world() {
  const made = { now: 0, answers: true, reads: [] as { account: string; hashes: string[] }[] };
  const read = async (account: string, keys: readonly EvidenceKey[]) => {
    made.reads.push({ account, hashes: keys.map(({ hash }) => hash) });
    if (!made.answers) return null;
    const has = keys.some(({ hash }) => hash === KNOWN);
    const found: EvidenceFound = {
      addresses: new Map(has ? [[KNOWN, history]] : []),
      domains: new Map(),
      buckets: new Map([["mx/google/lasting/person/none", { ...NO_RATES, good: 3 }]]),
      global: { ...NO_RATES, good: 3 },
    };
    return found;
  };
  return Object.assign(made, { ask: rememberEvidence(read, () => made.now) });
}

const keys = (...hashes: string[]): EvidenceKey[] =>
  hashes.map((hash) => ({ hash, domain: "example.com" }));

describe("evidence in memory", () => {
  test("an address is read once within its freshness, with or without a history", async () => {
    const one = world();
    const first = await one.ask("acme", keys(KNOWN, "none"));
    one.now = FRESH_MS - 1;
    expect(await one.ask("acme", keys(KNOWN, "none"))).toEqual(first);
    expect(first?.addresses.get(KNOWN)).toBe(history);
    expect(one.reads).toHaveLength(1);
    one.now = FRESH_MS;
    await one.ask("acme", keys(KNOWN, "none"));
    expect(one.reads).toHaveLength(2);
  });

  test("what one account's mail has shown is never another's", async () => {
    const one = world();
    await one.ask("acme", keys(KNOWN));
    await one.ask("other", keys(KNOWN));
    expect(one.reads.map(({ account }) => account)).toEqual(["acme", "other"]);
  });

  test("one address that is not known reads, and so does another one", async () => {
    const one = world();
    await one.ask("acme", keys("a"));
    await one.ask("acme", keys("a", "b"));
    expect(one.reads.map(({ hashes }) => hashes)).toEqual([["a"], ["a", "b"]]);
  });

  test("a database that does not answer is asked again", async () => {
    const one = world();
    one.answers = false;
    expect(await one.ask("acme", keys(KNOWN))).toBeNull();
    one.answers = true;
    expect((await one.ask("acme", keys(KNOWN)))?.addresses.size).toBe(1);
  });

  test("a list is read as it is, and pushes nothing out", async () => {
    const one = world();
    const list = Array.from({ length: FEW_MAX + 1 }, (_, n) => `n${n}`);
    await one.ask("acme", keys(...list));
    await one.ask("acme", keys(...list));
    expect(one.reads).toHaveLength(2);
  });
});
