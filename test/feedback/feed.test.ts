import { expect, test } from "vitest";
import type { Envelope } from "../../src/core/custody.ts";
import type { Happening, ProviderEvent } from "../../src/core/events.ts";
import { type FeedFacts, observationsOf, type Report } from "../../src/feedback/feed.ts";

const isTest = (account: string): boolean => account.endsWith("~test");

const happening = (given: Partial<Happening>): Happening => ({
  account: "acme",
  messageId: "m",
  no: 0,
  address: "ann@a.example",
  hash: "h",
  envelope: {} as Envelope,
  source: "mg",
  type: "sent",
  at: 1_000,
  code: "",
  text: "",
  bounce: null,
  url: "",
  ours: true,
  ...given,
});

const event = (given: Partial<ProviderEvent> = {}): ProviderEvent => ({
  account: "acme",
  messageId: "m",
  recipientNo: null,
  source: "mg",
  type: "delivered",
  at: 2_000,
  code: "",
  text: "",
  ...given,
});

const report = (arrivedAt: number, body: Partial<Report["body"]>): Report => ({
  id: `id-${arrivedAt}`,
  arrivedAt,
  body: { v: 1, kind: "events", events: [], ...body },
});

const of = (given: Partial<FeedFacts>) =>
  observationsOf({ reports: [], happenings: [], foreign: [], ...given }, isTest);

const NOTHING = { arrivedAt: 0, reportedAt: 0, events: 0, foreign: 0, unknown: [] };

test("sends are our own outcomes that were sent, first and last of each source", () => {
  const happenings = [
    happening({ at: 2_000 }),
    happening({ at: 1_000 }),
    happening({ at: 3_000, source: "sp" }),
    happening({ at: 9_000, ours: false }),
    happening({ at: 9_000, type: "waiting" }),
    happening({ at: 9_000, source: "" }),
  ];
  expect(of({ happenings })).toEqual([
    { ...NOTHING, source: "mg", firstSentAt: 1_000, sentAt: 2_000 },
    { ...NOTHING, source: "sp", firstSentAt: 3_000, sentAt: 3_000 },
  ]);
});

test("events come when their message was put on the queue, and report a time of their own", () => {
  const reports = [
    report(5_000, { events: [event({ at: 2_000 }), event({ at: 3_000 })] }),
    report(4_000, { events: [event({ at: 1_000 })] }),
  ];
  const [one] = of({ reports });
  expect(one).toMatchObject({ arrivedAt: 5_000, reportedAt: 3_000, events: 3, sentAt: 0 });
});

test("a provider's clock that is ahead does not pass over what is yet to be reported", () => {
  const [one] = of({ reports: [report(5_000, { events: [event({ at: 99_000 })] })] });
  expect(one).toMatchObject({ arrivedAt: 5_000, reportedAt: 5_000 });
});

test("events that were asked for, or have come in before, are no sign of a webhook", () => {
  const events = [event()];
  expect(of({ reports: [report(5_000, { events, asked: true })] })).toEqual([]);
  expect(of({ reports: [report(5_000, { events, tries: 1 })] })).toEqual([]);
  expect(of({ reports: [report(5_000, { events, tries: 0 })] })).toHaveLength(1);
});

test("unknown events are a sign too, and are counted under their message's id", () => {
  const unknown = { source: "mg", events: [{ type: "new", raw: "{}" }] };
  expect(of({ reports: [report(5_000, { unknown })] })).toEqual([
    {
      ...NOTHING,
      source: "mg",
      firstSentAt: 0,
      sentAt: 0,
      arrivedAt: 5_000,
      unknown: [{ id: "id-5000", count: 1 }],
    },
  ]);
});

test("events of mail that is not ours are counted", () => {
  expect(of({ foreign: [event({ account: "" }), event()] })).toMatchObject([
    { source: "mg", foreign: 2, events: 0 },
  ]);
});

test("test mail leaves no trace: no send, no event, nothing foreign", () => {
  const account = "acme~test";
  const facts = {
    happenings: [happening({ account })],
    reports: [report(5_000, { events: [event({ account })] })],
    foreign: [event({ account })],
  };
  expect(of(facts)).toEqual([]);
});
