import { describe, expect, test } from "vitest";
import { type Config, parseConfig, SANDBOX } from "../src/config.ts";

function valid(vars: unknown): Config {
  const parsed = parseConfig(vars);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

function mistake(vars: unknown): string {
  const parsed = parseConfig(vars);
  return parsed.ok ? "" : parsed.error;
}

const sandbox = { provider: "sandbox" };

describe("defaults", () => {
  test("nothing configured is one account, the sandbox and a stream of each kind", () => {
    for (const vars of [undefined, null, {}]) {
      const config = valid(vars);
      expect(config.accounts).toEqual({ default: { tier: "small", domains: [] } });
      expect(config.sources[SANDBOX]).toMatchObject({ provider: "sandbox", deduplicates: true });
      expect(config.pools).toEqual({ default: { sources: [SANDBOX] } });
      expect(Object.keys(config.streams)).toEqual(["transactional", "broadcast"]);
      expect(Object.keys(config.tiers)).toEqual(["small", "medium", "large"]);
    }
  });

  test("an alarm of a feed is due after 15 minutes and four usual gaps, within bounds", () => {
    expect(valid({}).feeds).toEqual({ floor_ms: 900_000, factor: 4 });
    expect(valid({ feeds: { factor: 2 } }).feeds).toEqual({ floor_ms: 900_000, factor: 2 });
    expect(mistake({ feeds: { floor_ms: 999 } })).toMatch(/feeds\.floor_ms/);
    expect(mistake({ feeds: { factor: 0.5 } })).toMatch(/feeds\.factor/);
  });

  test("an unknown is retried in transactional streams and held in broadcasts", () => {
    const { streams } = valid({});
    expect(streams.transactional).toMatchObject({ on_unknown: "retry", grace_ms: 20_000 });
    expect(streams.broadcast).toMatchObject({ on_unknown: "hold", grace_ms: 900_000 });
    expect(streams.transactional?.expires_after_ms).toBe(24 * 3_600_000);
    expect(streams.broadcast?.expires_after_ms).toBe(72 * 3_600_000);
  });

  test("a stream keeps what it says and takes the rest from its kind", () => {
    const news = { kind: "broadcast", pool: "default", on_unknown: "retry" };
    const { streams } = valid({ streams: { news } });
    expect(streams.news).toMatchObject({ name: "news", on_unknown: "retry", grace_ms: 900_000 });
    expect(streams.transactional).toBeDefined();
  });

  test("tiers have 1, 4 and 16 shards; a tier of one's own stands beside them", () => {
    const own = { shards: 4, requests_per_second: 5, burst: 5 };
    const { tiers } = valid({ tiers: { own } });
    expect(Object.values(tiers).map((tier) => tier.shards)).toEqual([1, 4, 16, 4]);
  });

  test("a hard bounce counts for a year, three soft ones in a week for 30 days", () => {
    const day = 86_400_000;
    const usual = { hardMs: 365 * day, softMessages: 3, softWindowMs: 7 * day, softMs: 30 * day };
    expect(valid({}).suppression).toEqual(usual);
    const own = valid({ suppression: { hard_days: 90, soft_messages: 5 } }).suppression;
    expect(own).toEqual({ ...usual, hardMs: 90 * day, softMessages: 5 });
    expect(mistake({ suppression: { soft_window_days: 31 } })).toMatch(/soft_window_days/);
  });

  test("a provider adds nothing of its own unless the stream asks for it", () => {
    const news = { kind: "broadcast", pool: "default", provider_extras: { clicks: true } };
    const { streams } = valid({ streams: { news } });
    expect(streams.transactional?.provider_extras).toEqual({
      opens: false,
      clicks: false,
      unsubscribe: false,
    });
    expect(streams.news?.provider_extras).toMatchObject({ opens: false, clicks: true });
  });

  test("domains and sites are compared in lower case", () => {
    const sites = { "Gmail.COM": { per_minute: 60, burst: 1 } };
    const config = valid({
      accounts: { default: { domains: ["Example.COM"] } },
      sources: { sandbox: { ...sandbox, sites } },
    });
    expect(config.accounts.default?.domains).toEqual(["example.com"]);
    expect(Object.keys(config.sources.sandbox?.sites ?? {})).toEqual(["gmail.com"]);
  });
});

describe("a mistake is told with the place it was made at", () => {
  const cases: [what: string, vars: unknown, told: RegExp][] = [
    ["text", "streams", /expected object/i],
    ["an unknown section", { stream: {} }, /"stream"/],
    ["a name with capitals", { pools: { Main: { sources: [SANDBOX] } } }, /Main|a name is/],
    ["an unknown field", { sources: { a: { ...sandbox, rates: {} } } }, /"rates"/],
    ["no secret", { sources: { a: { provider: "resend" } } }, /sources\.a\.secret/],
    [
      "no URL",
      { sources: { a: { provider: "resend", secret: "S", base_url: "api" } } },
      /sources\.a\.base_url/,
    ],
    [
      "a rate of nothing",
      { sources: { a: { ...sandbox, rate: { requests_per_second: 0 } } } },
      /requests_per_second/,
    ],
    [
      "a site without burst",
      { sources: { a: { ...sandbox, sites: { "a.example": { per_minute: 1 } } } } },
      /burst/,
    ],
    ["an empty pool", { pools: { a: { sources: [] } } }, /pools\.a\.sources/],
    ["a missing source", { pools: { a: { sources: ["b"] } } }, /pool "a".*source "b"/],
    [
      "a missing pool",
      { streams: { a: { kind: "broadcast", pool: "b" } } },
      /stream "a".*pool "b"/,
    ],
    ["an unknown kind", { streams: { a: { kind: "bulk", pool: "default" } } }, /streams\.a\.kind/],
    ["a missing tier", { accounts: { a: { tier: "b" } } }, /account "a".*tier "b"/],
    [
      "a missing earlier tier",
      { accounts: { a: { tier_changed: { from: "b", at: "2026-01-01T00:00:00Z" } } } },
      /account "a".*tier "b"/,
    ],
    [
      "a change at no time",
      { accounts: { a: { tier_changed: { from: "small", at: "today" } } } },
      /tier_changed\.at/,
    ],
    [
      "three shards",
      { tiers: { a: { shards: 3, requests_per_second: 1, burst: 1 } } },
      /tiers\.a\.shards/,
    ],
    ["no slots", { limits: { sends_in_flight: 0 } }, /limits\.sends_in_flight/],
    [
      "a lease too short",
      { limits: { lease_ms: 2_000 } },
      /lease_ms must be above 2000.*"sandbox"/,
    ],
    [
      "a sandbox that sends",
      { sources: { sandbox: { provider: "resend", secret: "S" } } },
      /source "sandbox".*provider is "sandbox"/,
    ],
    [
      "broadcasts through a source that takes none",
      {
        sources: { cf: { provider: "cloudflare" } },
        pools: { cf: { sources: ["sandbox", "cf"] } },
        streams: { news: { kind: "broadcast", pool: "cf" } },
      },
      /stream "news" is broadcast mail, which source "cf" does not take/,
    ],
    ["an unknown provider", { sources: { a: { provider: "pigeon" } } }, /sources\.a\.provider/],
    ["a field of another provider", { sources: { a: { provider: "ses", token: "x" } } }, /token/],
    [
      "a source named as objects' own",
      { pools: { a: { sources: ["constructor"] } } },
      /constructor/,
    ],
    [
      "a pool named as objects' own",
      { streams: { a: { kind: "broadcast", pool: "constructor" } } },
      /constructor/,
    ],
  ];

  test.each(cases)("%s", (_what, vars, told) => {
    expect(mistake(vars)).toMatch(told);
  });

  test("every field that is wrong is told at once", () => {
    const told = mistake({ limits: { lease_ms: -1, suppression_ms: 0 } });
    expect(told).toContain("limits.lease_ms");
    expect(told).toContain("limits.suppression_ms");
  });
});
