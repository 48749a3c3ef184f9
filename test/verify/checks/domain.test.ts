import { expect, test } from "vitest";
import type { DomainFacts } from "../../../src/core/domain-facts.ts";
import { domain } from "../../../src/verify/checks/domain.ts";
import { RULES } from "./rules.ts";
import { at, subjectOf } from "./subjects.ts";

const host = (name: string) => ({ host: name, preference: 10 });
const PARKED = host("mx1.h-email.net");

const CASES: readonly (readonly [string, Partial<DomainFacts>, string, string])[] = [
  ["no such domain", { status: "nxdomain", mxType: "none" }, "domain_not_found", "undeliverable"],
  ["a null MX", { mxType: "null", mx: [] }, "null_mx", "undeliverable"],
  ["neither MX nor address", { mxType: "none", mx: [] }, "no_mail_host", "undeliverable"],
  ["MX hosts without address", { reach: "no_address" }, "no_mail_host", "undeliverable"],
  ["private addresses only", { reach: "unroutable" }, "mx_unroutable", "undeliverable"],
  [
    "private addresses of its own only",
    { mxType: "implicit_a", mx: [], reach: "unroutable" },
    "mx_unroutable",
    "undeliverable",
  ],
  [
    "no MX, and it says that it sends nothing",
    { mxType: "implicit_a", mx: [], spf: "reject_all" },
    "spf_reject_all_no_mx",
    "risky",
  ],
  ["an MX, though it sends nothing", { spf: "reject_all" }, "domain_takes_mail", "unknown"],
  ["all MX hosts a trader's", { mx: [PARKED, PARKED] }, "parked_mx", "risky"],
  ["one MX host a trader's", { mx: [PARKED, host("mx.mail.com")] }, "domain_takes_mail", "unknown"],
  ["an MX", {}, "domain_takes_mail", "unknown"],
  ["an MX of unknown addresses", { reach: null }, "domain_takes_mail", "unknown"],
  ["an address", { mxType: "implicit_aaaa", mx: [] }, "domain_takes_mail", "unknown"],
  ["no answer in time", { status: "timeout", mxType: null }, "dns_timeout", "unknown"],
  ["a failing resolver", { status: "servfail", mxType: null }, "dns_servfail", "unknown"],
  ["an answer without its MX", { mxType: null, mx: [] }, "dns_servfail", "unknown"],
  // Whatever else the facts hold: a question that failed answers nothing.
  ["a null MX that came too late", { status: "timeout", mxType: "null" }, "dns_timeout", "unknown"],
  [
    "a failure with no address",
    { status: "servfail", mxType: "none", reach: "no_address" },
    "dns_servfail",
    "unknown",
  ],
];

test.each(CASES)("a domain with %s", (_what, facts, reason, effect) => {
  expect(domain(at(facts), RULES, 0)).toEqual({ reason, effect });
});

test("a domain that nobody asked about is not looked up, and not held against anyone", () => {
  const found = domain(subjectOf("ada@mail.com"), RULES, 0);
  expect(found).toEqual({ reason: "not_looked_up", effect: "unknown" });
});

test("a literal is not looked up; one that the Internet cannot reach takes no mail", () => {
  const reasonOf = (address: string) => domain(subjectOf(address), RULES, 0)?.reason;
  expect(reasonOf("ada@[8.8.8.8]")).toBe("not_looked_up");
  expect(reasonOf("ada@[008.008.008.008]")).toBe("not_looked_up");
  expect(reasonOf("ada@[IPv6:2606:4700::1111]")).toBe("not_looked_up");
  expect(reasonOf("ada@[10.0.0.1]")).toBe("mx_unroutable");
  expect(reasonOf("ada@[IPv6:::1]")).toBe("mx_unroutable");
});
