import { describe, expect, test } from "vitest";
import type { DomainFacts } from "../../../src/core/domain-facts.ts";
import { verify } from "../../../src/verify/pipeline.ts";
import type { FactsAsk, VerifyDeps } from "../../../src/verify/ports.ts";
import { withSandbox } from "../../../src/verify/probe/sandbox.ts";
import type { Probe } from "../../../src/verify/verdict.ts";
import { NOW } from "./world.ts";

const ASK: FactsAsk = { policy: false, lookup: true };

const factsOf = (domain: string): DomainFacts => ({
  domain,
  status: "nxdomain",
  mxType: "none",
  mx: [],
  provider: null,
  reach: null,
  spf: null,
  dmarc: null,
  at: NOW,
  expiresAt: NOW,
  shared: true,
});

const PROBED: Probe = {
  backend: "reacher",
  outcome: "mailbox_full",
  smtp_code: 452,
  enhanced: "4.2.2",
  at: 1,
};

/** Ports beneath the sandbox, and what they were asked. */
function beneath(probe: boolean) {
  const asked: unknown[] = [];
  const deps: VerifyDeps = {
    now: () => NOW,
    facts: async (domains, ask) => {
      asked.push([domains, ask]);
      return new Map(domains.map((one) => [one, { facts: factsOf(one), layer: "dns" }]));
    },
    evidence: async () => null,
    probe: !probe
      ? null
      : async (address, site) => {
          asked.push([address, site]);
          return PROBED;
        },
    rules: {
      forms: { quoted: true, literal: false, smtputf8: true },
      advice: {},
      reviewBelow: 0.9,
      blockBelow: 0.5,
      hardMs: 1,
      deliveredMs: 1,
    },
    log: () => {},
  };
  return { deps, asked };
}

describe("the sandbox's domain", () => {
  test("takes mail at a host of its own, and nobody is asked", async () => {
    const { deps, asked } = beneath(true);
    const sandbox = withSandbox(deps);
    const found = await sandbox.facts(["sandbox.test"], ASK);
    expect([...found]).toEqual([
      [
        "sandbox.test",
        {
          layer: "memory",
          facts: {
            domain: "sandbox.test",
            status: "noerror",
            mxType: "mx",
            mx: [{ host: "mx.sandbox.test", preference: 10 }],
            provider: null,
            reach: "routable",
            spf: null,
            dmarc: null,
            at: NOW,
            expiresAt: NOW + 3_600_000,
            shared: false,
          },
        },
      ],
    ]);
    expect(asked).toEqual([]);
    expect(sandbox.exempt).toBe("sandbox.test");
  });

  test("has a policy when one is asked for, and is known where nothing is looked up", async () => {
    const { deps } = beneath(true);
    const found = await withSandbox(deps).facts(["sandbox.test"], { policy: true, lookup: false });
    expect(found.get("sandbox.test")?.facts).toMatchObject({ spf: "present", dmarc: "reject" });
  });

  test.each([
    ["delivered", "accepted", 250, "2.1.5"],
    ["complained+spam", "accepted", 250, "2.1.5"],
    ["suppressed", "accepted", 250, "2.1.5"],
    ["anybody.else", "accepted", 250, "2.1.5"],
    ["Bounced+label", "mailbox_not_found", 550, "5.1.1"],
    ["deferred", "unavailable", 451, "4.7.1"],
    ["timeout", "unavailable", null, null],
  ])("has a mailbox %s@ that is %s", async (local, outcome, smtp_code, enhanced) => {
    for (const has of [true, false]) {
      const { deps, asked } = beneath(has);
      const address = `${local}@Sandbox.test`;
      expect(await withSandbox(deps).probe?.(address, "mx.sandbox.test")).toEqual({
        backend: "sandbox",
        outcome,
        smtp_code,
        enhanced,
        at: NOW,
      });
      expect(asked).toEqual([]);
    }
  });
});

describe("a verdict", () => {
  const ask = { policy: true, lookup: true, probe: true };
  const verdictOf = async (address: string, deps: VerifyDeps) =>
    (await verify("acme", [address], ask, deps))[0];

  test.each([
    ["delivered", "deliverable", "probe_accepted"],
    ["complained", "deliverable", "probe_accepted"],
    ["suppressed", "deliverable", "probe_accepted"],
    ["bounced", "undeliverable", "mailbox_not_found"],
    ["deferred", "unknown", "probe_unavailable"],
    ["timeout", "unknown", "probe_unavailable"],
  ])("of %s@ is %s, with or without a backend", async (local, status, reason) => {
    for (const has of [true, false]) {
      const { deps } = beneath(has);
      const address = `${local}+1@sandbox.test`;
      const verdict = await verdictOf(address, withSandbox(deps));
      expect(verdict?.status).toBe(status);
      expect(verdict?.reasons).toContain(reason);
      expect(await verdictOf(address, deps)).toMatchObject({ reason: "special_use_domain" });
    }
  });

  test("of another special-use domain stays what it is", async () => {
    const { deps } = beneath(true);
    for (const address of ["bounced@other.test", "delivered@sub.sandbox.test", "a@b.invalid"]) {
      const expected = { status: "undeliverable", reason: "special_use_domain" };
      expect(await verdictOf(address, withSandbox(deps))).toMatchObject(expected);
    }
  });
});

describe("every other domain", () => {
  test("is asked for as it would be without the sandbox", async () => {
    const { deps, asked } = beneath(true);
    const sandbox = withSandbox(deps);
    const domains = ["a.example", "sandbox.test", "test", "sub.sandbox.test"];
    const found = await sandbox.facts(domains, ASK);
    const others = ["a.example", "test", "sub.sandbox.test"];
    expect(asked).toEqual([[others, ASK]]);
    expect([...found.keys()].sort()).toEqual([...domains].sort());
    for (const one of others) {
      expect(found.get(one)).toEqual({ facts: factsOf(one), layer: "dns" });
    }
    expect(await sandbox.probe?.("bounced@a.example", "google")).toBe(PROBED);
    expect(asked.at(-1)).toEqual(["bounced@a.example", "google"]);
  });

  test("has nobody to ask about its mailboxes where no backend is configured", async () => {
    const { deps } = beneath(false);
    const sandbox = withSandbox(deps);
    for (const one of ["bounced@sub.sandbox.test", "bounced@a.example"]) {
      expect(await sandbox.probe?.(one, "google")).toBe(null);
    }
  });
});
