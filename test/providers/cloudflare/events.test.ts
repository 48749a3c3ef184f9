import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readEvent } from "../../../src/providers/cloudflare/events.ts";

const MESSAGE_ID = "0101018f7d0c4d9a-msg-deadbeef";
const about = {
  messageId: "",
  providerMessageId: MESSAGE_ID,
  eventId: "0190d0c4-7ea1-7af2-8b88-c1d2e3f4a5b6",
  address: "ann@example.net",
  at: Date.UTC(2026, 10, 5, 2, 48, 57, 132),
};

const event = (name: string, payload: object = {}) => ({
  type: `cf.email.sending.message.${name}`,
  source: { type: "email.sending", zoneId: "023e105f", domain: "Send.Example.com" },
  payload: {
    eventId: about.eventId,
    messageId: MESSAGE_ID,
    sender: "shop@send.example.com",
    recipient: "ann@example.net",
    subject: "Welcome",
    terminal: name !== "deferred",
    ...payload,
  },
  metadata: {
    accountId: "f9f79265",
    eventSubscriptionId: "1830c4bb",
    eventSchemaVersion: 1,
    eventTimestamp: "2026-11-05T02:48:57.132Z",
  },
});

const smtp = (status: string, smtpStatusCode: string, enhanced: string, words: string) => ({
  delivery: {
    status,
    provider: "external_smtp",
    deliveryTimeMs: 2_143,
    smtpStatusCode,
    smtpEnhancedStatusCode: enhanced,
    smtpResponse: words,
  },
});
const delivery = { delivery: { status: "x" } };
const bounce = (type: string, words = "") => ({
  ...smtp("bounced", "550", "5.1.1", words),
  bounce: { type, classification: "permanent_failure", reason: "550 5.1.1 User unknown" },
});

describe("an event of the queue is read", () => {
  test.each([
    [
      "delivered",
      smtp("delivered", "250", "2.0.0", "250 2.0.0 OK 17148"),
      { type: "delivered", code: "2.0.0", text: "250 2.0.0 OK 17148" },
    ],
    [
      "deferred",
      smtp("deferred", "451", "4.2.0", "451 4.2.0 Temporary mailbox error"),
      { type: "deferred", code: "4.2.0", text: /Temporary/ },
    ],
    ["deferred", smtp("deferred", "421", "", ""), { type: "deferred", code: "421" }],
    ["deferred", smtp("deferred", "", "", "450 4.7.1 wait"), { type: "deferred", code: "4.7.1" }],
    [
      "bounced",
      bounce("hard", "550 5.1.1 no such user"),
      { type: "bounced", code: "5.1.1", text: /no such user/, bounce: { kind: "hard" } },
    ],
    ["bounced", bounce("hard"), { type: "bounced", text: "550 5.1.1 User unknown" }],
    ["bounced", bounce("soft"), { type: "bounced", bounce: { kind: "soft" } }],
    ["bounced", bounce("constructor"), { type: "bounced", bounce: undefined }],
    [
      "failed",
      { ...delivery, failure: { reason: "delivery_failed" } },
      { type: "rejected", code: "delivery_failed" },
    ],
    [
      "rejected",
      {
        rejection: { reason: "suppressed", party: "recipient", detail: "Recipient is suppressed" },
      },
      { type: "suppressed", code: "suppressed", bounce: { category: "provider_list" } },
    ],
    [
      "rejected",
      { rejection: { reason: "spam", party: "message", detail: "Looks like spam" } },
      { type: "rejected", code: "spam", text: "Looks like spam" },
    ],
    ["complained", { complaint: { type: "abuse" } }, { type: "complained", code: "abuse" }],
    ["complained", {}, { type: "complained", code: "complained" }],
  ])("%s %#", (name, payload, { text, ...wanted }: Record<string, unknown>) => {
    const given = event(name, payload);
    const { domain, events, unknown } = readEvent(given);
    expect([domain, unknown]).toEqual(["send.example.com", []]);
    expect(events).toMatchObject([{ ...about, raw: given }]);
    for (const [key, value] of Object.entries(wanted)) {
      expect(events[0]?.[key as "code"]).toEqual(value);
    }
    if (text instanceof RegExp) expect(events[0]?.text).toMatch(text);
    else if (text !== undefined) expect(events[0]?.text).toBe(text);
  });
});

describe("what is not known is kept as it came", () => {
  test.each([
    ["a new event", event("opened"), "cf.email.sending.message.opened"],
    ["JavaScript's own word", event("constructor"), "cf.email.sending.message.constructor"],
    ["another product's", { type: "cf.r2.bucket.created", payload: {} }, "cf.r2.bucket.created"],
    ["nothing", null, ""],
    ["a text", "cf.email.sending.message.delivered", ""],
  ])("%s", (_title, raw, type) => {
    expect(readEvent(raw)).toMatchObject({ events: [], unknown: [{ type, raw }] });
  });

  test("whatever a queue may hold, without throwing", () => {
    const name = fc.constantFrom("delivered", "bounced", "rejected", "failed", "complained");
    fc.assert(
      fc.property(name, fc.object(), fc.anything(), (type, payload, anything) => {
        const { events } = readEvent(event(type, payload));
        expect(events).toHaveLength(1);
        readEvent(anything);
        readEvent({
          type: `cf.email.sending.message.${type}`,
          payload: anything,
          source: anything,
        });
      }),
    );
  });
});
