import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addressEvidence,
  bucketKey,
  type EvidenceItem,
  faded,
  HALF_LIFE_MS,
  type History,
  MONTH_MS,
  NO_RATES,
  shareOf,
  weightAt,
} from "../../src/core/evidence.ts";
import { MARK } from "../../src/core/marks.ts";
import { EvidenceBook } from "../support/evidence-book.ts";
import { shuffledGroups } from "../support/shuffle.ts";

const NOW = Date.UTC(2026, 9, 1);
const DAY = 86_400_000;

const history = (given: Partial<History>): History => ({
  ...{ firstDeliveredAt: 0, lastDeliveredAt: 0, firstHardAt: 0, lastHardAt: 0 },
  ...given,
});
/** One delivery or more, from the first to the last. */
const taken = (from: number, to = from) => ({ firstDeliveredAt: from, lastDeliveredAt: to });
const refused = (from: number, to = from) => ({ firstHardAt: from, lastHardAt: to });
const of = (given: Partial<History>, now = NOW) => faded(shareOf(history(given)), now);

describe("a weight", () => {
  test("halves from half-life to half-life, whenever it is looked at", () => {
    const at = fc.integer({ min: 1, max: Date.UTC(2125, 0) });
    fc.assert(
      fc.property(at, fc.integer({ min: 0, max: 40 }), (time, halves) => {
        const later = time + halves * HALF_LIFE_MS;
        const { good } = faded({ ...NO_RATES, good: weightAt(time) }, later);
        expect(good).toBeCloseTo(2 ** -halves, 12);
      }),
    );
  });

  test("stays a number for a hundred years, a billion of them too", () => {
    const century = Date.UTC(2125, 0);
    let sum = 0;
    for (let at = century; at >= Date.UTC(2025, 0); at -= 7 * DAY) sum += 1e9 * weightAt(at);
    expect(Number.isFinite(sum)).toBe(true);
    const { good } = faded({ ...NO_RATES, good: sum }, century);
    // Weeks under the curve: half-life / ln 2, and half a step.
    expect(good / 1e9).toBeCloseTo(90 / Math.LN2 / 7 + 0.5, 1);
    expect(weightAt(1)).toBeGreaterThan(0);
  });
});

describe("what an address adds", () => {
  test("is one first contact, however many messages it has taken since", () => {
    const { good, bad, lost } = of(taken(NOW - HALF_LIFE_MS, NOW));
    expect([good, bad, lost]).toEqual([0.5, 0, 0]);
    expect(of(refused(NOW - HALF_LIFE_MS, NOW))).toEqual({ ...NO_RATES, bad: 0.5 });
    expect(of({})).toEqual(NO_RATES);
  });

  test("is the time through which it has taken mail, of which the past counts less", () => {
    const { kept } = of(taken(NOW - MONTH_MS, NOW));
    expect(kept).toBeGreaterThan(0.85);
    expect(kept).toBeLessThan(1);
    const ever = of(taken(NOW - 100 * HALF_LIFE_MS, NOW)).kept;
    expect(ever).toBeCloseTo(90 / Math.LN2 / 30, 9);
  });

  test("is a loss when it bounces after it has taken mail, half of the gap survived", () => {
    const gone = of({ ...taken(NOW - 2 * MONTH_MS, NOW - MONTH_MS), ...refused(NOW) });
    const kept = of(taken(NOW - 2 * MONTH_MS, NOW - MONTH_MS)).kept;
    const through = of(taken(NOW - 2 * MONTH_MS, NOW)).kept;
    expect(gone).toMatchObject({ bad: 0, lost: 1 });
    expect(gone.kept).toBeCloseTo((kept + through) / 2, 12);
    const back = of({ ...taken(NOW - MONTH_MS, NOW), ...refused(NOW - DAY) });
    expect(back.lost).toBe(0);
  });

  test("is a bad first contact when its first message was taken and came back", () => {
    const both = of({ ...taken(NOW), ...refused(NOW) });
    expect(both).toEqual({ ...NO_RATES, bad: 1 });
  });
});

describe("of an address", () => {
  const counts = { good: 0, bad: 0, delivered: 3, hardBounced: 1 };
  const known = (given: Partial<History>) => addressEvidence(history(given), counts, NOW);

  test("the newest outcome counts, and at one time the bounce", () => {
    const lasted = taken(NOW - 4 * MONTH_MS, NOW - MONTH_MS);
    expect(known(lasted)).toMatchObject({ last: "delivered", age: 1, kept: 3 });
    const bounced = { ...lasted, ...refused(NOW - MONTH_MS) };
    expect(known(bounced)).toMatchObject({ last: "bounced", age: 1, kept: 0 });
    const back = { ...lasted, ...refused(NOW - 3 * MONTH_MS) };
    expect(known(back)).toMatchObject({ last: "delivered", kept: 2 });
    expect(known({})).toBe(null);
  });

  test("no time is negative when a clock is ahead", () => {
    expect(known(taken(NOW + DAY))).toMatchObject({ age: 0, kept: 0 });
  });
});

test("sums are the same for any order, grouping and repetition of outcomes", () => {
  const outcome = fc.record({
    message: fc.nat(9),
    marks: fc.constantFrom(MARK.delivered, MARK.hard, MARK.delivered | MARK.hard),
    reports: fc.boolean(),
  });
  const runs = fc
    .array(outcome, { minLength: 1, maxLength: 20 })
    .map((all) =>
      all.map(
        ({ message, ...one }): EvidenceItem => ({
          ...{
            account: "a",
            messageId: `m${message}`,
            no: 0,
            at: NOW - ((message * 71) % 500) * DAY,
          },
          ...{ hash: `h${message % 3}`, domain: "d.example", disposable: false, role: false },
          ...one,
        }),
      ),
    )
    .chain((all) => fc.tuple(fc.constant(all), shuffledGroups(all)));
  fc.assert(
    fc.property(runs, ([all, groups]) => {
      const [a, b] = [new EvidenceBook(), new EvidenceBook()];
      for (const one of all) a.record(one);
      for (const one of groups.flat()) b.record(one);
      const read = (book: EvidenceBook) => book.read("a", NOW, ["h0", "h1", "h2"]);
      const { addresses, global } = read(a);
      for (const [hash, { good, bad, ...rest }] of read(b).addresses) {
        expect(addresses.get(hash)).toMatchObject(rest);
        expect(addresses.get(hash)?.good).toBeCloseTo(good, 9);
        expect(addresses.get(hash)?.bad).toBeCloseTo(bad, 9);
      }
      for (const name of ["good", "bad", "kept", "lost"] as const) {
        expect(read(b).global[name]).toBeCloseTo(global[name], 9);
      }
    }),
  );
});

test("a bucket is named by what makes domains alike", () => {
  const traits = { mxType: "mx", provider: "google", disposable: false, role: true } as const;
  expect(bucketKey({ ...traits, probe: "accepted" })).toBe("mx/google/lasting/role/accepted");
  const unknown = { mxType: null, provider: null, disposable: true, role: false } as const;
  expect(bucketKey({ ...unknown, probe: "none" })).toBe("unknown/other/disposable/person/none");
});
