import { expect, test } from "vitest";
import type { Envelope } from "../../src/core/custody.ts";
import type { Happening } from "../../src/core/events.ts";
import { suppressionsOf } from "../../src/feedback/suppress.ts";
import { addedEvents, removedEvents } from "../../src/feedback/suppression-events.ts";

const happening = (given: Partial<Happening> = {}): Happening => ({
  account: "acme",
  messageId: "m1",
  no: 0,
  address: "ann@example.net",
  hash: "0123456789abcdef0123456789abcdef",
  envelope: { stream: "news", lane: "broadcast" } as Envelope,
  source: "ses",
  type: "bounced",
  at: 1_000,
  code: "5.1.1",
  text: "",
  bounce: { kind: "hard", category: "recipient" },
  url: "",
  ours: false,
  ...given,
});

const told = async (...all: Happening[]) => addedEvents(suppressionsOf(all));

test("a hard bounce, a complaint and an unsubscription tell of a suppression", async () => {
  const complained = happening({ type: "complained", bounce: null });
  const left = happening({ type: "unsubscribed", bounce: null });
  for (const [one, origin, stream] of [
    [happening(), "bounce", "*"],
    [complained, "complaint", "*"],
    [left, "manual", "news"],
  ] as const) {
    const [event, more] = await told(one);
    expect(more).toBe(undefined);
    expect(event).toMatchObject({ account: "acme", type: "suppression.added" });
    expect(JSON.parse(event?.payload ?? "")).toMatchObject({
      type: "suppression.added",
      data: { email: "ann@example.net", origin, stream, source_id: "m1" },
    });
  }
});

test("one soft bounce, a block and a delivery tell nothing", async () => {
  const soft = happening({ bounce: { kind: "soft", category: "mailbox_full" } });
  const block = happening({ bounce: { kind: "block", category: "policy" } });
  const delivered = happening({ type: "delivered", bounce: null });
  expect(await told(soft, block, delivered)).toEqual([]);
});

test("the same event told again has the same id", async () => {
  const [[one], [two]] = [await told(happening()), await told(happening(), happening())];
  expect(two).toEqual(one);
});

test("a removal tells who was let back", async () => {
  const entry = { hash: "0123456789abcdef", stream: "*", address: "a@b.example", messageId: "" };
  const [event] = await removedEvents("acme", [entry], 5_000);
  expect(JSON.parse(event?.payload ?? "").data).toMatchObject({
    email: "a@b.example",
    source_id: null,
  });
});
