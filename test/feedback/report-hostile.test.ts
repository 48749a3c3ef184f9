/** What a provider's reading may hold at its oddest still becomes messages that a queue takes. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonBytes } from "../../src/core/custody.ts";
import { EVENT_TYPES } from "../../src/core/delivery-state.ts";
import { classify } from "../../src/feedback/classify.ts";
import { readBody } from "../../src/feedback/read.ts";
import { journalOf } from "../../src/feedback/report.ts";

const NOW = 1_800_000_000_000;

/** Queues: 128 KB a message. */
const MESSAGE_MAX_BYTES = 128_000;

const texts = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "\u0000".repeat(9_000),
    "\ud800".repeat(9_000),
    "日".repeat(9_000),
    '"'.repeat(9_000),
  ),
);

const times = fc.oneof(
  fc.constantFrom(0, -1, 1, NaN, Infinity, -Infinity, 1e300, 8.64e15, NOW + 300_001, 5.5),
  fc.double(),
);

const readings = fc.record({
  events: fc.array(
    fc.record({
      messageId: texts,
      account: texts,
      providerMessageId: texts,
      eventId: texts,
      address: texts,
      type: fc.constantFrom(...EVENT_TYPES),
      at: times,
      code: texts,
      text: texts,
      url: texts,
      raw: fc.oneof(fc.jsonValue(), texts, fc.constant(undefined)),
    }),
    { maxLength: 60 },
  ),
  unknown: fc.array(fc.record({ type: texts, raw: fc.oneof(fc.jsonValue(), texts) }), {
    maxLength: 60,
  }),
});

test("messages stay within a queue's size and are readable, whatever is in them", () => {
  fc.assert(
    fc.property(readings, (reading) => {
      const bodies = journalOf(reading, "s1", NOW, classify);
      let [events, unknown] = [0, 0];
      for (const body of bodies) {
        expect(jsonBytes(body)).toBeLessThan(MESSAGE_MAX_BYTES);
        const read = readBody(JSON.parse(JSON.stringify(body)));
        if (read?.kind !== "events") throw new Error("the journal cannot read it");
        events += read.events.length;
        unknown += read.unknown?.events.length ?? 0;
        for (const { at } of read.events) {
          expect(Number.isInteger(at) && at >= 0 && at <= NOW + 300_000).toBe(true);
        }
      }
      expect([events, unknown]).toEqual([reading.events.length, reading.unknown.length]);
    }),
    { numRuns: 60 },
  );
});
