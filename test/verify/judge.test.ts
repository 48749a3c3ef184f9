import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DomainFacts } from "../../src/core/domain-facts.ts";
import { judge, type Subject } from "../../src/verify/judge.ts";
import type { ProbeOutcome, Reason } from "../../src/verify/verdict.ts";
import { DAY_MS, RULES } from "./checks/rules.ts";
import { at, evidenceOf, probeOf, subjectOf } from "./checks/subjects.ts";
import { factsOf } from "./worlds.ts";

const NOW = Date.UTC(2026, 10, 1);
const HARD = evidenceOf({ lastHardAt: NOW - DAY_MS, hardBounced: 1 });
const DELIVERED = evidenceOf({ lastDeliveredAt: NOW - DAY_MS, delivered: 1 });

const of = (subject: Subject) => judge(subject, RULES, NOW);

describe("a verdict", () => {
  test("is unknown, and never deliverable, for a live domain without probe or history", () => {
    expect(of(at({}))).toEqual({
      status: "unknown",
      reason: "domain_takes_mail",
      reasons: ["domain_takes_mail"],
    });
  });

  test("is the worst of the findings, its reason the first of them, all in order", () => {
    const subject: Subject = {
      ...at({ mxType: "implicit_a", mx: [], spf: "reject_all" }),
      disposable: true,
      role: true,
      suggestion: "ada@gmail.com",
      evidence: DELIVERED,
      probe: probeOf("catch_all"),
    };
    expect(of(subject)).toEqual({
      status: "risky",
      reason: "disposable",
      reasons: [
        "disposable",
        "role",
        "typo_suspected",
        "spf_reject_all_no_mx",
        "known_delivered",
        "catch_all",
      ],
    });
    expect(of({ ...subject, evidence: HARD })).toMatchObject({
      status: "undeliverable",
      reason: "known_hard_bounce",
    });
  });

  test.each<[string, Partial<Subject>, string, Reason]>([
    ["a delivery outranks not knowing", { evidence: DELIVERED }, "deliverable", "known_delivered"],
    ["a probe does", { probe: probeOf("accepted") }, "deliverable", "probe_accepted"],
    [
      "a risk outranks a delivery",
      { disposable: true, evidence: DELIVERED },
      "risky",
      "disposable",
    ],
    ["a role decides nothing", { role: true }, "unknown", "domain_takes_mail"],
    [
      "a failed probe decides nothing",
      { probe: probeOf("blocked") },
      "unknown",
      "domain_takes_mail",
    ],
  ])("%s", (_claim, given, status, reason) => {
    expect(of({ ...at({}), ...given })).toMatchObject({ status, reason });
  });

  test("a delivery of long ago does not bring back a domain that is gone", () => {
    const gone = { ...at({ status: "nxdomain", mxType: "none" }), evidence: DELIVERED };
    expect(of(gone)).toEqual({
      status: "undeliverable",
      reason: "domain_not_found",
      reasons: ["domain_not_found", "known_delivered"],
    });
  });

  test.each<[string, Subject, Reason]>([
    ["no mailbox", subjectOf("ada@"), "syntax_domain_empty"],
    ["a special-use name", subjectOf("ada@mail.test", { specialUse: true }), "special_use_domain"],
  ])("what the address alone decides has no other reason: %s", (_what, subject, reason) => {
    const flags = { disposable: true, role: true, suggestion: "a@b.com", evidence: HARD };
    expect(of({ ...subject, ...flags })).toEqual({
      status: "undeliverable",
      reason,
      reasons: [reason],
    });
  });
});

const facts: fc.Arbitrary<DomainFacts> = fc
  .record({
    status: fc.constantFrom("noerror", "nxdomain", "servfail", "timeout"),
    mxType: fc.constantFrom("mx", "implicit_a", "implicit_aaaa", "null", "none", null),
    mx: fc.constantFrom([], [{ host: "mx1.h-email.net", preference: 1 }]),
    reach: fc.constantFrom("routable", "unroutable", "no_address", null),
    spf: fc.constantFrom("none", "present", "reject_all", null),
    shared: fc.boolean(),
  } as const)
  .map((given) => factsOf("mail.com", given).facts);
const outcome = fc.constantFrom<ProbeOutcome>(
  "accepted",
  "mailbox_not_found",
  "mailbox_full",
  "mailbox_disabled",
  "catch_all",
  "unavailable",
  "blocked",
);
const past = fc.nat(400).map((days) => (days === 0 ? 0 : NOW - days * DAY_MS));
const subject: fc.Arbitrary<Subject> = fc
  .record({
    disposable: fc.boolean(),
    role: fc.boolean(),
    suggestion: fc.constantFrom(null, "ada@gmail.com"),
    facts: fc.oneof(fc.constant(null), facts),
    evidence: fc.oneof(
      fc.constant(null),
      fc.record({ lastDeliveredAt: past, lastHardAt: past }).map(evidenceOf),
    ),
    probe: fc.oneof(
      fc.constant(null),
      outcome.map((one) => probeOf(one)),
    ),
  })
  .map((given) => subjectOf("ada@mail.com", given));

describe("for all that can be gathered", () => {
  test("a failure of DNS or of a probe never makes an address undeliverable", () => {
    const failed = fc.constantFrom("servfail" as const, "timeout" as const);
    const probeFailed = fc.constantFrom<ProbeOutcome | null>("unavailable", "blocked", null);
    fc.assert(
      fc.property(subject, facts, failed, probeFailed, (one, known, status, answer) => {
        const probe = answer === null ? null : probeOf(answer);
        const faulty = { ...one, facts: { ...known, status }, probe };
        const verdict = of(faulty);
        // Only the account's own mail may have shown it, and then shows it without them too.
        if (verdict.status !== "undeliverable") return;
        expect(verdict.reason).toBe("known_hard_bounce");
        expect(of({ ...one, facts: null, probe: null }).status).toBe("undeliverable");
      }),
      { numRuns: 2_000 },
    );
  });

  test("a failed probe leaves the status as it was without one", () => {
    fc.assert(
      fc.property(subject, fc.constantFrom("unavailable", "blocked"), (one, answer) => {
        const { status, reason } = of({ ...one, probe: probeOf(answer) });
        expect({ status, reason }).toEqual(
          (({ status, reason }) => ({ status, reason }))(of({ ...one, probe: null })),
        );
      }),
    );
  });

  test("a verdict is deliverable only by a delivery or a probe that was accepted", () => {
    fc.assert(
      fc.property(subject, (one) => {
        const { status, reason, reasons } = of(one);
        if (status === "deliverable")
          expect(["known_delivered", "probe_accepted"]).toContain(reason);
        expect(reasons).toContain(reason);
        expect(new Set(reasons).size).toBe(reasons.length);
      }),
      { numRuns: 1_000 },
    );
  });
});
