import { expect, test } from "vitest";
import type { NameReach } from "../../../src/verify/dns/hosts.ts";
import { createHostCache } from "../../../src/verify/dns/hosts.ts";

const NOW = 1_800_000_000_000;

const reach = (foundS: number, negativeS = Number.POSITIVE_INFINITY): NameReach => ({
  reach: "routable",
  family: "A",
  basis: { foundS, negativeS, failed: null },
});

test("a host is known until the first of its times is over, which run meanwhile", () => {
  const cache = createHostCache();
  cache.set("a.net", reach(100), NOW);
  cache.set("b.net", reach(100, 50), NOW);
  expect(cache.get("a.net", NOW + 40_000)?.basis.foundS).toBe(60);
  expect(cache.get("b.net", NOW + 40_000)?.basis).toMatchObject({ foundS: 60, negativeS: 10 });
  expect(cache.get("b.net", NOW + 50_000)).toBeNull();
  expect(cache.get("a.net", NOW + 99_999)).not.toBeNull();
  expect(cache.get("a.net", NOW + 100_000)).toBeNull();
});

test("what was not learnt, or may not be kept, is not known", () => {
  const cache = createHostCache();
  cache.set("a.net", { ...reach(100), reach: null }, NOW);
  cache.set("b.net", reach(0), NOW);
  expect([cache.get("a.net", NOW), cache.get("b.net", NOW)]).toEqual([null, null]);
});

test("a full cache forgets what was not asked for", () => {
  const cache = createHostCache(4);
  cache.set("a.net", reach(100), NOW);
  cache.set("b.net", reach(100), NOW);
  cache.get("a.net", NOW);
  cache.set("c.net", reach(100), NOW);
  const known = ["a.net", "b.net", "c.net"].filter((host) => cache.get(host, NOW) !== null);
  expect(known).toEqual(["a.net", "c.net"]);
});
