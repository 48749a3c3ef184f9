import { expect, test } from "vitest";
import { dmarcOf, spfOf } from "../../../src/verify/dns/policy.ts";

test.each([
  ["v=spf1 -all", "reject_all"],
  ["V=SPF1 -ALL", "reject_all"],
  ["v=spf1   -all ", "reject_all"],
  ["v=spf1 -all -all", "reject_all"],
  // Nothing after "all" is looked at (RFC 7208 section 5.1), and a modifier matches nobody.
  ["v=spf1 -all include:a.com", "reject_all"],
  ["v=spf1 exp=why.a.com -all", "reject_all"],
  ["v=spf1 mx -all", "present"],
  ["v=spf1 ~all", "present"],
  ["v=spf1 all", "present"],
  ["v=spf1", "present"],
  ["v=spf1 redirect=_spf.a.com", "present"],
  ["v=spf10 -all", "none"],
  ["v=spf1-all", "none"],
  ["spf2.0/pra -all", "none"],
  ["", "none"],
] as const)("SPF %j is %s", (record, spf) => {
  expect(spfOf(["other", record])).toBe(spf);
});

test("several SPF records are there, and none of them is believed", () => {
  expect(spfOf(["v=spf1 -all", "v=spf1 -all"])).toBe("present");
  expect(spfOf([])).toBe("none");
});

test.each([
  ["v=DMARC1; p=none", "none", "none"],
  ["v=DMARC1;p=quarantine;sp=reject", "quarantine", "reject"],
  [" v = DMARC1 ; P = Reject ; pct=50", "reject", "reject"],
  ["v=DMARC1", null, null],
  ["v=DMARC1; p=", null, null],
  ["v=DMARC1; p=block", null, null],
  ["v=DMARC1; p=block; rua=mailto:a@b.com", "none", "none"],
  ["v=DMARC1; p=reject; sp=x; rua=mailto:a@b.com", "none", "none"],
  ["v=DMARC1; p=reject; sp=x", null, null],
  ["v=DMARC10; p=reject", null, null],
  ["v=dmarc1; p=reject", null, null],
  ["p=reject; v=DMARC1", null, null],
] as const)("DMARC %j is %s, and %s below", (record, own, below) => {
  expect(dmarcOf(["other", record], false)).toBe(own);
  expect(dmarcOf([record], true)).toBe(below);
});

test("several DMARC records are none", () => {
  expect(dmarcOf(["v=DMARC1; p=reject", "v=DMARC1; p=reject"], false)).toBeNull();
});
