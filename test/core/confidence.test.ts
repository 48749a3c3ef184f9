import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CONTACTS_MIN, type ConfidenceLevels, confidenceOf } from "../../src/core/confidence.ts";
import { type AddressEvidence, NO_RATES, type Rates } from "../../src/core/evidence.ts";

const rates = (given: Partial<Rates>): Rates => ({ ...NO_RATES, ...given });

/** 95 of 100 first contacts were accepted, and of a hundred a month one is given up. */
const ALL = rates({ good: 94.5, bad: 4.5, kept: 989.5, lost: 10 });

const levels = (given: Partial<ConfidenceLevels> = {}): ConfidenceLevels => ({
  ...{ address: null, domain: null, bucket: null, global: ALL },
  ...given,
});

const address = (given: Partial<AddressEvidence> = {}): AddressEvidence => ({
  ...{ good: 1, bad: 0, delivered: 1, hardBounced: 0, lastDeliveredAt: 1, lastHardAt: 0 },
  ...{ last: "delivered", age: 0, kept: 0 },
  ...given,
});
const chance = (given: Partial<ConfidenceLevels>): number => confidenceOf(levels(given)).p ?? -1;

const amount = fc.double({ min: 0, max: 1e6, noNaN: true });
const some = fc.record({ good: amount, bad: amount, kept: amount, lost: amount });
const months = fc.double({ min: 0, max: 60, noNaN: true });
const own = fc
  .record({ last: fc.constantFrom("delivered", "bounced"), age: months, kept: months })
  .map((given) => address(given));
const everything = fc.record({
  ...{ address: fc.option(own), domain: fc.option(some), bucket: fc.option(some) },
  global: some,
});

describe("nothing is claimed", () => {
  const nothing = { p: null, lo: null, hi: null, basis: "none" };

  test("by fewer than thirty first contacts, whatever is known of the address", () => {
    const few = rates({ good: CONTACTS_MIN - 0.01 });
    const known = { address: address(), domain: few, bucket: few, global: few };
    expect(confidenceOf(known)).toMatchObject({ ...nothing, n: few.good });
    expect(confidenceOf(levels({ ...known, global: ALL })).p).not.toBe(null);
    expect(confidenceOf(levels({ global: null }))).toMatchObject({ ...nothing, n: 0 });
  });

  test("of a kind of domain that was never written to, or hardly ever", () => {
    expect(confidenceOf(levels())).toMatchObject({ ...nothing, n: 99 });
    const hardly = rates({ good: 2.4 });
    expect(confidenceOf(levels({ domain: hardly, bucket: hardly }))).toMatchObject(nothing);
  });
});

describe("a first contact", () => {
  test("has the rate of its domain, shrunk to its bucket's and that to all", () => {
    const bucket = rates({ good: 20 });
    const inBucket = (20 + 10 * 0.95) / 30;
    const domain = rates({ good: 10, bad: 10 });
    const { p, n, basis } = confidenceOf(levels({ domain, bucket }));
    expect([n, basis]).toEqual([20, "domain"]);
    expect(p).toBeCloseTo((10 + 10 * inBucket) / 30, 12);
    expect(confidenceOf(levels({ bucket }))).toMatchObject({
      ...{ p: expect.closeTo(inBucket, 12), n: 20, basis: "bucket" },
    });
  });

  test("at a domain that has been written to a lot goes by that domain alone", () => {
    expect(chance({ domain: rates({ good: 7e5, bad: 3e5 }) })).toBeCloseTo(0.7, 4);
  });

  test("has an interval that narrows with what is known, and holds most of what is true", () => {
    const widthOf = (domain: Rates): number => {
      const { lo, hi } = confidenceOf(levels({ domain }));
      return (hi ?? 0) - (lo ?? 1);
    };
    const widths = [3, 30, 300, 3_000].map((n) => widthOf(rates({ good: 0.9 * n, bad: 0.1 * n })));
    expect(widths).toEqual(widths.toSorted((a, b) => b - a));
    expect(widths[3]).toBeLessThan(0.02);
    // Drift does not shrink with numbers.
    expect(widthOf(rates({ good: 9e5, bad: 1e5 }))).toBeGreaterThan(0.009);
  });
});

