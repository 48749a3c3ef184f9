import { describe, expect, test } from "vitest";
import { TIMELINE_MAX } from "../../src/core/delivery-state.ts";
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
import { HOUR_MS, LEASE_MS, START, WINDOW_MS } from "./unit-world.ts";

describe("accept and claim", () => {
  test("a unit waits from acceptance on, due at once, nobody reached", () => {
    const record = waiting(3);
    expect(record).toMatchObject({ phase: "waiting", due: START, rev: 1, attempts: 0 });
    expect(states(record)).toEqual(["pending", "pending", "pending"]);
    expect(unit.outstanding(record)).toEqual([0, 1, 2]);
    expect(record.timeline).toEqual([{ at: START, type: "accepted" }]);
  });

  test("a claim is due when its lease ends, and counts as an attempt", () => {
    const record = claimed(waiting(), START + 1);
    expect(record).toMatchObject({ phase: "claimed", due: START + 1 + LEASE_MS, attempts: 1 });
    expect(record).toMatchObject({ rev: 2, source: "s", current: { token: "t" } });
  });

  test("a release gives the attempt back and lets it wait until the given time", () => {
    const record = unit.release(claimed(waiting(), START), START + 9);
    expect(record).toMatchObject({ phase: "waiting", due: START + 9, attempts: 0, current: null });
    expect(states(record)).toEqual(["pending"]);
  });

  test("suppressed recipients are left out; when nobody is left the unit closes", () => {
    const some = unit.suppress(waiting(2), [{ no: 0, code: "bounced" }], START + 1);
    expect(some).toMatchObject({ phase: "waiting", rev: 2 });
    expect(unit.outstanding(some)).toEqual([1]);
    expect(some.recipients[0]).toMatchObject({ state: "suppressed", code: "bounced" });
    const all = unit.suppress(some, [{ no: 1, code: "manual" }], START + 2);
    expect(all).toMatchObject({ phase: "closed", due: 0, current: null });
  });
});

describe("settle", () => {
  test("accepted: everybody is sent and the unit closes", () => {
    const record = settle(claimed(waiting(2), START), accepted);
    expect(record).toMatchObject({ phase: "closed", providerMessageId: "p1", failures: 0 });
    expect(states(record)).toEqual(["sent", "sent"]);
    expect(record.timeline.at(-1)).toEqual({
      at: START + 5,
      type: "sent",
      attempt: 1,
      source: "s",
    });
  });

  test("accepted with refused recipients: those are suppressed or failed, the others sent", () => {
    const refused = [
      { no: 0, code: "suppressed", text: "on the list" },
      { no: 2, code: "invalid", text: "no such host" },
    ];
    const record = settle(claimed(waiting(3), START), { ...accepted, refused });
    expect(states(record)).toEqual(["suppressed", "sent", "failed"]);
    expect(record.phase).toBe("closed");
    expect(record.timeline.at(-1)?.no).toBeDefined();
  });

  test("throttled: it waits as long as the provider asks, and says so once", () => {
    const throttled = { kind: "throttled", retryAfterMs: 700, text: "slow down" } as const;
    const once = settle(claimed(waiting(), START), throttled);
    expect(once).toMatchObject({ phase: "waiting", due: START + 705, failures: 0 });
    const twice = settle(claimed(once, START + 705), throttled, START + 800);
    expect(types(twice)).toEqual(["accepted", "waiting"]);
    expect(twice.due).toBe(START + 1_500);
  });

  test("rejected: final at once, as suppressed where the provider's own list says so", () => {
    expect(states(settle(claimed(waiting(), START), rejected))).toEqual(["failed"]);
    const listed = { ...rejected, suppressed: true };
    expect(states(settle(claimed(waiting(), START), listed))).toEqual(["suppressed"]);
  });

  test("failed for now: it waits, twice as long each time, spread over the upper half", () => {
    const failed = { kind: "failed", retryable: true, code: "http_500", text: "" } as const;
    let record = waiting();
    let now = START;
    const { firstMs, maxMs } = unit.FAILURE_BACKOFF;
    for (let failures = 1; failures <= 12; failures++) {
      const full = Math.min(maxMs, firstMs * 2 ** (failures - 1));
      const early = settle(claimed(record, now), failed, now, 0);
      const late = settle(claimed(record, now), failed, now, 0.999_999);
      expect(early.due - now).toBe(full / 2);
      expect(late.due - now).toBe(full);
      expect(early).toMatchObject({ phase: "waiting", failures });
      record = early;
      now = early.due;
    }
    expect(types(record)).toEqual(["accepted", "waiting"]);
    const sent = settle(claimed(record, now), accepted, now);
    expect(sent).toMatchObject({ phase: "closed", failures: 0 });
  });

  test("failed for good: final", () => {
    const failed = { kind: "failed", retryable: false, code: "http_404", text: "gone" } as const;
    const record = settle(claimed(waiting(), START), failed);
    expect(record.phase).toBe("closed");
    expect(record.recipients[0]).toMatchObject({ state: "failed", code: "http_404", text: "gone" });
  });
});

