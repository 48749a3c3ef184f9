/** What an attempt that may have been accepted does to a unit, and what settles it. */
import { describe, expect, test } from "vitest";
import * as unit from "../../src/core/unit.ts";
import {
  accepted,
  ambiguous,
  claimed,
  rejected,
  settle,
  states,
  types,
  waiting,
} from "./unit-steps.ts";
import { GRACE_MS, HOUR_MS, START, WINDOW_MS } from "./unit-world.ts";

describe("an ambiguous attempt", () => {
  test("retry, plain source: once more after the grace, then held", () => {
    const first = settle(claimed(waiting(2), START), ambiguous);
    expect(first).toMatchObject({ phase: "waiting", due: START + 5 + GRACE_MS, ambiguities: 1 });
    expect(states(first)).toEqual(["unknown", "unknown"]);
    expect(first.frozen).toMatchObject({ recipients: [0, 1], attempt: { source: "s" } });
    const second = settle(claimed(first, first.due), ambiguous, first.due + 1);
    expect(second).toMatchObject({ phase: "held", due: first.due + 1 + unit.HOLD_MS });
    expect(states(second)).toEqual(["unknown", "unknown"]);
  });

  test("its reason is a code if it is one word, and else the text of one", () => {
    const told = (reason: string) =>
      settle(claimed(waiting(), START), { kind: "ambiguous", reason }).timeline.at(-1);
    expect(told("lease_ran_out")).toMatchObject({ type: "unknown", code: "lease_ran_out" });
    expect(told("no answer within the time limit")).toMatchObject({
      code: "unclear_answer",
      text: "no answer within the time limit",
    });
  });

  test("hold: held at once, at either kind of source", () => {
    for (const window of [0, WINDOW_MS]) {
      const record = settle(claimed(waiting(1, "hold"), START, window), ambiguous);
      expect(record).toMatchObject({ phase: "held", due: START + 5 + unit.HOLD_MS });
    }
  });

  test("retry, deduplicating source: soon again and again, until the window is nearly over", () => {
    let record = claimed(waiting(), START, HOUR_MS);
    let now = START;
    let repeats = 0;
    for (;;) {
      record = settle(record, ambiguous, now, 0.5);
      if (record.phase === "held") break;
      expect(record.phase).toBe("waiting");
      expect(record.due - now).toBeLessThanOrEqual(unit.AMBIGUOUS_BACKOFF.maxMs);
      now = record.due;
      expect(now).toBeLessThan(START + HOUR_MS - 59_999);
      repeats += 1;
      record = claimed(record, now, HOUR_MS);
    }
    expect(repeats).toBeGreaterThan(30);
    expect(states(record)).toEqual(["unknown"]);
  });

  test("a source that deduplicates only since then does not know the first one: it is held", () => {
    const first = settle(claimed(waiting(), START), ambiguous);
    const second = settle(claimed(first, first.due, WINDOW_MS), rejected, first.due + 1);
    expect(second).toMatchObject({ phase: "held" });
    expect(states(second)).toEqual(["unknown"]);
  });

  test("a lease that runs out is one", () => {
    const running = claimed(waiting(), START);
    expect(unit.lapse(running, running.due - 1, 0)).toBe(running);
    const lapsed = unit.lapse(running, running.due, 0);
    expect(lapsed).toMatchObject({ phase: "waiting", ambiguities: 1, current: null });
    expect(lapsed.timeline.at(-1)).toMatchObject({ type: "unknown", code: "lease_ran_out" });
  });

  test("a refusal of the repeat at a plain source says nothing of the first: it is held", () => {
    const failed = { kind: "failed", retryable: false, code: "http_404", text: "" } as const;
    const first = settle(claimed(waiting(), START), ambiguous);
    for (const outcome of [rejected, failed, { ...rejected, suppressed: true }]) {
      const record = settle(claimed(first, first.due), outcome, first.due + 1);
      expect(record.phase).toBe("held");
      expect(states(record)).toEqual(["unknown"]);
    }
  });

  test("one recipient refused in the repeat at a plain source is not failed either", () => {
    const first = settle(claimed(waiting(2), START), ambiguous);
    const refused = [{ no: 0, code: "invalid", text: "" }];
    const outcome = { ...accepted, refused };
    const record = settle(claimed(first, first.due), outcome, first.due + 1);
    expect(states(record)).toEqual(["unknown", "sent"]);
    expect(record.phase).toBe("held");
  });

  test("a refusal of the repeat at a deduplicating source is the answer to both", () => {
    const first = settle(claimed(waiting(), START, WINDOW_MS), ambiguous);
    const record = settle(claimed(first, first.due, WINDOW_MS), rejected, first.due + 1);
    expect(record.phase).toBe("closed");
    expect(states(record)).toEqual(["failed"]);
  });

  test("past its expiry it is held and not expired", () => {
    const first = settle(claimed(waiting(), START), ambiguous, START + WINDOW_MS - 1);
    const late = unit.lapse(first, START + WINDOW_MS, 0);
    expect(late.phase).toBe("held");
    expect(late.timeline.at(-1)).toMatchObject({ code: "expired_while_unknown" });
  });

  test("waiting past the window of a deduplicating source, however long, is held", () => {
    const terms = { expires: START + 30 * WINDOW_MS, onUnknown: "retry", graceMs: 0 } as const;
    const running = claimed(unit.accept(1, terms, START), START, WINDOW_MS);
    const first = settle(running, ambiguous);
    expect(first.phase).toBe("waiting");
    expect(unit.lapse(first, START + WINDOW_MS, 0).phase).toBe("held");
  });
});

