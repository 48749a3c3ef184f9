import { expect, test } from "vitest";
import type { Check, Subject } from "../../../src/verify/checks/check.ts";
import { disposable } from "../../../src/verify/checks/disposable.ts";
import { probe } from "../../../src/verify/checks/probe.ts";
import { role } from "../../../src/verify/checks/role.ts";
import { specialUse } from "../../../src/verify/checks/special-use.ts";
import { typo } from "../../../src/verify/checks/typo.ts";
import type { ProbeOutcome } from "../../../src/verify/verdict.ts";
import { RULES } from "./rules.ts";
import { probeOf, subjectOf } from "./subjects.ts";

const FLAGS: readonly (readonly [Check, Partial<Subject>, string, string])[] = [
  [specialUse, { specialUse: true }, "special_use_domain", "undeliverable"],
  [disposable, { disposable: true }, "disposable", "risky"],
  [role, { role: true }, "role", "note"],
  [typo, { suggestion: "ada@gmail.com" }, "typo_suspected", "risky"],
];

test.each(FLAGS)(
  "%o speaks when its flag is set, and only then",
  (check, given, reason, effect) => {
    expect(check(subjectOf("ada@mail.com", given), RULES, 0)).toEqual({ reason, effect });
    expect(check(subjectOf("ada@mail.com"), RULES, 0)).toBeNull();
  },
);

const OUTCOMES: readonly (readonly [ProbeOutcome, string, string])[] = [
  ["accepted", "probe_accepted", "deliverable"],
  ["mailbox_not_found", "mailbox_not_found", "undeliverable"],
  ["mailbox_disabled", "mailbox_disabled", "undeliverable"],
  ["mailbox_full", "mailbox_full", "risky"],
  ["catch_all", "catch_all", "risky"],
  ["unavailable", "probe_unavailable", "unknown"],
  ["blocked", "probe_blocked", "unknown"],
];

test.each(OUTCOMES)("a probe that says %s", (outcome, reason, effect) => {
  const found = probe(subjectOf("ada@mail.com", { probe: probeOf(outcome) }), RULES, 0);
  expect(found).toEqual({ reason, effect });
});

test("what was not probed has no finding", () => {
  expect(probe(subjectOf("ada@mail.com"), RULES, 0)).toBeNull();
});
