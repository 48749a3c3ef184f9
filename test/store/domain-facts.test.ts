import fc from "fast-check";
import { expect, test } from "vitest";
import { PRUNE_PARTS, prunePart } from "../../src/store/domain-facts.ts";

test("every domain is in one of the parts that are gone through, and in no other", () => {
  const parts = Array.from({ length: PRUNE_PARTS }, (_, part) => prunePart(part));
  const odd = fc.constantFrom("-", "-a.example", "_dmarc.example", "9z", "a", "t.co", "zz", "~");
  fc.assert(
    fc.property(fc.oneof(fc.domain(), odd), (domain) => {
      expect(parts.filter(({ from, to }) => domain >= from && domain < to)).toHaveLength(1);
    }),
  );
});
