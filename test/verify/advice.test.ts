import { describe, expect, test } from "vitest";
import { DEFAULT_ADVICE, recommendationOf } from "../../src/verify/advice.ts";
import { REASONS } from "../../src/verify/verdict.ts";
import { RULES } from "./checks/rules.ts";

const NO_CLAIM = { p: null };

describe("what to do", () => {
  test("undeliverable is blocked, whatever else is known", () => {
    const sure = { p: 1 };
    expect(recommendationOf("undeliverable", ["domain_not_found"], sure, RULES)).toBe("block");
  });

  test("by default each reason asks for what is documented, or for nothing", () => {
    for (const reason of REASONS) {
      const expected = DEFAULT_ADVICE[reason] ?? "send";
      expect(recommendationOf("unknown", [reason], NO_CLAIM, RULES), reason).toBe(expected);
    }
    expect(DEFAULT_ADVICE.catch_all).toBe("review");
    expect(DEFAULT_ADVICE.domain_takes_mail).toBe("send");
  });

  test("the strictest of the reasons counts, in any order", () => {
    const rules = { ...RULES, advice: { role: "block", disposable: "send" } } as const;
    const of = (...reasons: (typeof REASONS)[number][]) =>
      recommendationOf("risky", reasons, NO_CLAIM, rules);
    expect(of("disposable", "domain_takes_mail")).toBe("send");
    expect(of("catch_all", "domain_takes_mail")).toBe("review");
    expect(of("domain_takes_mail", "catch_all")).toBe("review");
    expect(of("catch_all", "role")).toBe("block");
    expect(of("role", "catch_all")).toBe("block");
  });

  test("a likelihood below the limits asks for review, then for blocking; none does not", () => {
    const at = (p: number | null) =>
      recommendationOf("unknown", ["domain_takes_mail"], { p }, RULES);
    expect([at(null), at(0.8), at(0.79), at(0.2), at(0.19)]).toEqual([
      "send",
      "send",
      "review",
      "review",
      "block",
    ]);
  });
});
