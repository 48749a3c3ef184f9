import { describe, expect, test } from "vitest";
import { parseConfig } from "../src/config.ts";

function valid(vars: unknown) {
  const config = parseConfig(vars);
  if (!config.ok) throw new Error(config.error);
  return config.value;
}

function mistake(vars: unknown): string {
  const config = parseConfig(vars);
  return config.ok ? "" : config.error;
}

const news = { kind: "broadcast", pool: "default" };

describe("the links of messages", () => {
  test("unsubscribe from broadcasts and count nothing, unless a stream says otherwise", () => {
    const none = { opens: false, clicks: false };
    const { streams } = valid({
      streams: {
        news: { ...news, unsubscribe: false, tracking: { clicks: true } },
        receipts: { kind: "transactional", pool: "default", unsubscribe: true },
      },
    });
    expect(streams.broadcast?.links).toEqual({ ...none, unsubscribe: true });
    expect(streams.transactional?.links).toEqual({ ...none, unsubscribe: false });
    expect(streams.news?.links).toEqual({ opens: false, clicks: true, unsubscribe: false });
    expect(streams.receipts?.links).toEqual({ ...none, unsubscribe: true });
  });

  test("lie under one host for all, or one of a domain's own", () => {
    expect(valid({}).links).toEqual({ domains: {} });
    const links = {
      base_url: "https://links.example.com/",
      domains: { "Example.org": "https://go.example.org" },
    };
    expect(valid({ links }).links).toEqual({
      base_url: "https://links.example.com",
      domains: { "example.org": "https://go.example.org" },
    });
    expect(valid({ links: { base_url: "http://localhost:8787" } }).links.base_url).toBe(
      "http://localhost:8787",
    );
  });

  test.each([
    "http://links.example.com",
    "https://links.example.com/mail",
    "https://links.example.com:444",
    "https://10.0.0.1",
    "links.example.com",
  ])("do not lie under %s", (url) => {
    expect(mistake({ links: { base_url: url } })).toMatch(/base_url/);
    expect(mistake({ links: { domains: { "example.org": url } } })).toMatch(/example\.org/);
  });
});
