import fc from "fast-check";
import { expect, test } from "vitest";
import type { DomainFacts, KnownFacts } from "../../src/core/domain-facts.ts";
import { UNSHARED_MS } from "../../src/verify/cache.ts";
import { hasPolicy, mergeFacts } from "../../src/verify/facts-merge.ts";
import type { FactsAsk } from "../../src/verify/ports.ts";
import { createWorld, factsOf, failedFacts, HOUR_MS, list, NOW, POLICY } from "./facts-kit.ts";

type World = ReturnType<typeof createWorld>;

const DOMAINS = list(12);
const STORES = ["readKv", "writeKv", "readD1", "writeD1"];
const broken = (): Promise<never> => Promise.reject(new Error("broken"));

/** What a lookup comes to: an answer that holds for some time, or one of the ways to fail. */
const outcome = fc.oneof(
  fc.integer({ min: 1, max: 3 * HOUR_MS }).map((lifeMs) => ({ kind: "answer" as const, lifeMs })),
  fc.constantFrom("timeout", "half", "throws").map((kind) => ({ kind, lifeMs: HOUR_MS })),
);
type Outcome = { readonly kind: string; readonly lifeMs: number };

function answer(domain: string, at: number, { kind, lifeMs }: Outcome, ask: FactsAsk): DomainFacts {
  if (kind === "throws") throw new Error("no route");
  if (kind === "timeout") return failedFacts(domain, at);
  const policy = ask.policy ? POLICY : {};
  const whole = factsOf(domain, { at, expiresAt: at + lifeMs, ...policy });
  // Where mail goes was learnt, and then something failed.
  return kind === "half" ? { ...whole, reach: null, shared: false } : whole;
}

const step = fc.record({
  passMs: fc.oneof(fc.integer({ max: 2_000, min: 0 }), fc.integer({ min: 0, max: 2 * HOUR_MS })),
  isolate: fc.nat(2),
  domains: fc.oneof(fc.subarray(DOMAINS, { minLength: 1, maxLength: 3 }), fc.constant(DOMAINS)),
  ask: fc.record({ policy: fc.boolean(), lookup: fc.boolean() }),
  outcomes: fc.array(outcome, { minLength: 1, maxLength: 4 }),
  broken: fc.oneof(fc.constant<string[]>([]), fc.subarray(STORES)),
  callers: fc.integer({ min: 1, max: 3 }),
});

/** Nothing that a failure had a part in, and nothing that is not what it says. */
function holdsOnlyFacts({ kv, d1 }: World): void {
  for (const [domain, facts] of [...kv, ...d1]) {
    expect(facts).toMatchObject({ domain, shared: true, status: "noerror" });
    expect(facts.reach).not.toBeNull();
  }
}

function isRight(known: KnownFacts, now: number, ask: FactsAsk, asked: number): void {
  const { facts, layer } = known;
  if (layer !== "dns") expect(facts.expiresAt, "not past its end").toBeGreaterThan(now);
  if (!facts.shared) {
    expect(["memory", "dns"]).toContain(layer);
    expect(now - facts.at, "a failure is forgotten").toBeLessThan(UNSHARED_MS);
  }
  if (!ask.lookup) expect(asked).toBe(0);
}

test("whatever fails, stores hold answers only, and callers get all they asked", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      let now = NOW;
      const world = createWorld(() => now);
      const isolates = [world.isolate(), world.isolate(), world.isolate()];
      /** When the policy of a domain could not be had in an isolate. */
      const tried = new Map<string, number>();
      for (const { passMs, isolate, domains, ask, outcomes, broken: out, callers } of steps) {
        now += passMs;
        world.broken = Object.fromEntries(out.map((name) => [name, broken]));
        world.calls.gather = [];
        let turn = 0;
        world.gather = async (domain, one) => {
          const next = outcomes[turn++ % outcomes.length] as Outcome;
          if (next.kind !== "answer" && one.policy) tried.set(`${isolate} ${domain}`, now);
          return answer(domain, now, next, one);
        };
        const asking = Array.from({ length: callers }, () =>
          (isolates[isolate] as (typeof isolates)[0]).facts(domains, ask),
        );
        for (const found of await Promise.all(asking)) {
          if (ask.lookup) expect([...found.keys()].sort()).toEqual([...domains].sort());
          for (const [domain, known] of found) {
            isRight(known, now, ask, world.calls.gather.length);
            const recently = now - (tried.get(`${isolate} ${domain}`) ?? 0) < UNSHARED_MS;
            if (ask.policy && ask.lookup && !recently) expect(hasPolicy(known.facts)).toBe(true);
          }
        }
        const looked = world.calls.gather.map(([domain]) => domain);
        expect(looked, "one lookup of a domain").toHaveLength(new Set(looked).size);
        await world.idle();
        holdsOnlyFacts(world);
      }
    }),
    { numRuns: 300 },
  );
});

test("two facts together never say less than the better one", () => {
  const facts = fc
    .record({
      at: fc.integer({ min: NOW - HOUR_MS, max: NOW }),
      lifeMs: fc.integer({ min: 1, max: HOUR_MS }),
      shared: fc.boolean(),
      policy: fc.constantFrom({}, POLICY, { spf: "reject_all" as const }),
    })
    .map(({ at, lifeMs, shared, policy }) =>
      factsOf("a.example", { at, expiresAt: NOW + lifeMs, shared, ...policy }),
    );
  fc.assert(
    fc.property(facts, facts, (held, fresh) => {
      const both = mergeFacts(held, fresh);
      expect(both.shared).toBe(held.shared || fresh.shared);
      expect([held.expiresAt, fresh.expiresAt]).toContain(both.expiresAt);
      const answers = [held, fresh].filter(({ shared }) => shared);
      expect(hasPolicy(both)).toBe(answers.length > 0 ? answers.some(hasPolicy) : hasPolicy(fresh));
      if (answers.length === 2) {
        expect(both.at).toBe(Math.max(held.at, fresh.at));
        const newer = fresh.at >= held.at ? fresh : held;
        if (newer.spf !== null) expect(both.spf).toBe(newer.spf);
        const policies = answers.filter(hasPolicy).map(({ expiresAt }) => expiresAt);
        if (policies.length === 1) {
          expect(both.expiresAt, "its policy holds").toBeLessThanOrEqual(policies[0] ?? 0);
        }
      }
    }),
  );
});
