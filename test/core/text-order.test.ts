import fc from "fast-check";
import { expect, test } from "vitest";
import { compareText } from "../../src/core/text-order.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "utf8");
const texts = fc.string({
  unit: fc.constantFrom("a", "b", "\u00e9", "\uffee", "\u{1f600}", "\u{1f601}"),
});

test("texts are in the order of their UTF-8 bytes, as SQLite has them", () => {
  fc.assert(
    fc.property(texts, texts, (a, b) => {
      expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(bytes(a), bytes(b)));
    }),
    { numRuns: 1_000 },
  );
});

test("what is above U+FFFF comes after what is below, unlike in JavaScript's own order", () => {
  expect("\u{1f600}" < "\uffee").toBe(true);
  expect(compareText("\u{1f600}", "\uffee")).toBeGreaterThan(0);
});
