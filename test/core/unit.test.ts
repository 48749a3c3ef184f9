import { describe, expect, test } from "vitest";
import { TIMELINE_MAX } from "../../src/core/delivery-state.ts";
import * as unit from "../../src/core/unit.ts";
import { GRACE_MS, HOUR_MS, LEASE_MS, START, WINDOW_MS } from "./unit-world.ts";

const accepted = { kind: "accepted", providerMessageId: "p1", refused: [] } as const;
const ambiguous = { kind: "ambiguous", reason: "time_limit" } as const;
const rejected = { kind: "rejected", suppressed: false, code: "bad", text: "no" } as const;

function waiting(count = 1, onUnknown: unit.OnUnknown = "retry"): unit.UnitRecord {
  return unit.accept(count, { expires: START + WINDOW_MS, onUnknown, graceMs: GRACE_MS }, START);
}

function claimed(before: unit.UnitRecord, now: number, deduplicatesForMs = 0): unit.UnitRecord {
  const attempt = { token: "t", source: "s", deduplicatesForMs, startedAt: now, batch: "" };
  return unit.claim(before, attempt, now + LEASE_MS);
}

const states = (record: unit.UnitRecord) => record.recipients.map((one) => one.state);
const types = (record: unit.UnitRecord) => record.timeline.map((entry) => entry.type);
const settle = (record: unit.UnitRecord, outcome: unit.Settlement, now = START + 5, random = 0) =>
  unit.settle(record, outcome, now, random);

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