describe("lapse", () => {
  test("what waits past its expiry is expired; a moment before it is not", () => {
    const record = waiting(2);
    expect(unit.lapse(record, record.expires - 1, 0)).toBe(record);
    const expired = unit.lapse(record, record.expires, 0);
    expect(expired.phase).toBe("closed");
    expect(states(expired)).toEqual(["expired", "expired"]);
  });

  test("a hold that ends closes as unknown, with its reason", () => {
    const held = settle(claimed(waiting(1, "hold"), START), ambiguous);
    expect(unit.lapse(held, held.due - 1, 0)).toBe(held);
    const ended = unit.lapse(held, held.due, 0);
    expect(ended).toMatchObject({ phase: "closed", due: 0 });
    expect(states(ended)).toEqual(["unknown"]);
    expect(ended.timeline.at(-1)).toMatchObject({ type: "unknown", code: "hold_ended" });
  });
});

describe("a recipient that an accepted call left out for now", () => {
  const partly = {
    ...accepted,
    refused: [{ no: 1, retryable: true, code: "4.2.2", text: "full" }],
  } as const;

  test("is tried again alone, after a wait; the others are sent", () => {
    const record = settle(claimed(waiting(3), START), partly);
    expect(states(record)).toEqual(["sent", "pending", "sent"]);
    expect(record).toMatchObject({ phase: "waiting", failures: 1, frozen: null });
    expect(record.due).toBeGreaterThan(START + 5);
    expect(unit.outstanding(record)).toEqual([1]);
    const done = settle(claimed(record, record.due), accepted, record.due + 1);
    expect(done.phase).toBe("closed");
    expect(states(done)).toEqual(["sent", "sent", "sent"]);
  });

  test("expires as any other that waits", () => {
    const record = settle(claimed(waiting(2), START), partly);
    const late = unit.lapse(record, START + WINDOW_MS, 0);
    expect(states(late)).toEqual(["sent", "expired"]);
  });

  test("stays unknown where an earlier call may have reached it", () => {
    const unknown = settle(claimed(waiting(2), START), ambiguous);
    const record = settle(claimed(unknown, unknown.due), partly, unknown.due + 1);
    expect(states(record)).toEqual(["sent", "unknown"]);
    expect(record.phase).toBe("held");
  });

  test("is free of the frozen call where repeats are recognised", () => {
    const unknown = settle(claimed(waiting(2), START, WINDOW_MS), ambiguous);
    const record = settle(claimed(unknown, unknown.due, WINDOW_MS), partly, unknown.due + 1);
    expect(record).toMatchObject({ phase: "waiting", frozen: null, ambiguities: 0 });
  });
});

test("the timeline of fifty recipients, each with a fate of its own, tells every fate", () => {
  let record = unit.suppress(waiting(50), [{ no: 7, code: "manual" }], START);
  for (let i = 0; i < 20; i++) {
    const now = START + i * HOUR_MS;
    const code = i % 2 === 0 ? "http_500" : "http_503";
    const failed = { kind: "failed", retryable: true, code, text: "" } as const;
    record = settle(claimed(record, now), failed, now);
  }
  const refused = [{ no: 3, code: "invalid", text: "" }];
  const now = START + 21 * HOUR_MS;
  record = settle(claimed(record, now), { ...accepted, refused }, now);
  expect(record.phase).toBe("closed");
  expect(record.timeline.length).toBeLessThanOrEqual(TIMELINE_MAX);
  record.recipients.forEach(({ state }, no) => {
    const mine = record.timeline.filter((one) => one.no === undefined || one.no === no);
    expect(mine.map((one) => one.type)).toContain(state);
  });
});
