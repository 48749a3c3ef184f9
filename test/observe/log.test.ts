import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { logLine } from "../../src/observe/log.ts";

const line = (reason: string): string => logLine("failed", { reason });

describe("a line of the log", () => {
  test("is one line of JSON with the event and its fields", () => {
    const text = logLine("dead_letter", { kind: "pack\nsecond", count: 3 });
    expect(text).not.toContain("\n");
    expect(JSON.parse(text)).toEqual({ event: "dead_letter", kind: "pack\nsecond", count: 3 });
  });

  test("is bounded, whatever an error says", () => {
    expect(line("x".repeat(100_000)).length).toBeLessThan(600);
  });

  test("keeps what is neither secret nor address", () => {
    const reason = "TypeError: fetch failed after 3 tries (code=ECONNRESET, source s1)";
    expect(JSON.parse(line(reason)).reason).toBe(reason);
  });
});

const PLANTED = "pl4nted";
const locals = fc.constantFrom(
  PLANTED,
  `jane.${PLANTED}+tag`,
  `"jane ${PLANTED}"`,
  `"${PLANTED}"`,
  `${PLANTED}'s`,
  `ünï.${PLANTED}`,
  `"a,${PLANTED};b"`,
);
const around = fc.constantFrom(
  ["", ""],
  ["no mailbox <", ">"],
  ["to: ", ", and others"],
  ['"address":"', '"'],
  ["(", ")"],
  ["mailto:", "?subject=a"],
) as fc.Arbitrary<[string, string]>;

describe("what is planted never comes out", () => {
  test("an address, wherever it stands in a reason", () => {
    fc.assert(
      fc.property(locals, around, fc.nat(700), (local, [before, after], padding) => {
        const text = line(`${"x ".repeat(padding / 2)}${before}${local}@a.example${after}`);
        expect(text).not.toContain(PLANTED);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    `%40 encoded: ${PLANTED}%40a.example`,
    `full width: ${PLANTED}\uff20a.example`,
    `escaped: ${PLANTED}&#64;a.example`,
  ])("an address in another spelling: %s", (reason) => {
    expect(line(reason)).not.toContain(PLANTED);
  });

  test.each([
    `post_live_${PLANTED}ABCdef0123456789abcdef`,
    `post_test_${PLANTED}`,
    `re_${PLANTED}_abc`,
    `Authorization: Bearer ${PLANTED}`,
    `authorization: bearer ${PLANTED}`,
    `Bearer abc-${PLANTED}`,
    `Bearer abc.${PLANTED}+/==`,
    `Bearer  ${PLANTED}`,
  ])("a key: %s", (reason) => {
    expect(line(`the header was ${reason} and was refused`)).not.toContain(PLANTED);
    for (let cut = 440; cut < 520; cut++) {
      expect(line(`${"x".repeat(cut)} ${reason}`)).not.toContain(PLANTED);
    }
  });
});
