import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { type GateDeps, refusals } from "../../src/verify/gate.ts";
import type { FactsAsk } from "../../src/verify/ports.ts";
import { within } from "./facts-kit.ts";
import { factsOf, rulesOf } from "./worlds.ts";

const NOW = Date.UTC(2026, 10, 1);
const never = new Promise<never>(() => {});

interface World {
  readonly deps: GateDeps;
  readonly asked: FactsAsk[];
  evidenceAsked: number;
}

/** A gate whose facts are known for two domains; `late` holds them back for good. */
function world({ late = false, broken = false } = {}): World {
  const known = new Map([
    ["gone.com", factsOf("gone.com", { status: "nxdomain", mxType: "none" })],
    ["fine.com", factsOf("fine.com")],
    ["slow.com", factsOf("slow.com", { status: "timeout", mxType: null, shared: false })],
  ]);
  const made: World = {
    asked: [],
    evidenceAsked: 0,
    deps: {
      strictMs: 5_000,
      within: (promise, ms) => within(promise, late ? 0 : ms),
      verify: {
        now: () => NOW,
        facts: async (domains, ask) => {
          made.asked.push(ask);
          if (broken) throw new Error("a bug");
          if (late) await never;
          return new Map(
            domains.flatMap((one) => (known.has(one) ? [[one, known.get(one)!]] : [])),
          );
        },
        evidence: async () => {
          made.evidenceAsked += 1;
          return null;
        },
        probe: null,
        rules: rulesOf(parseConfig({})),
        log: () => {},
      },
    },
  };
  return made;
}

const ADDRESSES = ["a@gone.com", "b@fine.com", "c@slow.com", "d@strange.com"];

describe("before acceptance", () => {
  test("nobody is asked where verification is off", async () => {
    const { deps, asked } = world();
    expect(await refusals("acme", ADDRESSES, "off", deps)).toEqual([null, null, null, null]);
    expect(asked).toEqual([]);
  });

  test.each(["cached", "strict"] as const)(
    "%s refuses what is known to be undeliverable, and lets everything else pass",
    async (mode) => {
      const { deps } = world();
      const reasons = await refusals("acme", ADDRESSES, mode, deps);
      expect(reasons).toEqual(["domain_not_found", null, null, null]);
    },
  );

  test("cached looks nothing up and reads no evidence; strict does both", async () => {
    const cached = world();
    await refusals("acme", ADDRESSES, "cached", cached.deps);
    expect([cached.asked[0]?.lookup, cached.evidenceAsked]).toEqual([false, 0]);
    const strict = world();
    await refusals("acme", ADDRESSES, "strict", strict.deps);
    expect([strict.asked[0]?.lookup, strict.evidenceAsked]).toEqual([true, 1]);
  });

  test("what does not answer in time, or fails, lets mail pass", async () => {
    for (const one of [world({ late: true }), world({ broken: true })]) {
      const reasons = await refusals("acme", ADDRESSES, "strict", one.deps);
      expect(reasons).toEqual([null, null, null, null]);
    }
  });
});
