import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DomainFacts } from "../../src/core/domain-facts.ts";
import { MEANT_DOMAINS } from "../../src/verify/lists/meant-domains.ts";
import { respelled, suggestionFor } from "../../src/verify/suggest.ts";
import { readAddress } from "../../src/verify/syntax.ts";
import { factsOf } from "./worlds.ts";

const GONE: Partial<DomainFacts> = { status: "nxdomain", mxType: "none" };

function suggested(domain: string, facts: Partial<DomainFacts> | null): string | null {
  const read = readAddress(`Ada+x@${domain}`);
  if (!read.ok) throw new Error(read.error);
  return suggestionFor(read.value, facts === null ? null : factsOf(domain, facts).facts);
}

describe("a domain that does not exist", () => {
  test.each([
    ["gmial.con", "gmail.com"],
    ["gmail.comm", "gmail.com"],
    ["gnail.con", "gmail.com"],
    ["hotmial.fr", "hotmail.fr"],
    ["yaho.co.uk", "yahoo.co.uk"],
    ["outlok.de", "outlook.de"],
    ["icloud.vom", "icloud.com"],
    ["protonmial.com", "protonmail.com"],
    ["acme.con", "acme.com"],
  ])("%s was meant to be %s", (typed, meant) => {
    expect(suggested(typed, GONE)).toBe(`Ada+x@${meant}`);
  });

  test.each(["acme.com", "abc.com", "five.fr", "company.cm", "company.dev", "mail.gmial.com"])(
    "%s is near to none",
    (typed) => {
      expect(suggested(typed, GONE)).toBeNull();
    },
  );
});

test.each([
  ["no such domain", GONE],
  ["a null MX", { mxType: "null", mx: [] }],
  ["no host", { mxType: "none", mx: [] }],
  ["MX hosts without address", { reach: "no_address" }],
] as const)("a dead domain is corrected: %s", (_what, facts) => {
  expect(suggested("hotmial.fr", facts)).toBe("Ada+x@hotmail.fr");
});

const transient = fc.record({
  status: fc.constantFrom("timeout", "servfail"),
  mxType: fc.constantFrom(null, "none", "null", "mx"),
  reach: fc.constantFrom(null, "no_address", "unroutable"),
} as const);
const near = fc
  .tuple(fc.constantFrom(...MEANT_DOMAINS), fc.nat(20), fc.constantFrom("", "x", "m"))
  .map(([domain, at, by]) => domain.slice(0, at) + by + domain.slice(at + 1))
  .filter((domain) => readAddress(`a@${domain}`).ok && suggested(domain, null) === null);

test("a domain that takes mail, or may, is never corrected, however near it is", () => {
  fc.assert(
    fc.property(near, transient, (domain, facts) => {
      expect(suggested(domain, {})).toBeNull();
      expect(suggested(domain, facts)).toBeNull();
      expect(suggested(domain, null)).toBeNull();
    }),
  );
  expect(suggested("mailw.com", {})).toBeNull();
});

test("a listed misspelling is corrected whatever DNS says: others may well take its mail", () => {
  for (const facts of [{}, GONE, { status: "timeout", mxType: null } as const, null]) {
    expect(suggested("gmial.com", facts)).toBe("Ada+x@gmail.com");
  }
});

test("a well-known domain is never taken for another", () => {
  for (const domain of MEANT_DOMAINS) expect(suggested(domain, GONE), domain).toBeNull();
});

test("no name makes it throw, and what it suggests is a mailbox", () => {
  const label = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?$/);
  fc.assert(
    fc.property(fc.array(label, { minLength: 2, maxLength: 4 }), (labels) => {
      const domain = labels.join(".");
      if (!readAddress(`a@${domain}`).ok) return;
      const found = suggested(domain, GONE);
      if (found !== null) expect(readAddress(found).ok).toBe(true);
    }),
  );
});

describe("a domain in letters that mail does not take", () => {
  test.each([
    ["ada@ｇｍａｉｌ.com", "ada@gmail.com"],
    ["ada@gmail。com", "ada@gmail.com"],
    ["ada@💌.ws", "ada@xn--rr8h.ws"],
  ])("%s is read as browsers read it", (typed, meant) => {
    expect(readAddress(typed).ok).toBe(false);
    expect(respelled(typed)).toBe(meant);
  });

  test.each(["ada@gmail.com", "ada@gmail.com™", "ada@ma il.com", "ada", "ａ..b@ｇ.com"])(
    "%s is left as it is",
    (typed) => {
      expect(respelled(typed)).toBeNull();
    },
  );
});
