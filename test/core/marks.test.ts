import { describe, expect, test } from "vitest";
import { EVENT_TYPES } from "../../src/core/delivery-state.ts";
import { MARK, marksOf } from "../../src/core/marks.ts";

describe("marks", () => {
  test("are bits that no two share", () => {
    const all = Object.values(MARK);
    expect(all.reduce((sum, bit) => sum | bit, 0)).toBe(all.reduce((sum, bit) => sum + bit, 0));
  });

  test("of whatever a reader does prove that it was sent and delivered", () => {
    for (const type of ["complained", "opened", "clicked", "unsubscribed"] as const) {
      const marks = marksOf(type, null);
      expect(marks & MARK.sent).not.toBe(0);
      expect(marks & MARK.delivered).not.toBe(0);
      expect(marks & MARK[type]).not.toBe(0);
    }
  });

  test("of a bounce are those of its kind, and it was sent but not delivered", () => {
    for (const kind of ["hard", "soft", "block"] as const) {
      expect(marksOf("bounced", kind)).toBe(MARK.sent | MARK[kind]);
    }
  });

  test("a kind that comes with anything but a bounce leaves none", () => {
    for (const type of EVENT_TYPES.filter((one) => one !== "bounced")) {
      expect(marksOf(type, "hard") & (MARK.hard | MARK.soft | MARK.block)).toBe(0);
    }
  });

  test("of mail that never left are none that count as sent", () => {
    for (const type of ["accepted", "waiting", "failed", "rejected", "expired"] as const) {
      expect(marksOf(type, null) & MARK.sent).toBe(0);
    }
  });
});
