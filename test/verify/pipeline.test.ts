import { describe, expect, test } from "vitest";
import { recipientHash } from "../../src/core/recipient-hash.ts";
import { verify } from "../../src/verify/pipeline.ts";
import { ASK, NONE, NOW, one, world } from "./asked.ts";
import { DAY_MS, RULES } from "./checks/rules.ts";
import { evidenceOf } from "./checks/subjects.ts";

describe("what is asked", () => {
  test("facts and evidence once for the whole list, each domain and address once", async () => {
    const { asked, deps } = world();
    const list = ["Ada@mail.com", "bob@firm.com", '"ada"@MAIL.com', "no address", "ada@mail.com"];
    const answers = await verify("acme", list, { ...ASK, policy: true }, deps);
    expect(answers.map(({ input }) => input)).toEqual(list);
    expect(answers.map(({ status }) => status)).toEqual([
      "unknown",
      "unknown",
      "unknown",
      "undeliverable",
      "unknown",
    ]);
    expect(asked.facts).toEqual([
      { domains: ["mail.com", "firm.com"], ask: { policy: true, lookup: true } },
    ]);
    expect(asked.evidence).toEqual([
      {
        account: "acme",
        keys: [
          { hash: await recipientHash("ada@mail.com"), domain: "mail.com" },
          { hash: await recipientHash("bob@firm.com"), domain: "firm.com" },
        ],
      },
    ]);
  });

  test("evidence is of the mailbox that is written to, not of its canonical form", async () => {
    const { asked, deps } = world();
    const answers = await verify("acme", ["a.da@gmail.com", "ada+x@gmail.com"], ASK, deps);
    expect(answers.map(({ canonical }) => canonical)).toEqual(["ada@gmail.com", "ada@gmail.com"]);
    expect(asked.evidence[0]?.keys.map(({ hash }) => hash)).toEqual([
      await recipientHash("a.da@gmail.com"),
      await recipientHash("ada+x@gmail.com"),
    ]);
  });

  test("nobody about what the address alone decides", async () => {
    const { asked, deps } = world({
      rules: { ...RULES, forms: { ...RULES.forms, quoted: false } },
    });
    const list = ["ada", "ada@mail.test", '"a b"@mail.com'];
    const answers = await verify("acme", list, { ...ASK, probe: true }, deps);
    expect(answers.map(({ reason }) => reason)).toEqual([
      "syntax_no_at",
      "special_use_domain",
      "syntax_quoted_not_taken",
    ]);
    expect(answers.map(({ syntax }) => syntax.valid)).toEqual([false, true, true]);
    expect([asked.facts, asked.evidence, asked.probes]).toEqual([[], [], []]);
  });

  test("about the one name that is exempt, though it is set aside", async () => {
    const { deps } = world({ exempt: "sandbox.test" });
    expect((await one("ada@sandbox.test", deps)).reason).toBe("domain_takes_mail");
    expect((await one("ada@other.test", deps)).reason).toBe("special_use_domain");
  });

  test("no DNS about a literal", async () => {
    const { asked, deps } = world();
    const answer = await one("ada@[8.8.8.8]", deps);
    expect(answer).toMatchObject({ status: "unknown", reason: "not_looked_up", domain: null });
    expect(asked.facts).toEqual([]);
  });
});

describe("a probe", () => {
  const probing = { ...ASK, probe: true };

  test("is asked for where nothing else decides, once for each mailbox, by its site", async () => {
    const { asked, deps } = world();
    const list = [
      "ada@mail.com",
      "ada@mail.com",
      "bob@firm.com",
      "x@gone.com",
      "x@slow.com",
      "x@strange.com",
      "x@mailinator.com",
    ];
    const answers = await verify("acme", list, probing, deps);
    expect(asked.probes).toEqual([
      ["ada@mail.com", "google"],
      ["bob@firm.com", "mx.firm.com"],
    ]);
    expect(answers.map(({ reason }) => reason)).toEqual([
      "probe_accepted",
      "probe_accepted",
      "probe_accepted",
      "domain_not_found",
      "dns_timeout",
      "not_looked_up",
      "disposable",
    ]);
  });

  test("is not asked for where it is not wanted, or history tells", async () => {
    const { asked, deps } = world();
    await one("ada@mail.com", deps);
    const known = evidenceOf({ lastDeliveredAt: NOW - DAY_MS });
    const addresses = new Map([[await recipientHash("ada@mail.com"), known]]);
    const told = { ...deps, evidence: async () => ({ ...NONE, addresses }) };
    expect((await one("ada@mail.com", told, probing)).reason).toBe("known_delivered");
    expect(asked.probes).toEqual([]);
  });

  test("shares the connections of an invocation", async () => {
    const { asked, deps } = world();
    const list = Array.from({ length: 40 }, (_, n) => `ada${n}@mail.com`);
    const answers = await verify("acme", list, probing, deps);
    expect(asked.probes.length).toBe(40);
    expect(asked.probing).toBe(6);
    expect(answers.every(({ status }) => status === "deliverable")).toBe(true);
  });

  test("that fails leaves the address unknown, and says so", async () => {
    const { deps } = world({}, "unavailable");
    const answer = await one("ada@mail.com", deps, probing);
    expect(answer).toMatchObject({
      status: "unknown",
      reasons: ["domain_takes_mail", "probe_unavailable"],
      flags: { catch_all: null },
      probe: { backend: "reacher", outcome: "unavailable", at: "2026-11-01T00:01:30.000Z" },
    });
  });

  test("with nobody to ask is none", async () => {
    const { deps } = world({}, null);
    expect(await one("ada@mail.com", deps, probing)).toMatchObject({
      reasons: ["domain_takes_mail"],
      probe: null,
    });
  });

  test.each([
    ["catch_all", true],
    ["accepted", false],
    ["mailbox_not_found", false],
    ["mailbox_full", null],
    ["blocked", null],
  ] as const)("that says %s tells whether the domain takes any address", async (outcome, all) => {
    const { deps } = world({}, outcome);
    expect((await one("ada@mail.com", deps, probing)).flags.catch_all).toBe(all);
  });
});
