import { describe, expect, test } from "vitest";
import { err, ok } from "../../src/core/result.ts";
import type { HookReading } from "../../src/providers/hooks.ts";
import type { FeedEvent } from "../../src/providers/provider.ts";
import { deviations, keysOf, type Recorded, type RecordedEvent, timeOf } from "./compare.ts";

const event = (over: Partial<FeedEvent> = {}): FeedEvent => ({
  messageId: "",
  providerMessageId: "m1",
  eventId: "e1",
  address: "bob@example.com",
  type: "bounced",
  at: 1,
  code: "5.1.1",
  text: "550 5.1.1 no such user",
  ...over,
});
const wanted = (over: Partial<RecordedEvent> = {}): RecordedEvent => ({
  event_type: "bounced",
  recipient: "bob@example.com",
  message_id: "<M1>",
  event_id: "e1",
  reject_reason: "bounced",
  mta_response: "550 5.1.1 no such user",
  ...over,
});
const reading = (...events: FeedEvent[]) => ok<HookReading>({ events, unknown: [] });
const accepted = (...events: RecordedEvent[]) => ({
  expected_status: 200,
  expected_events: events,
});
const refused = err({ reason: "bad_proof" as const, text: "" });

describe("a reading that is as recorded", () => {
  test("deviates in nothing; brackets, case and absent fields do not count", () => {
    expect(deviations(accepted(wanted()), reading(event()))).toEqual([]);
    expect(deviations(accepted(wanted({ event_id: null })), reading(event()))).toEqual([]);
  });

  test("may have no event where the record's is none that is known", () => {
    expect(deviations(accepted(wanted({ event_type: "unknown" })), reading())).toEqual([]);
  });

  test("of a refused request is a refusal", () => {
    const bad = { expected_status: 400, expected_events: null };
    expect(deviations(bad, refused)).toEqual([]);
    expect(deviations(bad, reading())).toEqual(["verdict"]);
  });
});

describe("a reading deviates", () => {
  test.each<[string, Partial<FeedEvent>]>([
    ["type (opened for bounced)", { type: "opened" }],
    ["recipient", { address: "eve@example.com" }],
    ["message_id", { providerMessageId: "m2" }],
    ["event_id", { eventId: "e2" }],
    ["hard (soft)", { code: "5.2.2", text: "mailbox full" }],
  ])("in %s", (what, over) => {
    expect(deviations(accepted(wanted()), reading(event(over)))).toEqual([what]);
  });

  test("in its number of events and in its verdict", () => {
    expect(deviations(accepted(wanted()), reading())).toEqual(["count (0 for 1)"]);
    expect(deviations(accepted(wanted()), refused)).toEqual(["verdict (bad_proof)"]);
  });
});

test("keys are taken from the settings, one or several", () => {
  const keys = keysOf({
    ANYMAIL: { WEBHOOK_SECRET: ["a:b", "c:d"] },
    ANYMAIL_X_SIGNING_SECRET: "s",
  });
  expect(keys).toMatchObject({ basic: ["a:b", "c:d"], signing: ["s"] });
});

test("the clock is the request's own", () => {
  const request = (over: Partial<Recorded>): Recorded => ({
    test: "",
    headers: {},
    body: "",
    body_encoding: "utf8",
    settings: {},
    expected_status: 200,
    expected_events: null,
    ...over,
  });
  expect(timeOf(request({ headers: { "svix-timestamp": "12.5" } }))).toBe(12_500);
  expect(timeOf(request({ body: '{"timestamp": "7"}' }))).toBe(7_000);
  expect(timeOf(request({}))).toBe(0);
});
