import { describe, expect, test } from "vitest";
import { jsonBytes } from "../../src/core/custody.ts";
import { classify } from "../../src/feedback/classify.ts";
import { journalOf, reported } from "../../src/feedback/report.ts";
import type { FeedEvent } from "../../src/providers/provider.ts";

const NOW = Date.UTC(2026, 10, 5);

const event = (given: Partial<FeedEvent> = {}): FeedEvent => ({
  messageId: "m1",
  account: "acme",
  providerMessageId: "p1",
  address: "ann@example.net",
  type: "bounced",
  at: NOW - 1_000,
  code: "5.1.1",
  text: "550 5.1.1 <ann@example.net>: no such user here",
  raw: { Email: "ann@example.net" },
  ...given,
});

const told = (given: Partial<FeedEvent> = {}) => reported(event(given), "ses", NOW, classify);

describe("what a provider says, on its way to the journal", () => {
  test("is classified by its whole text, which then loses its addresses", () => {
    const one = told();
    expect(one.bounce).toEqual({ kind: "hard", category: "recipient" });
    expect(one.text).toBe("550 5.1.1 [address] no such user here");
    const late = told({ text: `${"x ".repeat(150)}<a@b.example> user unknown`, code: "550" });
    expect(late.bounce?.category).toBe("recipient");
    expect(late.text.length).toBeLessThanOrEqual(200);
  });

  test("only a bounce has a kind", () => {
    expect(told({ type: "delivered" })).not.toHaveProperty("bounce");
    expect(told({ type: "deferred" })).not.toHaveProperty("bounce");
  });

  test("keeps as it came what is no routine, within its limit", () => {
    expect(JSON.parse(told().raw ?? "")).toEqual({ Email: "ann@example.net" });
    for (const type of ["delivered", "opened", "clicked", "queued", "sent"] as const) {
      expect(told({ type })).not.toHaveProperty("raw");
    }
    expect(told({ raw: { text: "x".repeat(9_000) } }).raw).toHaveLength(4_096);
  });

  test("a time that is none, or far ahead, is now; the past is believed", () => {
    for (const at of [0, -5, Number.NaN, Number.POSITIVE_INFINITY, NOW + 3_600_000]) {
      expect(told({ at }).at).toBe(NOW);
    }
    expect(told({ at: NOW + 60_000 }).at).toBe(NOW + 60_000);
    expect(told({ at: 5 }).at).toBe(5);
  });

  test("texts of any length come within their limits", () => {
    const long = "x".repeat(100_000);
    const one = told({
      messageId: long,
      account: long,
      providerMessageId: long,
      address: long,
      code: long,
      text: long,
      url: long,
      type: "clicked",
    });
    expect(jsonBytes(one)).toBeLessThan(5_000);
  });
});

describe("a reading becomes as few journal messages as hold it", () => {
  test("none of them above what a queue takes, and no event left out", () => {
    const raw = { text: "\u00e9".repeat(4_000) };
    const events = Array.from({ length: 500 }, (_, n) => event({ eventId: String(n), raw }));
    const bodies = journalOf({ events, unknown: [] }, "ses", NOW, classify);
    const count = bodies.reduce(
      (sum, one) => sum + (one.kind === "events" ? one.events.length : 0),
      0,
    );
    expect(count).toBe(500);
    for (const body of bodies) expect(jsonBytes(body)).toBeLessThan(120_000);
    expect(bodies.length).toBeLessThan(60);
  });

  test("what nobody knows goes beside, with its source; nothing makes nothing", () => {
    const unknown = [
      { type: "x".repeat(500), raw: { a: 1 } },
      { type: "y", raw: undefined },
    ];
    const [body, more] = journalOf({ events: [], unknown }, "ses", NOW, classify);
    expect(more).toBe(undefined);
    expect(body).toMatchObject({ events: [], unknown: { source: "ses" } });
    expect(journalOf({ events: [], unknown: [] }, "ses", NOW, classify)).toEqual([]);
  });
});