describe("a call that was refused whole for another message's sake", () => {
  const refused = {
    kind: "failed",
    retryable: true,
    code: unit.BATCH_REFUSED,
    text: "",
  } as const;

  test("tries each again; where repeats are recognised nothing of it is unknown any more", () => {
    const unknown = settle(claimed(waiting(), START, WINDOW_MS), ambiguous);
    const free = settle(claimed(unknown, unknown.due, WINDOW_MS), refused, unknown.due + 1);
    expect(free).toMatchObject({ phase: "waiting", frozen: null, ambiguities: 0, failures: 1 });
  });

  test("proves nothing where repeats are not recognised", () => {
    const unknown = settle(claimed(waiting(), START), ambiguous);
    const still = settle(claimed(unknown, unknown.due), refused, unknown.due + 1);
    expect(still).toMatchObject({ phase: "waiting", ambiguities: 1 });
    expect(still.frozen).not.toBeNull();
  });

  test("any other failure of a repeat leaves the unknown as it was", () => {
    const unknown = settle(claimed(waiting(), START, WINDOW_MS), ambiguous);
    const other = { ...refused, code: "http_500" };
    const still = settle(claimed(unknown, unknown.due, WINDOW_MS), other, unknown.due + 1);
    expect(still.frozen).not.toBeNull();
  });
});

describe("observe", () => {
  const event = { state: "delivered", at: START + 50 } as const;

  test("an event about one recipient of an unknown call proves that all were accepted", () => {
    for (const onUnknown of ["hold", "retry"] as const) {
      const unknown = settle(claimed(waiting(3, onUnknown), START), ambiguous);
      const record = unit.observe(unknown, 1, event);
      expect(states(record)).toEqual(["sent", "delivered", "sent"]);
      expect(record.phase).toBe("closed");
      expect(record.timeline.filter((one) => one.code === "proved_by_event")).toHaveLength(2);
    }
  });

  test("it changes nothing where no attempt was ambiguous, or when it proves nothing", () => {
    const running = claimed(waiting(), START);
    expect(unit.observe(running, 0, event)).toBe(running);
    const unknown = settle(running, ambiguous);
    expect(unit.observe(unknown, 0, { state: "pending", at: START })).toBe(unknown);
  });

  test("it does not say a second time that somebody was sent to", () => {
    const unknown = settle(claimed(waiting(2), START), ambiguous);
    const sent = settle(claimed(unknown, unknown.due), accepted, unknown.due + 1);
    const known = unit.observe(sent, 0, event);
    expect(states(known)).toEqual(["delivered", "sent"]);
    expect(types(known)).toEqual(types(sent));
  });

  test("a hold that ended as unknown is still corrected by an event", () => {
    const held = settle(claimed(waiting(1, "hold"), START), ambiguous);
    const ended = unit.lapse(held, held.due, 0);
    const known = unit.observe(ended, 0, { ...event, at: held.due + 1 });
    expect(states(known)).toEqual(["delivered"]);
    expect(known).toMatchObject({ phase: "closed", rev: ended.rev + 1 });
  });
});
