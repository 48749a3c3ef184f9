import { readFileSync } from "node:fs";
import { join } from "node:path";
import burners from "disposable-email-domains-js/dist/dict/disposable_email_blocklist.json" with {
  type: "json",
};
import frees from "email-providers/all.json" with { type: "json" };
import { describe, expect, test } from "vitest";
import { fnv64 } from "../../src/core/fnv.ts";
import * as meant from "../../src/verify/lists/meant-domains.ts";
import * as operators from "../../src/verify/lists/operators.ts";
import * as relays from "../../src/verify/lists/relay-domains.ts";
import * as typos from "../../src/verify/lists/typo-domains.ts";
import {
  isDisposable,
  isFree,
  isRelayAlias,
  isRole,
  LIST_VERSION,
  registrableOf,
  traitsOf,
  typoOf,
} from "../../src/verify/lists.ts";
import { readAddress } from "../../src/verify/syntax.ts";

const isName = (domain: string): boolean => {
  const read = readAddress(`a@${domain}`);
  return read.ok && read.value.domain === domain;
};
const misspelt = Object.values(typos.TYPO_DOMAINS).flatMap((all) => all.split(" "));

describe("disposable", () => {
  test.each(["mailinator.com", "yopmail.com", "guerrillamail.com", "10minutemail.com"])(
    "%s is, and so is a name below it",
    (domain) => {
      expect(isDisposable(domain)).toBe(true);
      expect(isDisposable(`any.thing.${domain}`)).toBe(true);
      expect(isDisposable(`not-${domain}`)).toBe(false);
    },
  );

  test("a public suffix is not, nor is what others have registered below it", () => {
    const suffixes = burners.filter((domain) => registrableOf(domain) === null);
    expect(suffixes).toContain("dns.army");
    for (const suffix of suffixes) {
      expect(isDisposable(suffix), suffix).toBe(false);
      expect(isDisposable(`ada.${suffix}`), suffix).toBe(false);
    }
  });

  test("no mailbox operator, relay, popular domain or misspelling is, whatever a list says", () => {
    const listed = new Set<string>(burners);
    const lasting = [
      ...operators.MAILBOX_OPERATORS,
      ...relays.RELAY_DOMAINS,
      ...meant.MEANT_DOMAINS,
      ...misspelt,
    ];
    expect(lasting.filter((domain) => listed.has(domain))).not.toEqual([]);
    expect(lasting.filter((domain) => isDisposable(domain))).toEqual([]);
  });
});

describe("free", () => {
  test.each(["gmail.com", "yahoo.co.uk", "gmx.de", "proton.me", "tuta.com"])("%s is", (domain) => {
    expect(isFree(domain)).toBe(true);
  });

  test("a company's domain is not, nor is a name below a free one", () => {
    expect(isFree("cloudflare.com")).toBe(false);
    expect(isFree("mx.gmail.com")).toBe(false);
  });

  test("nothing is both free and disposable, misspelt or a public suffix", () => {
    const both = frees.filter(
      (domain) =>
        isFree(domain) &&
        (isDisposable(domain) || typoOf(domain) !== undefined || registrableOf(domain) === null),
    );
    expect(both).toEqual([]);
    expect(frees.filter((domain) => isFree(domain)).length).toBeGreaterThan(5_000);
  });
});

describe("relay aliases", () => {
  test.each([
    "duck.com",
    "mozmail.com",
    "privaterelay.appleid.com",
    "aleeas.com",
    "ada.33mail.com",
  ])("%s is one, and not disposable", (domain) => {
    expect(isRelayAlias(domain)).toBe(true);
    expect(isDisposable(domain)).toBe(false);
  });

  test.each(["appleid.com", "duckduckgo.com", "icloud.com"])("%s is none", (domain) => {
    expect(isRelayAlias(domain)).toBe(false);
  });
});

describe("roles", () => {
  test.each(["info", "Sales", "no-reply", "postmaster+list", "SUPPORT"])("%s is one", (local) => {
    expect(isRole(local)).toBe(true);
  });

  test.each(["ada", "infos.ada", "+info", '"info"'])("%s is none", (local) => {
    expect(isRole(local)).toBe(false);
  });
});

test("traits are told together", () => {
  expect(traitsOf("x.mailinator.com", "Info")).toEqual({ disposable: true, role: true });
  expect(traitsOf("gmail.com", "ada")).toEqual({ disposable: false, role: false });
});

test("the registrable domain goes by the private part of the Public Suffix List too", () => {
  expect(registrableOf("a.b.mail.com")).toBe("mail.com");
  expect(registrableOf("ada.github.io")).toBe("ada.github.io");
  expect(registrableOf("a.例え.jp")).toBe("例え.jp");
  expect(registrableOf("github.io")).toBeNull();
  expect(registrableOf(".mail.com")).toBeNull();
});

describe("the lists beside the packages", () => {
  test("hold domain names, in lower case, each once", () => {
    for (const list of [
      operators.MAILBOX_OPERATORS,
      operators.FREE_OPERATORS,
      relays.RELAY_DOMAINS,
      meant.MEANT_DOMAINS,
      misspelt,
    ]) {
      expect(list.filter((domain) => !isName(domain))).toEqual([]);
      expect(new Set(list).size).toBe(list.length);
    }
  });

  test("call no name a misspelling that people have mailboxes at", () => {
    const known = new Set([
      ...meant.MEANT_DOMAINS,
      ...operators.MAILBOX_OPERATORS,
      ...relays.RELAY_DOMAINS,
    ]);
    expect(misspelt.filter((domain) => known.has(domain))).toEqual([]);
    expect(Object.keys(typos.TYPO_DOMAINS).filter((domain) => !isFree(domain))).toEqual([]);
  });

  test("have a version that names each package's and hashes the rest", () => {
    const file = join(import.meta.dirname, "../../package.json");
    const { dependencies } = JSON.parse(readFileSync(file, "utf8")) as {
      dependencies: Record<string, string>;
    };
    const own = fnv64(JSON.stringify([meant, operators, relays, typos]));
    expect(LIST_VERSION).toBe(
      [
        `disposable-${dependencies["disposable-email-domains-js"]}`,
        `free-${dependencies["email-providers"]}`,
        `role-${dependencies["role-based-email-addresses"]}`,
        `suffix-${dependencies.tldts}`,
        `spell-${dependencies["@zootools/email-spell-checker"]}`,
        `own-${own}`,
      ].join("_"),
    );
  });
});
