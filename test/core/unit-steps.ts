/** One unit's record in the states that tests begin with, and what is read of it. */
import * as unit from "../../src/core/unit.ts";
import { GRACE_MS, LEASE_MS, START, WINDOW_MS } from "./unit-world.ts";

export const accepted = { kind: "accepted", providerMessageId: "p1", refused: [] } as const;
export const ambiguous = { kind: "ambiguous", reason: "time_limit" } as const;
export const rejected = { kind: "rejected", suppressed: false, code: "bad", text: "no" } as const;

/** A unit of `count` recipients as it is accepted, to expire after `WINDOW_MS`. */
export function waiting(count = 1, onUnknown: unit.OnUnknown = "retry"): unit.UnitRecord {
  return unit.accept(count, { expires: START + WINDOW_MS, onUnknown, graceMs: GRACE_MS }, START);
}

/** It under way at source `s` since `now`; the source remembers keys for so long. */
export function claimed(
  before: unit.UnitRecord,
  now: number,
  deduplicatesForMs = 0,
): unit.UnitRecord {
  const attempt = { token: "t", source: "s", deduplicatesForMs, startedAt: now, batch: "" };
  return unit.claim(before, attempt, now + LEASE_MS);
}

/** Where each recipient is. */
export const states = (record: unit.UnitRecord) => record.recipients.map((one) => one.state);
/** What the timeline tells, in its order. */
export const types = (record: unit.UnitRecord) => record.timeline.map((entry) => entry.type);
/** The record after its attempt came to `outcome`. */
export const settle = (
  record: unit.UnitRecord,
  outcome: unit.Settlement,
  now = START + 5,
  random = 0,
) => unit.settle(record, outcome, now, random);
