import { describe, expect, test } from "vitest";
import { type Config, parseConfig } from "../src/config.ts";

function valid(vars: unknown): Config {
  const parsed = parseConfig(vars);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

function mistake(verify: unknown): string {
  const parsed = parseConfig({ verify });
  return parsed.ok ? "" : parsed.error;
}

describe("verify", () => {
  test("two resolvers are asked, evidence is an account's own, and nothing is probed", () => {
    const { verify } = valid({});
    expect(verify.resolvers).toHaveLength(2);
    expect(verify).toMatchObject({ share_evidence: false, hedge_ms: 200, strict_ms: 3_000 });
    expect(verify.forms).toEqual({ quoted: true, literal: false, smtputf8: true });
    expect(verify.probe).toBeUndefined();
  });

  test("a resolver and a backend are asked by https, or are on the machine itself", () => {
    const probe = (url: string) => ({ probe: { backend: "reacher", url } });
    for (const url of [
      "https://dns.example.com/dns-query",
      "http://127.0.0.1:5353/",
      "http://[::1]/",
    ])
      expect(mistake({ resolvers: [url], ...probe(url) })).toBe("");
    for (const url of ["http://dns.example.com/", "dns.example.com", "ftp://127.0.0.1/", ""]) {
      expect(mistake({ resolvers: [url] })).toMatch(/resolvers/);
      expect(mistake(probe(url))).toMatch(/probe\.url/);
    }
    expect(mistake({ resolvers: [] })).toMatch(/resolvers/);
  });

  test("advice is by reasons that there are", () => {
    expect(valid({ verify: { advice: { role: "review" } } }).verify.advice).toEqual({
      role: "review",
    });
    expect(mistake({ advice: { rolle: "review" } })).toMatch(/rolle/);
    expect(mistake({ advice: { role: "refuse" } })).toMatch(/role/);
  });

  test("what is blocked is not above what is reviewed", () => {
    expect(mistake({ review_below: 0.4, block_below: 0.5 })).toMatch(/block_below <= review_below/);
  });

  test("a stream verifies nobody unless it says so", () => {
    const { streams } = valid({
      streams: { signup: { kind: "transactional", pool: "default", verify: "strict" } },
    });
    expect(streams.signup?.verify).toBe("strict");
    expect(streams.transactional?.verify).toBe("off");
    const wrong = { streams: { a: { kind: "transactional", pool: "default", verify: "maybe" } } };
    expect(parseConfig(wrong).ok).toBe(false);
  });
});
