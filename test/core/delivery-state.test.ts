import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  EVENT_TYPES,
  mergeFacts,
  mergeTimelines,
  REPEATING,
  rankOf,
  STATE_OF_EVENT,
  STATES,
  TIMELINE_MAX,
  type TimelineEntry,
  timelineText,
} from "../../src/core/delivery-state.ts";

const facts = fc.record({
  state: fc.constantFrom(...STATES),
  at: fc.nat(3),
  code: fc.constantFrom("", "a", "b"),
  text: fc.constantFrom("", "x", "é"),
});

/** Few values, so that equal entries and equal times come up often. */
const entries = fc.record(
  {
    at: fc.nat(40),
    type: fc.constantFrom(...EVENT_TYPES),
    no: fc.nat(2),
    code: fc.constantFrom("", "busy"),
  },
  { requiredKeys: ["at", "type"] },
) as fc.Arbitrary<TimelineEntry>;

/** As they are stored: each a merge of what came before. */
const timelines = fc
  .array(entries, { maxLength: 120 })
  .map((all): TimelineEntry[] => mergeTimelines([], all));

describe("mergeFacts", () => {
  test("is commutative, associative and idempotent", () => {
    fc.assert(
      fc.property(facts, facts, facts, (a, b, c) => {
        expect(mergeFacts(a, b)).toEqual(mergeFacts(b, a));
        expect(mergeFacts(mergeFacts(a, b), c)).toEqual(mergeFacts(a, mergeFacts(b, c)));
        expect(mergeFacts(a, a)).toEqual(a);
      }),
    );
  });

  test("never answers a lower rank than it was given", () => {
    fc.assert(
      fc.property(facts, facts, (a, b) => {
        const rank = Math.max(rankOf(a.state), rankOf(b.state));
        expect(rankOf(mergeFacts(a, b).state)).toBe(rank);
      }),
    );
  });

  test("a bounce after a delivery is real; of two equal facts the earlier one counts", () => {
    const delivered = { state: "delivered", at: 1, code: "", text: "" } as const;
    const bounced = { state: "bounced", at: 9, code: "5.1.1", text: "" } as const;
    expect(mergeFacts(delivered, bounced)).toBe(bounced);
    const again = { ...delivered, at: 0 };
    expect(mergeFacts(delivered, again)).toBe(again);
  });
});

describe("mergeTimelines", () => {
  test("is commutative, associative and idempotent, also when it is full", () => {
    fc.assert(
      fc.property(timelines, timelines, timelines, (a, b, c) => {
        const all = mergeTimelines(mergeTimelines(a, b), c);
        expect(mergeTimelines(mergeTimelines(b, c), a)).toEqual(all);
        expect(mergeTimelines(a, mergeTimelines(c, b))).toEqual(all);
        expect(mergeTimelines(all, b)).toEqual(all);
      }),
    );
  });

  test("holds each event once, at most 64 of them, oldest first", () => {
    fc.assert(
      fc.property(timelines, timelines, (a, b) => {
        const merged = mergeTimelines(a, b);
        const texts = merged.map(timelineText);
        expect(new Set(texts).size).toBe(texts.length);
        expect(texts.length).toBeLessThanOrEqual(TIMELINE_MAX);
        expect(merged.map((one) => one.at)).toEqual(
          merged.map((one) => one.at).toSorted((x, y) => x - y),
        );
        const given = new Set([...a, ...b].map(timelineText));
        for (const text of texts) expect(given.has(text)).toBe(true);
        if (given.size <= TIMELINE_MAX) expect(texts).toHaveLength(given.size);
      }),
    );
  });

  test("what repeats gives way to what is final", () => {
    const repeats = Array.from(
      { length: 200 },
      (_, at): TimelineEntry => ({ at, type: "waiting" }),
    );
    const merged = mergeTimelines(repeats, [
      { at: 0, type: "accepted" },
      { at: 500, type: "sent" },
      { at: 900, type: "delivered" },
    ]);
    expect(merged).toHaveLength(TIMELINE_MAX);
    expect(merged.filter((one) => !REPEATING.has(one.type)).map((one) => one.type)).toEqual([
      "accepted",
      "sent",
      "delivered",
    ]);
  });

  test("the same event is the same text, whatever the order of its fields", () => {
    expect(timelineText({ type: "sent", source: "s", at: 1, no: 0 })).toBe(
      timelineText({ at: 1, no: 0, source: "s", type: "sent" }),
    );
  });
});

test("every event has a state, and every state a rank of its own", () => {
  for (const type of EVENT_TYPES) expect(STATES).toContain(STATE_OF_EVENT[type]);
  expect(new Set(STATES.map(rankOf)).size).toBe(STATES.length);
  expect(rankOf("pending")).toBe(0);
});
