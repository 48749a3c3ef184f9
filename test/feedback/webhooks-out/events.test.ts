import fc from "fast-check";
import { expect, test } from "vitest";
import { EVENT_TYPES } from "../../../src/core/delivery-state.ts";
import type { Happening } from "../../../src/core/events.ts";
import { idsFrom, OUT_EVENT_TYPES, PAYLOAD_MAX, timeOfId } from "../../../src/core/webhook.ts";
import { eventsOf, systemEvent } from "../../../src/feedback/webhooks-out/events.ts";
import { happening, NOW } from "./world.ts";

const UUID_8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

async function told(given: Partial<Happening>) {
  const [event] = await eventsOf([happening(given)]);
  return event === undefined ? null : { ...event, payload: JSON.parse(event.payload) };
}

test("a delivery in the dialect's envelope, with the fields that are Postern's own", async () => {
  const event = await told({ code: "250", text: "smtp; 250 2.0.0 OK" });
  expect(event?.id).toMatch(UUID_8);
  expect(event?.payload).toEqual({
    type: "email.delivered",
    created_at: new Date(NOW).toISOString(),
    data: {
      email_id: "019aabcd-0000-7000-8000-000000000001",
      message_id: "019aabcd-0000-7000-8000-000000000001",
      created_at: new Date(NOW - 1_000).toISOString(),
      from: "Acme <news@acme.com>",
      to: ["ann@example.com"],
      subject: "Hello",
      tags: { kind: "welcome" },
      recipient: "ann@example.com",
      recipient_no: 0,
      stream: "transactional",
      metadata: { order: "7" },
      source: "ses",
      code: "250",
      text: "smtp; 250 2.0.0 OK",
      smtp: { reply: 250, enhanced_code: "2.0.0" },
    },
  });
});

test.each([
  [{ kind: "hard", category: "recipient" }, "Permanent", "NoEmail"],
  [{ kind: "soft", category: "mailbox_full" }, "Transient", "MailboxFull"],
  [{ kind: "block", category: "content" }, "Transient", "ContentRejected"],
  [{ kind: "hard", category: "provider_list" }, "Permanent", "Suppressed"],
  [{ kind: "block", category: "reputation" }, "Transient", "General"],
  [null, "Undetermined", "Undetermined"],
] as const)("a bounce %j is %s, %s", async (bounce, type, subType) => {
  const event = await told({ type: "bounced", bounce, text: "550 5.1.1 no such user" });
  expect(event?.payload.data.bounce).toMatchObject({
    type,
    subType,
    message: "550 5.1.1 no such user",
  });
});

test("a click has its link, a failure its reason, a suppression its kind", async () => {
  const click = await told({ type: "clicked", url: "https://acme.com/a?b" });
  expect(click?.payload.data.click).toEqual({
    link: "https://acme.com/a?b",
    timestamp: new Date(NOW).toISOString(),
    ipAddress: "",
    userAgent: "",
  });
  const failed = await told({ type: "failed", code: "no_source" });
  expect(failed?.payload.data.failed).toEqual({ reason: "no_source" });
  const kept = await told({ type: "suppressed", code: "bounced", text: "bounced before" });
  expect(kept?.payload.data.suppressed).toEqual({ message: "bounced before", type: "bounced" });
});

test("each type of happening has its event, but for steps on the way", async () => {
  const types = await Promise.all(
    EVENT_TYPES.map(async (type) => [type, (await told({ type, ours: true }))?.type ?? null]),
  );
  expect(Object.fromEntries(types)).toMatchObject({
    accepted: null,
    waiting: null,
    queued: null,
    sent: "email.sent",
    deferred: "email.delivery_delayed",
    unsubscribed: "email.unsubscribed",
    unknown: "email.unknown",
  });
  for (const [, type] of types) if (type !== null) expect(OUT_EVENT_TYPES).toContain(type);
});

test("a provider's word that it sends is no second email.sent", async () => {
  expect(await told({ type: "sent", ours: false })).toBeNull();
});

test("the same happening has the same id, another one has another", async () => {
  const changes: Partial<Happening>[] = [
    {},
    { account: "acme~test" },
    { messageId: "019aabcd-0000-7000-8000-000000000002" },
    { no: 1 },
    { type: "opened" },
    { at: NOW + 1 },
    { source: "other" },
    { url: "https://acme.com" },
  ];
  const ids = await Promise.all(changes.map(async (change) => (await told(change))?.id));
  expect(new Set(ids).size).toBe(changes.length);
  // What a provider words differently when it repeats itself does not count.
  expect((await told({ text: "OK", code: "250" }))?.id).toBe(ids[0]);
});

test("ids sort by the time of their events, and tell it", async () => {
  const time = fc.integer({ min: 0, max: 2 ** 42 });
  await fc.assert(
    fc.asyncProperty(time, time, async (a, b) => {
      const [one, two] = await Promise.all([told({ at: a }), told({ at: b })]);
      expect(timeOfId(one?.id ?? "")).toBe(a);
      if (a !== b) expect((one?.id ?? "") < (two?.id ?? "")).toBe(a < b);
      expect((one?.id ?? "") > idsFrom(a)).toBe(true);
      expect((one?.id ?? "") < idsFrom(a + 1)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test("no time, however odd, breaks an event", async () => {
  for (const at of [Number.NaN, -5, Number.POSITIVE_INFINITY, 2 ** 60]) {
    expect((await told({ at }))?.id, String(at)).toMatch(UUID_8);
  }
});

test("a payload stays below 20 kB whatever is in it, and says what it left out", async () => {
  const text = fc.string({ unit: "binary", maxLength: 500 }).map((part) => part.repeat(80));
  const long = (length: number) => "é".repeat(length);
  const tags = Array.from({ length: 50 }, (_, n) => ({ name: `n${n}`, value: "v".repeat(256) }));
  const { envelope } = happening();
  const event = await told({ envelope: { ...envelope, tags, metadata: { a: "b".repeat(9_000) } } });
  expect(event?.payload.data).toMatchObject({ truncated: ["tags", "metadata"], subject: "Hello" });
  await fc.assert(
    fc.asyncProperty(text, text, async (subject, url) => {
      const big = { ...envelope, subject: subject + long(9_000), tags };
      for (const type of ["clicked", "bounced"] as const) {
        const [one] = await eventsOf([happening({ type, envelope: big, url, text: url })]);
        const size = new TextEncoder().encode(one?.payload).byteLength;
        expect(size).toBeLessThan(PAYLOAD_MAX);
        expect(JSON.parse(one?.payload ?? "").data.email_id).toBe(happening().messageId);
      }
    }),
    { numRuns: 20 },
  );
});

test("an event of the system has an id by its key, and its data as given", async () => {
  const terms = { account: "acme", at: NOW, key: "news" };
  const data = { stream: "news", reason: "complaints", figures: { complaint_rate: 0.002 } };
  const event = await systemEvent("stream.paused", terms, data);
  expect(JSON.parse(event.payload)).toEqual({
    type: "stream.paused",
    created_at: new Date(NOW).toISOString(),
    data,
  });
  expect((await systemEvent("stream.paused", terms, data)).id).toBe(event.id);
  expect((await systemEvent("stream.resumed", terms, data)).id).not.toBe(event.id);
  expect((await systemEvent("stream.paused", { ...terms, key: "x" }, data)).id).not.toBe(event.id);
});
