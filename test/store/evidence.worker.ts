import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import {
  type EvidenceFound,
  HALF_LIFE_MS,
  type ProbeClass,
  type Rates,
} from "../../src/core/evidence.ts";
import { MARK } from "../../src/core/marks.ts";
import { readEvidence, recordProbes } from "../../src/store/evidence.ts";
import { EvidenceBook, type Facts } from "../support/evidence-book.ts";
import { shuffledGroups } from "../support/shuffle.ts";
import {
  clearEvidence,
  evidenceItem as item,
  learnFacts as learn,
  NOW,
  recordEvidence as record,
} from "../support/worker/evidence.ts";

const DAY = 86_400_000;
const { delivered: DELIVERED, hard: HARD } = MARK;

beforeEach(clearEvidence);

const HASHES = ["h0", "h1", "h2", "h3"];
const DOMAINS = ["d0.example", "d1.example"];

const read = (account = "a", shared = false, now = NOW): Promise<EvidenceFound> => {
  const domain = "d.example";
  const keys = [
    { hash: "h", domain },
    ...HASHES.map((hash, n) => ({ hash, domain: DOMAINS[n % 2] ?? "" })),
  ];
  return readEvidence(env.DB, account, keys, now, shared);
};

/** Sums lose some digits, and a sum that everybody has left is as good as none. */
function rounded(found: EvidenceFound): unknown {
  const six = (value: unknown): unknown => {
    if (typeof value === "number") return Number(value.toFixed(6)) || 0;
    return typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, six(one)]))
      : value;
  };
  const some = ([, rates]: readonly [string, Rates]): boolean =>
    rates.good + rates.bad + rates.kept + rates.lost > 1e-9;
  return six({
    addresses: Object.fromEntries(found.addresses),
    domains: Object.fromEntries([...found.domains].filter(some)),
    buckets: Object.fromEntries([...found.buckets].filter(some)),
    global: found.global,
  });
}