describe("an address that has taken mail", () => {
  const domain = rates({ good: 100, bad: 20, kept: 500, lost: 10 });

  test("is surer than a stranger at once, and less so month after month", () => {
    const after = (age: number): number => chance({ address: address({ age }), domain });
    const stranger = chance({ domain });
    expect(after(0)).toBeGreaterThan(0.99);
    expect(stranger).toBeLessThan(0.9);
    const course = [0, 1, 3, 6, 12, 24, 36].map(after);
    expect(course).toEqual(course.toSorted((a, b) => b - a));
    expect(course[4]).toBeLessThan(0.9);
    expect(course[4]).toBeGreaterThan(0.75);
    // Beyond three years nothing is known of it.
    expect(after(37)).toBe(stranger);
  });

  test("goes by its domain's months, and by its own the longer it has been there", () => {
    const dying = rates({ good: 100, bad: 20, kept: 100, lost: 50 });
    const at = (of: Rates, kept = 0): number =>
      chance({ address: address({ age: 3, kept }), domain: of });
    expect(at(dying)).toBeLessThan(at(domain) - 0.2);
    expect(at(dying, 24)).toBeGreaterThan(at(dying, 12));
    expect(at(dying, 12)).toBeGreaterThan(at(dying));
  });

  test("is no surer than a stranger after a month while no address has been seen to last", () => {
    const untried = rates({ good: 94.5, bad: 4.5 });
    const p = chance({ address: address({ age: 0.9 }), global: untried });
    expect(p).toBeCloseTo(0.95, 9);
  });
});

test("an address that has bounced is hardly ever there, and less surely gone years later", () => {
  const after = (age: number): number => chance({ address: address({ last: "bounced", age }) });
  expect(after(0)).toBeCloseTo((0.03 * 0.95) / 1.03, 12);
  const course = [0, 6, 12, 24, 36].map(after);
  expect(course).toEqual(course.toSorted((a, b) => a - b));
  expect(course[4]).toBeGreaterThan(0.1);
  expect(course[4]).toBeLessThan(0.25);
});

test("the narrowest level that knows something is the basis", () => {
  const full = { address: address({ good: 2, bad: 1 }), domain: ALL, bucket: ALL };
  expect(confidenceOf(levels(full))).toMatchObject({ basis: "address", n: 3 });
  expect(confidenceOf(levels({ ...full, address: null }))).toMatchObject({ basis: "domain" });
  const hardly = rates({ good: 2 });
  const { basis, n } = confidenceOf(levels({ domain: hardly, bucket: ALL }));
  expect([basis, n]).toEqual(["bucket", 99]);
});

test("a chance is within its interval, and that between 0 and 1, for any evidence", () => {
  fc.assert(
    fc.property(everything, (given) => {
      const { p, lo, hi, n, basis, model } = confidenceOf(given);
      expect(model).toBe("beta-binomial-1");
      expect(n).toBeGreaterThanOrEqual(0);
      if (p === null || lo === null || hi === null) {
        expect([p, lo, hi, basis]).toEqual([null, null, null, "none"]);
        return;
      }
      expect(lo).toBeGreaterThanOrEqual(0);
      expect(lo).toBeLessThanOrEqual(p);
      expect(p).toBeLessThanOrEqual(hi);
      expect(hi).toBeLessThanOrEqual(1 + 1e-12);
    }),
    { numRuns: 500 },
  );
});

test("a bounce more never makes a chance larger, nor an acceptance smaller, at any level", () => {
  const level = fc.constantFrom("domain", "bucket", "global");
  fc.assert(
    fc.property(everything, level, amount, (given, name, more) => {
      const before = confidenceOf(given);
      const one = given[name as "domain"] ?? NO_RATES;
      const with_ = (added: Partial<Rates>) =>
        confidenceOf({ ...given, [name]: { ...one, ...added } });
      const worse = with_({ bad: one.bad + more, lost: one.lost + more });
      const better = with_({ good: one.good + more, kept: one.kept + more });
      if (before.p === null) return;
      // A level that is the first to have a say changes the question.
      if (worse.basis === before.basis) expect(worse.p).toBeLessThanOrEqual(before.p + 1e-9);
      if (better.basis === before.basis) expect(better.p).toBeGreaterThanOrEqual(before.p - 1e-9);
    }),
    { numRuns: 500 },
  );
});
