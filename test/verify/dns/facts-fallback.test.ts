import { describe, expect, test } from "vitest";
import {
  counts,
  FOUND,
  gather,
  HASTY,
  NONE,
  NOT_LEARNT,
  NOW,
  told,
  useResolvers,
} from "./facts-world.ts";

useResolvers();

const MINUTE_S = 60;
const HOUR_S = 3_600;

describe("a domain without MX", () => {
  test("takes mail at its own address, and its SPF is read", async () => {
    expect(await told("a.com")).toEqual({
      ...FOUND,
      mxType: "implicit_a",
      spf: "reject_all",
      mx: [],
      keptS: 900,
    });
    expect(await told("aaaa.com")).toEqual({
      ...FOUND,
      mxType: "implicit_aaaa",
      spf: "none",
      mx: [],
      keptS: 600,
    });
  });

  test("is kept as found even where its absence of MX has no SOA", async () => {
    expect(await told("a-no-soa.com")).toMatchObject({ keptS: 5 * MINUTE_S, shared: true });
  });

  test("is unroutable with private addresses only", async () => {
    expect(await told("private.com")).toMatchObject({
      mxType: "implicit_a",
      reach: "unroutable",
      keptS: 600,
      shared: true,
    });
    expect(await told("private6.com")).toMatchObject({
      mxType: "implicit_aaaa",
      reach: "unroutable",
    });
  });

  test("and without address takes none, kept as its SOA says, an hour at most", async () => {
    expect(await told("nothing.com")).toEqual({ ...NONE, spf: "none", keptS: 800 });
    expect(await told("nothing-long.com")).toMatchObject({ keptS: HOUR_S, shared: true });
  });

  test("is not shared when its SOA is missing or says less than a minute", async () => {
    const quiet = { ...NONE, spf: "none", shared: false };
    expect(await told("nothing-quiet.com")).toEqual({ ...quiet, keptS: 30 });
    expect(await told("nothing-short.com")).toEqual({ ...quiet, keptS: 20 });
  });

  test("is not called without mail when an address could not be learnt", async () => {
    const failed = { ...NOT_LEARNT, spf: "none", keptS: 30 };
    expect(await told("fallback-fails.com")).toEqual({ ...failed, status: "servfail" });
    expect(await told("fallback-half.com")).toEqual({ ...failed, status: "timeout" });
  });

  test("needs no IPv6 answer when IPv4 is enough", async () => {
    expect(await told("fallback-enough.com")).toMatchObject({
      mxType: "implicit_a",
      reach: "routable",
      shared: true,
    });
  });
});

describe("policies", () => {
  test("are asked only on request, all at once, and their TTL counts", async () => {
    expect(await told("policy.com")).toMatchObject({ spf: null, dmarc: null, keptS: 900 });
    expect(counts().questions).toBe(1);
    expect(await told("policy.com", true)).toMatchObject({
      spf: "present",
      dmarc: "quarantine",
      keptS: 450,
    });
    expect(await told("waiting.com", true, HASTY)).toMatchObject({ status: "timeout" });
    expect(counts()).toMatchObject({ openMax: 3 });
  });

  test("DMARC is inherited from the organisational domain, as that says", async () => {
    expect(await told("sub.policy.com", true)).toMatchObject({ spf: "none", dmarc: "reject" });
  });

  test("that are not there are absent, without an SOA's say on the MX", async () => {
    expect(await told("no-policy.com", true)).toMatchObject({
      spf: "none",
      dmarc: "absent",
      keptS: 900,
      shared: true,
    });
    expect(counts().asked["_dmarc.no-policy.com TXT"]).toBe(1);
  });

  test("that could not be learnt leave the rest true, and unshared", async () => {
    const known = { mxType: "mx", reach: "routable", shared: false, keptS: 30 };
    expect(await told("spf-fails.com", true)).toMatchObject({ ...known, spf: null });
    expect(await told("dmarc-fails.com", true, HASTY)).toMatchObject({ ...known, dmarc: null });
  });

  test("of a domain that does not exist are not waited for in the facts", async () => {
    expect(await told("gone.com", true)).toEqual({
      ...NONE,
      status: "nxdomain",
      keptS: 700,
    });
  });
});

describe("hosts", () => {
  test("are asked once for many domains, until their TTL is over", async () => {
    await gather("mx.com");
    const again = await gather("second.com", false, NOW + 400_000);
    expect(again).toMatchObject({ reach: "routable" });
    expect(counts().asked["mx.host.net A"]).toBe(1);
    // What is left of the address's 500 s is less than what a found domain is kept.
    expect(again.expiresAt - again.at).toBe(300_000);
    await gather("mx.com", false, NOW + 500_000);
    expect(counts().asked["mx.host.net A"]).toBe(2);
  });

  test("that could not be learnt are not remembered", async () => {
    await gather("failing-mx.com");
    await gather("failing-mx.com");
    expect(counts().asked["failing.host.net A"]).toBe(2);
  });
});
