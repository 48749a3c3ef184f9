import { describe, expect, test } from "vitest";
import { HOST_FAILURES_MAX, HOSTS_ASKED_MAX } from "../../src/verify/facts.ts";
import {
  counts,
  FOUND,
  HASTY,
  HEDGING,
  NONE,
  NOT_LEARNT,
  second,
  told,
  useResolvers,
} from "./dns/facts-world.ts";

useResolvers();

const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;
const GONE = { ...NONE, status: "nxdomain" };

describe("a domain with MX", () => {
  test("is kept for the shortest TTL of MX and address", async () => {
    expect(await told("mx.com")).toEqual({ ...FOUND, mx: ["mx.host.net"], keptS: 500 });
  });

  test("is kept for five minutes at least and a day at most", async () => {
    expect(await told("short.com")).toMatchObject({ keptS: 5 * MINUTE_S, shared: true });
    expect(await told("long.com")).toMatchObject({ keptS: DAY_S, shared: true });
  });

  test("is found over aliases, whose TTL counts", async () => {
    expect(await told("chain.com")).toEqual({ ...FOUND, mx: ["mx.host.net"], keptS: 400 });
  });

  test("may have a host with IPv6 only", async () => {
    expect(await told("v6.com")).toEqual({ ...FOUND, mx: ["mx6.host.net"], keptS: 500 });
    expect(await told("family.com")).toMatchObject({ reach: "routable" });
  });

  test("lists hosts once each, by preference and name, ten at most", async () => {
    const { mx } = await told("order.com");
    expect(mx).toEqual(["mx.host.net", "a.host.net", "b.host.net"]);
    expect((await told("twelve.com")).mx).toHaveLength(10);
  });

  test("that says it takes no mail is null, kept as found", async () => {
    expect(await told("null.com")).toEqual({ ...NONE, mxType: "null", keptS: 1200 });
    expect(await told("null-high.com")).toMatchObject({ mxType: "null" });
    expect(counts().questions).toBe(2);
  });

  test("is not null when there are hosts beside the root", async () => {
    expect(await told("null-mixed.com")).toMatchObject({ mxType: "mx", mx: ["mx.host.net"] });
  });

  test("does not count an address as a host", async () => {
    expect(await told("literal.com")).toMatchObject({ mx: ["mx.host.net"], reach: "routable" });
    expect(await told("literal-only.com")).toMatchObject({
      mxType: "mx",
      mx: [],
      reach: "no_address",
    });
  });

  test("of an operator that is known by name takes one question", async () => {
    expect(await told("long.com")).toMatchObject({ provider: "google", reach: "routable" });
    expect(await told("outlook.com")).toMatchObject({ provider: "outlook" });
    expect(await told("work.com")).toMatchObject({ provider: "microsoft365" });
    expect(counts().questions).toBe(3);
  });

  test("has the operator of its preferred host, and is reached by any", async () => {
    expect(await told("backup.com")).toMatchObject({ provider: null, reach: "routable" });
  });

  test("is asked no further than its first host that can be reached", async () => {
    expect(await told("order.com")).toMatchObject({ reach: "routable" });
    expect(counts().asked).toEqual({ "order.com MX": 1, "mx.host.net A": 1 });
    expect(await told("second.com")).toMatchObject({ reach: "routable", keptS: 500 });
  });

  test("whose hosts have private addresses only is unroutable, kept as found", async () => {
    const facts = await told("private-mx.com");
    expect(facts).toEqual({
      ...FOUND,
      mx: ["private.host.net"],
      reach: "unroutable",
      keptS: 500,
    });
  });

  test("whose hosts have no address is kept as an absence", async () => {
    expect(await told("no-address.com")).toMatchObject({
      reach: "no_address",
      mx: ["empty.host.net", "missing.net"],
      keptS: 900,
      shared: true,
    });
  });

  test("of which not all hosts are asked says nothing against it", async () => {
    expect(await told("twelve.com")).toMatchObject({ mxType: "mx", reach: null, shared: true });
    const asked = Object.keys(counts().asked).filter((key) => key.startsWith("d"));
    expect(asked).toHaveLength(2 * HOSTS_ASKED_MAX);
  });

  test("whose host cannot be learnt is not shared and not called unroutable", async () => {
    const unknown = { ...FOUND, reach: null, shared: false, keptS: 30 };
    expect(await told("failing-mx.com")).toEqual({ ...unknown, mx: ["failing.host.net"] });
    expect(await told("failing-private.com")).toMatchObject({ reach: null, shared: false });
    expect(await told("half.com")).toMatchObject({ reach: null, shared: false });
  });

  test("whose second host can be reached is as good as if the first had not failed", async () => {
    expect(await told("failing-then.com")).toMatchObject({
      reach: "routable",
      keptS: 500,
      shared: true,
    });
  });

  test(`is left alone after ${HOST_FAILURES_MAX} hosts that fail`, async () => {
    expect(await told("failing-all.com")).toMatchObject({ reach: null, shared: false });
    expect(counts().asked["mx.host.net A"]).toBeUndefined();
  });
});

test("a domain that does not exist is kept as its SOA says, an hour at most", async () => {
  expect(await told("gone.com")).toEqual({ ...GONE, keptS: 700 });
  expect(await told("gone-long.com")).toEqual({ ...GONE, keptS: HOUR_S });
  expect(await told("unheard-of.com")).toEqual({ ...GONE, keptS: 900 });
  expect(await told("dangling.com")).toEqual({ ...GONE, keptS: 700 });
  expect(counts().questions).toBe(4);
});

test("a domain that does not exist is not shared without SOA or below a minute", async () => {
  expect(await told("gone-short.com")).toEqual({ ...GONE, shared: false, keptS: 59 });
  expect(await told("gone-quiet.com")).toEqual({ ...GONE, shared: false, keptS: 30 });
});

test.each([
  ["servfail.com", "servfail"],
  ["refused.com", "servfail"],
  ["truncated.com", "servfail"],
  ["garbage.com", "servfail"],
  ["http.com", "servfail"],
  ["other.com", "servfail"],
  ["loop.com", "servfail"],
  ["slow.com", "timeout"],
  ["dead.com", "timeout"],
] as const)("%s: nothing is learnt, said or shared", async (domain, status) => {
  const times = domain === "slow.com" ? HASTY : undefined;
  expect(await told(domain, false, times)).toEqual({ ...NOT_LEARNT, status, keptS: 30 });
});

test("what one resolver cannot say, the other does", async () => {
  for (const domain of ["servfail.com", "garbage.com", "slow.com", "dead.com"]) {
    second[domain] = { ttl: 900, mx: [[1, "smtp.google.com"]] };
  }
  for (const domain of Object.keys(second)) {
    const facts = await told(domain, false, HEDGING);
    expect(facts, domain).toMatchObject({ ...FOUND, provider: "google", keptS: 900 });
    delete second[domain];
  }
});
