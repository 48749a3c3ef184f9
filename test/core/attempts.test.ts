import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  attemptKey,
  type BounceFact,
  type Bounces,
  mergeBounces,
  standingBounce,
} from "../../src/core/attempts.ts";
import { BOUNCE_CATEGORIES, BOUNCE_KINDS } from "../../src/core/bounce.ts";

const fact = (given: Partial<BounceFact> = {}): BounceFact => ({
  kind: "hard",
  category: "recipient",
  at: 1,
  code: "5.1.1",
  text: "",
  ...given,
});

const facts = fc.record({
  kind: fc.constantFrom(...BOUNCE_KINDS),
  category: fc.constantFrom(...BOUNCE_CATEGORIES),
  at: fc.nat(3),
  code: fc.constantFrom("", "5.1.1"),
  text: fc.constantFrom("", "\u{1f600}", "\uffee"),
});
const records: fc.Arbitrary<Bounces> = fc.dictionary(fc.constantFrom("a", "a/1", "b"), facts);

describe("bounces by attempt", () => {
  test("merge alike in any order, grouping and repetition", () => {
    fc.assert(
      fc.property(records, records, records, (a, b, c) => {
        const once = mergeBounces(mergeBounces(a, b), c);
        expect(mergeBounces(a, mergeBounces(b, c))).toEqual(once);
        expect(mergeBounces(mergeBounces(c, a), mergeBounces(b, a))).toEqual(once);
        expect(mergeBounces(once, once)).toEqual(once);
      }),
    );
  });

  test("the worse one of an attempt is kept: hard over block over soft", () => {
    const soft = { a: fact({ kind: "soft", at: 0 }) };
    const block = { a: fact({ kind: "block", at: 1 }) };
    const hard = { a: fact({ at: 2 }) };
    expect(mergeBounces(mergeBounces(soft, hard), block)).toEqual(hard);
    expect(mergeBounces(soft, block)).toEqual(block);
  });
});

describe("where the recipient stands", () => {
  const old = attemptKey("ses", "first");
  const newest = attemptKey("ses", "second");

  test("an old attempt's bounce does not count against a newer attempt", () => {
    expect(standingBounce({ [old]: fact() }, newest, "ses")).toBe(null);
    expect(standingBounce({ [attemptKey("other", "x")]: fact() }, newest, "ses")).toBe(null);
    expect(standingBounce({ other: fact() }, newest, "ses")).toBe(null);
  });

  test("a bounce of the newest attempt counts", () => {
    expect(standingBounce({ [old]: fact(), [newest]: fact({ at: 9 }) }, newest, "ses")?.at).toBe(9);
  });

  test("a bounce of which nobody can tell the attempt counts", () => {
    expect(standingBounce({ ses: fact() }, newest, "ses")).not.toBe(null);
    expect(standingBounce({ [old]: fact() }, "", null)).not.toBe(null);
    expect(standingBounce({ [old]: fact() }, "", "ses")).not.toBe(null);
  });

  test("keys differ by source and id, and hold nothing that SQL or JSON would quote", () => {
    const keys = ["", "a", 'a"b', "a'b", "a\\b", "é", "a b"].map((id) => attemptKey("s", id));
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) expect(key).toMatch(/^s(\/[0-9a-f]{16})?$/);
  });
});
