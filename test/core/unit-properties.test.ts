import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rankOf, STATE_OF_EVENT, TIMELINE_MAX } from "../../src/core/delivery-state.ts";
import { HOLD_MS, outstanding, settle, type UnitRecord } from "../../src/core/unit.ts";
import { operations, terms, WINDOW_MS, World } from "./unit-world.ts";

/** Runs sequences of operations in virtual time and shows `check` the unit after each of them. */
function always(
  check: (world: World, before: UnitRecord) => void,
  wanted: Partial<World["terms"]> = {},
  after: (world: World) => void = () => {},
): void {
  fc.assert(
    fc.property(terms, operations, (given, sequence) => {
      const world = new World({ ...given, ...wanted });
      for (const operation of sequence) {
        const before = world.record;
        world.run(operation);
        check(world, before);
      }
      after(world);
    }),
    { numRuns: 600 },
  );
}

const maybeAccepted = (world: World): number =>
  world.attempts.filter((one) => one.maybeAccepted).length;

describe("whatever happens to a unit", () => {
  test("a recipient never goes back: what was sent stays sent or is better known", () => {
    always((world, before) => {
      world.record.recipients.forEach((recipient, no) => {
        const was = before.recipients[no]?.state ?? "pending";
        expect(rankOf(recipient.state)).toBeGreaterThanOrEqual(rankOf(was));
      });
    });
  });

  test("every change has a revision of its own, and what did not change has none", () => {
    always(({ record }, before) => {
      if (record !== before && record.phase !== "claimed") {
        expect(record.rev).toBeGreaterThan(before.rev);
      }
      expect(record.rev).toBeGreaterThanOrEqual(before.rev);
    });
  });

  test("closed means that every recipient is final, or that a hold has ended", () => {
    always(({ record }) => {
      const left = outstanding(record);
      if (left.length === 0) expect(record.phase).toBe("closed");
      if (record.phase !== "closed" || left.length === 0) return;
      for (const no of left) expect(record.recipients[no]?.state).toBe("unknown");
      expect(record.timeline.some((entry) => entry.code === "hold_ended")).toBe(true);
    });
  });

  test("closed is final: no outcome and no time opens it again", () => {
    always((world, before) => {
      if (before.phase !== "closed") return;
      expect(world.record.phase).toBe("closed");
      expect(world.record.current).toBe(null);
    });
  });

  test("it has an attempt exactly while it is claimed", () => {
    always(({ record }) => expect(record.current !== null).toBe(record.phase === "claimed"));
  });

  test("it closes in the end, when nobody does anything any more", () => {
    const longest = 31 * WINDOW_MS + 2 * HOLD_MS;
    always(
      () => {},
      {},
      (world) => {
        for (let i = 0; i < 4; i++) world.run({ op: "pass", ms: longest });
        expect(world.record.phase).toBe("closed");
      },
    );
  });

  test("an outcome without a claim changes nothing", () => {
    always(({ record, now }) => {
      if (record.phase === "claimed") return;
      expect(settle(record, { kind: "ambiguous", reason: "late" }, now, 0)).toBe(record);
    });
  });

  test("the timeline is bounded and in order, and tells every final state it decided", () => {
    always((world) => {
      const { timeline, recipients } = world.record;
      expect(timeline.length).toBeLessThanOrEqual(TIMELINE_MAX);
      expect(timeline.map((entry) => entry.at)).toEqual(
        timeline.map((entry) => entry.at).toSorted((a, b) => a - b),
      );
      recipients.forEach(({ state }, no) => {
        // Of a delivery or a bounce the provider's own event tells, in the database.
        if (rankOf(state) > rankOf("sent") || rankOf(state) < rankOf("cancelled")) return;
        const mine = timeline.filter((entry) => entry.no === undefined || entry.no === no);
        const told = mine.map((entry) => STATE_OF_EVENT[entry.type]);
        if (state !== "sent") expect(told).toContain(state);
      });
    });
  });
});

describe("after an attempt that may have been accepted", () => {
  test("what it froze never changes: recipients and source", () => {
    always(({ record, attempts }, before) => {
      if (before.frozen !== null) expect(record.frozen).toEqual(before.frozen);
      const { frozen } = record;
      if (frozen === null) return;
      const first = attempts.findIndex((one) => one.maybeAccepted);
      for (const repeat of attempts.slice(first + 1)) {
        expect(repeat.source).toBe(frozen.attempt.source);
        expect(repeat.numbers).toEqual(frozen.recipients);
      }
    });
  });

  test("a source that does not deduplicate never makes it failed or expired", () => {
    always(
      ({ record }) => {
        if (record.ambiguities === 0) return;
        for (const no of record.frozen?.recipients ?? []) {
          expect(["failed", "expired"]).not.toContain(record.recipients[no]?.state);
        }
      },
      { deduplicates: false },
    );
  });

  test("hold: it was the only attempt that may have been accepted", () => {
    always((world) => expect(maybeAccepted(world)).toBeLessThanOrEqual(1), { onUnknown: "hold" });
  });

  test("retry at a source that does not deduplicate: two attempts may have been accepted", () => {
    always((world) => expect(maybeAccepted(world)).toBeLessThanOrEqual(2), {
      deduplicates: false,
    });
  });

  test("retry at a source that deduplicates: every repeat lies inside its window", () => {
    always(
      ({ attempts }) => {
        const first = attempts.find((one) => one.maybeAccepted);
        for (const { at } of first === undefined ? [] : attempts) {
          expect(at).toBeLessThan((first?.at ?? 0) + WINDOW_MS);
        }
      },
      { deduplicates: true, onUnknown: "retry" },
    );
  });

  test("it is never expired, at either kind of source", () => {
    always(({ record }) => {
      for (const no of record.frozen?.recipients ?? []) {
        expect(record.recipients[no]?.state).not.toBe("expired");
      }
    });
  });
});
