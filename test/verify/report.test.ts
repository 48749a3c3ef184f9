import { describe, expect, test } from "vitest";
import { CONFIDENCE_MODEL } from "../../src/core/confidence.ts";
import { bucketKey, type EvidenceFound, NO_RATES } from "../../src/core/evidence.ts";
import { recipientHash } from "../../src/core/recipient-hash.ts";
import { LIST_VERSION } from "../../src/verify/lists.ts";
import { verify } from "../../src/verify/pipeline.ts";
import { ASK, NONE, NOW, one, world } from "./asked.ts";
import { DAY_MS } from "./checks/rules.ts";
import { evidenceOf } from "./checks/subjects.ts";

describe("confidence", () => {
  const bucket = (probe: "none" | "accepted") =>
    bucketKey({ mxType: "mx", provider: "google", disposable: false, role: true, probe });
  const buckets = new Map([
    [bucket("none"), { ...NO_RATES, good: 500, bad: 500 }],
    [bucket("accepted"), { ...NO_RATES, good: 990, bad: 10 }],
  ]);
  const found: EvidenceFound = { ...NONE, buckets, global: { ...NO_RATES, good: 1490, bad: 510 } };
  const { deps } = world({ evidence: async () => found });

  test("comes from like addresses, of which a probe has said the same", async () => {
    const unprobed = await one("info@mail.com", deps);
    expect(unprobed.confidence).toMatchObject({
      basis: "bucket",
      as_of: "2026-11-01T00:01:30.000Z",
    });
    expect(unprobed.confidence.p).toBeCloseTo(0.5, 1);
    const probed = await one("info@mail.com", deps, { ...ASK, probe: true });
    expect(probed.confidence.p).toBeGreaterThan(0.9);
    expect([unprobed.recommendation, probed.recommendation]).toEqual(["review", "send"]);
  });

  test("there is none in what fails for certain, and some in what has bounced", async () => {
    const none = { p: null, n: 0, lo: null, hi: null, basis: "none" };
    for (const address of ["info@", "info@mail.test", "info@gone.com"]) {
      expect((await one(address, deps)).confidence, address).toMatchObject(none);
    }
    const hash = await recipientHash("info@mail.com");
    const bounced = evidenceOf({ bad: 9, lastHardAt: NOW - DAY_MS, last: "bounced" });
    const addresses = new Map([[hash, bounced]]);
    const answer = await one("info@mail.com", {
      ...deps,
      evidence: async () => ({ ...found, addresses }),
    });
    expect(answer.reason).toBe("known_hard_bounce");
    expect(answer.confidence.basis).toBe("address");
    expect(answer.confidence.p).toBeLessThan(0.3);
  });
});

describe("a report", () => {
  test("says everything that is known, in the words of the wire", async () => {
    const hash = await recipientHash("ada@gmail.com");
    const known = evidenceOf({ delivered: 3, hardBounced: 1, lastHardAt: 5, lastDeliveredAt: NOW });
    const { deps } = world({
      evidence: async () => ({ ...NONE, addresses: new Map([[hash, known]]) }),
    });
    expect(await one(" Ada@GMail.com", deps)).toEqual({
      object: "verification",
      input: " Ada@GMail.com",
      normalized: "Ada@gmail.com",
      canonical: "ada@gmail.com",
      status: "deliverable",
      recommendation: "send",
      reason: "known_delivered",
      reasons: ["domain_takes_mail", "known_delivered"],
      syntax: {
        valid: true,
        form: "dot_atom",
        smtputf8: false,
        ascii_domain: "gmail.com",
        unicode_domain: "gmail.com",
      },
      domain: {
        registrable: "gmail.com",
        mx: [{ host: "mx.gmail.com", preference: 10 }],
        mx_type: "mx",
        provider: "google",
        resolver_status: "noerror",
        spf: null,
        dmarc: null,
        expires_at: "2026-11-01T01:00:00.000Z",
      },
      flags: { disposable: false, role: false, free: true, catch_all: null, relay_alias: false },
      suggestion: null,
      probe: null,
      confidence: {
        p: null,
        n: 0,
        lo: null,
        hi: null,
        basis: "none",
        model: CONFIDENCE_MODEL,
        as_of: "2026-11-01T00:01:30.000Z",
      },
      evidence: { delivered: 3, hard_bounced: 1, last_at: "2026-11-01T00:01:30.000Z" },
      cache: { layer: "memory", age_s: 90 },
      list_version: LIST_VERSION,
    });
  });

  test("claims nothing of what could not be read or was not looked up", async () => {
    const { deps } = world({ evidence: async () => null, facts: async () => new Map() });
    expect(await one("ada@mail.com", deps)).toMatchObject({
      status: "unknown",
      reason: "not_looked_up",
      domain: null,
      confidence: { p: null, basis: "none" },
      evidence: { delivered: 0, hard_bounced: 0, last_at: null },
      cache: { layer: "none", age_s: 0 },
    });
  });

  test("names what a misspelt address was meant to be, also where it is no mailbox", async () => {
    const { deps } = world();
    expect((await one("Ada@gmial.com", deps)).suggestion).toBe("Ada@gmail.com");
    expect(await one("ada@ｇｍａｉｌ.com", deps)).toMatchObject({
      status: "undeliverable",
      reason: "syntax_domain_invalid",
      normalized: null,
      suggestion: "ada@gmail.com",
    });
  });

  test("an empty list has no reports and asks nobody", async () => {
    const { asked, deps } = world();
    expect(await verify("acme", [], { ...ASK, probe: true }, deps)).toEqual([]);
    expect([asked.facts, asked.evidence, asked.probes]).toEqual([[], [], []]);
  });
});
