import { expect, test } from "vitest";
import { evidence } from "../../../src/verify/checks/evidence.ts";
import { DAY_MS, RULES } from "./rules.ts";
import { evidenceOf, subjectOf } from "./subjects.ts";

const NOW = Date.UTC(2026, 10, 1);
const ago = (days: number): number => NOW - days * DAY_MS;

const reasonOf = (lastDeliveredAt: number, lastHardAt: number): string | undefined => {
  const known = evidenceOf({ lastDeliveredAt, lastHardAt });
  return evidence(subjectOf("ada@mail.com", { evidence: known }), RULES, NOW)?.reason;
};

test("the newest outcome decides", () => {
  expect(reasonOf(ago(10), ago(5))).toBe("known_hard_bounce");
  expect(reasonOf(ago(5), ago(10))).toBe("known_delivered");
  expect(reasonOf(ago(5), 0)).toBe("known_delivered");
  expect(reasonOf(0, ago(5))).toBe("known_hard_bounce");
  expect(reasonOf(ago(5), ago(5)), "delivered, then bounced").toBe("known_hard_bounce");
});

test("each counts as long as the rules say, to the millisecond", () => {
  expect(reasonOf(0, ago(90))).toBe("known_hard_bounce");
  expect(reasonOf(0, ago(90) - 1)).toBeUndefined();
  expect(reasonOf(ago(180), 0)).toBe("known_delivered");
  expect(reasonOf(ago(180) - 1, 0)).toBeUndefined();
});

test("a bounce that no longer counts still ends what was delivered before it", () => {
  expect(reasonOf(ago(120), ago(100))).toBeUndefined();
});

test("without outcomes it says nothing", () => {
  expect(reasonOf(0, 0)).toBeUndefined();
  expect(evidence(subjectOf("ada@mail.com"), RULES, NOW)).toBeNull();
});