/** Outcomes of a few addresses over two years; what a message is about never changes. */
const outcomes = fc
  .array(
    fc.record({
      message: fc.nat(7),
      marks: fc.constantFrom(DELIVERED, HARD, DELIVERED | HARD),
      reports: fc.boolean(),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .map((all) =>
    all.map(({ message, marks, reports }) => {
      const n = (message * 5) % 4;
      const at = NOW - ((message * 97) % 700) * DAY;
      const about = { messageId: `m${message}`, at, hash: `h${n}`, domain: DOMAINS[n % 2] ?? "" };
      return item({ ...about, marks, reports, role: n === 3 });
    }),
  );

describe("counting", () => {
  test("is that of the core, whatever the order, the grouping and the repetition", async () => {
    const runs = outcomes.chain((given) => fc.tuple(fc.constant(given), shuffledGroups(given)));
    await fc.assert(
      fc.asyncProperty(runs, async ([given, groups]) => {
        await clearEvidence();
        const book = new EvidenceBook();
        for (const one of given) book.record(one);
        for (const group of groups) await record(group);
        expect(rounded(await read())).toEqual(rounded(book.read("a", NOW, HASHES)));
      }),
      { numRuns: 40 },
    );
  });

  test("moves an address to the bucket that facts and probes name, wholly", async () => {
    const steps = fc.array(
      fc.oneof(
        outcomes,
        fc.record({
          domain: fc.constantFrom(...DOMAINS),
          mxType: fc.constantFrom("mx" as const, "implicit_a" as const, null),
          provider: fc.constantFrom("google", null),
        }),
        fc.record({
          hash: fc.constantFrom(...HASHES),
          probe: fc.constantFrom<ProbeClass>("accepted", "rejected", "catch_all", "unknown"),
        }),
      ),
      { minLength: 2, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        await clearEvidence();
        const book = new EvidenceBook();
        for (const step of all) {
          if (Array.isArray(step)) {
            for (const one of step) book.record(one);
            await record(step);
          } else if ("hash" in step) {
            const known = book.probes.get(step.hash) ?? "none";
            const tells = step.probe !== "unknown" || known === "none";
            if (tells) book.probes.set(step.hash, step.probe);
            await recordProbes(env.DB, "a", [step]);
          } else {
            book.facts.set(step.domain, step satisfies Facts);
            await learn(step.domain, step.mxType, step.provider);
          }
        }
        expect(rounded(await read())).toEqual(rounded(book.read("a", NOW, HASHES)));
      }),
      { numRuns: 40 },
    );
  });

  test("takes a delivery back when the same message bounces, in either order", async () => {
    const at = NOW - 30 * DAY;
    await record([item({ messageId: "m0", at })]);
    await record([item({ messageId: "m1", marks: DELIVERED })]);
    await record([item({ messageId: "m1", marks: HARD })]);
    const first = await read();
    expect(first.addresses.get("h")).toMatchObject({ delivered: 1, hardBounced: 1 });
    expect(first.addresses.get("h")).toMatchObject({ last: "bounced", lastHardAt: NOW - DAY });
    expect(first.domains.get("d.example")).toMatchObject({ delivered: 1, hardBounced: 1 });
    await clearEvidence();
    await record([item({ messageId: "m1", marks: HARD })]);
    await record([item({ messageId: "m1", marks: DELIVERED })]);
    await record([item({ messageId: "m0", at })]);
    expect(rounded(await read())).toEqual(rounded(first));
  });

  test("bounces by sources that tell of nothing else say nothing of their domain", async () => {
    await record([item({ marks: HARD, reports: false })]);
    const found = await read();
    expect(found.addresses.get("h")).toMatchObject({ hardBounced: 1, last: "bounced" });
    expect(found.domains.size + found.buckets.size).toBe(0);
    expect(found.global).toMatchObject({ good: 0, bad: 0 });
    await record([item({ messageId: "m2", at: NOW - 2 * DAY })]);
    expect((await read()).global).toMatchObject({ bad: 0, good: expect.closeTo(0.985, 3) });
  });

  test("of one account is nothing to another, unless it is shared", async () => {
    await record([item()]);
    expect((await read("b")).global.good).toBe(0);
    expect((await read("a", true)).global.good).toBe(0);
    await clearEvidence();
    await record([item(), item({ account: "b", hash: "h1", marks: HARD })], true);
    const found = await read("b", true);
    expect(found.global).toMatchObject({ good: expect.closeTo(1, 1), bad: expect.closeTo(1, 1) });
    expect([...found.addresses.keys()]).toEqual(["h1"]);
    expect((await read("b")).domains.size).toBe(0);
  });

  test("goes on without a trace of the former owner when sharing is switched", async () => {
    await record([item({ at: NOW - 90 * DAY })]);
    await record([item({ messageId: "m2" })], true);
    expect((await read()).global).toMatchObject({ good: 0, kept: 0 });
    expect((await read("a", true)).global).toMatchObject({
      good: expect.closeTo(0.5, 6),
      kept: expect.closeTo(2.13, 2),
    });
  });
});

describe("reading", () => {
  test("fades what was counted, by half in each half-life", async () => {
    await record([item({ at: NOW })]);
    for (const halves of [0, 1, 2, 40]) {
      const { global, addresses } = await read("a", false, NOW + halves * HALF_LIFE_MS);
      expect(global.good).toBeCloseTo(2 ** -halves, 9);
      expect(addresses.get("h")).toMatchObject({
        ...{ delivered: 1, last: "delivered", age: halves * 3 },
        good: expect.closeTo(2 ** -halves, 9),
      });
    }
  });

  test("an address that was only probed has no evidence", async () => {
    await recordProbes(env.DB, "a", [
      { hash: "h", probe: "accepted" },
      { hash: "h1", probe: "none" },
    ]);
    await recordProbes(env.DB, "a", []);
    expect((await read()).addresses.size).toBe(0);
    // What found nothing out takes nothing back.
    await recordProbes(env.DB, "a", [{ hash: "h", probe: "unknown" }]);
    await record([item()]);
    expect([...(await read()).buckets.keys()]).toEqual(["unknown/other/lasting/person/accepted"]);
  });
});
