/** What readers do by links of messages whose record is gone. */
import { describe, expect, test } from "vitest";
import type { JournalBody } from "../../src/core/custody.ts";
import type { EventType } from "../../src/core/delivery-state.ts";
import { journalUnit, message, units, World } from "./journal.ts";

const LEFT = { hash: "0123456789abcdef0123456789abcdef", stream: "news" };

const told = (type: EventType, given: { tries?: number; messageId?: string } = {}): JournalBody => {
  const { tries, messageId = "m1" } = given;
  const whose = { account: "acme", messageId, recipientNo: 0, source: "" };
  const left = type === "unsubscribed" ? { left: LEFT } : {};
  const event = { ...whose, type, at: 9, code: "", text: "", ...left };
  return { v: 1, kind: "events", events: [event], ...(tries === undefined ? {} : { tries }) };
};

function worldWithout(...ids: string[]): World {
  const world = new World();
  for (const id of ids) world.gone.add(id);
  return world;
}

describe("an unsubscription by a link", () => {
  test("of a message that is gone is heeded by what the link itself says", async () => {
    const world = worldWithout("m1");
    const one = message(told("unsubscribed"));
    await world.consume(one);
    expect(one.acked).toBe(1);
    expect(world.records.flatMap((record) => record.suppressions)).toMatchObject([
      { account: "acme", ...LEFT, address: "", unsubscribedAt: 9, lastAt: 9, messageId: "m1" },
    ]);
    expect(world.stored).toEqual([]);
  });

  test("of a known message is heeded once, for its stream, with its address", async () => {
    const world = new World();
    const envelope = { subject: "m1", stream: "news" };
    const address = "m1@a.example";
    const addressees = [{ mailbox: address, address, hash: LEFT.hash, kind: "to" }];
    const head = JSON.stringify({ envelope, addressees });
    await world.consume(message(units(journalUnit("m1", { head }))), message(told("unsubscribed")));
    const changes = world.records.flatMap((record) => record.suppressions);
    expect(changes.filter((one) => one.unsubscribedAt > 0)).toMatchObject([{ ...LEFT, address }]);
  });

  test("changes the same when it is read again", async () => {
    const world = worldWithout("m1");
    await world.consume(message(told("unsubscribed")), message(told("unsubscribed")));
    expect(world.records.flatMap((record) => record.suppressions)).toHaveLength(1);
  });
});

describe("an event of a link whose message nobody has", () => {
  test.each(["opened", "clicked", "unsubscribed"] as const)("%s comes back once", async (type) => {
    const world = worldWithout("m1");
    await world.consume(message(told(type)));
    expect(world.later.map(({ delayS }) => delayS)).toEqual([10]);
    const again = message(world.later[0]?.body);
    await world.consume(again);
    expect(again.acked).toBe(1);
    expect(world.later).toHaveLength(1);
    // Readers open old mail for years: nothing is kept of it.
    expect(world.kept).toEqual([]);
  });
});
