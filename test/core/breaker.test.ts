import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BREAKER_CLOSED,
  type BreakerLimits,
  type BreakerOutcome,
  type BreakerState,
  breakerAdmit,
  breakerAllows,
  breakerSettle,
} from "../../src/core/breaker.ts";

const NOW = 1_800_000_000_000;
const LIMITS: BreakerLimits = {
  windowMs: 60_000,
  failures: 3,
  rate: 0,
  pauseMs: 10_000,
  pauseMaxMs: 60_000,
  trialMs: 5_000,
};

const limits: fc.Arbitrary<BreakerLimits> = fc.record({
  windowMs: fc.constantFrom(1_000, 60_000, 3_600_000),
  failures: fc.integer({ min: 1, max: 6 }),
  rate: fc.constantFrom(0, 0.25, 0.5, 1),
  pauseMs: fc.constantFrom(500, 10_000),
  pauseMaxMs: fc.constantFrom(10_000, 40_000),
  trialMs: fc.constantFrom(100, 5_000),
});
const outcomes = fc.constantFrom<BreakerOutcome>("ok", "failed", "failed", "void");

/** One breaker in virtual time. */
class World {
  state: BreakerState = BREAKER_CLOSED;
  readonly limits: BreakerLimits;
  now: number;
  constructor(given: BreakerLimits, now = NOW) {
    this.limits = given;
    this.now = now;
  }
  /** The permit of a call that is admitted, null when it is not. */
  begin(): number | null {
    const admission = breakerAdmit(this.limits, this.state, this.now);
    this.state = admission.state;
    return admission.allowed ? admission.permit : null;
  }
  end(permit: number | null, outcome: BreakerOutcome): void {
    if (permit === null) throw new Error("the call was not admitted");
    this.state = breakerSettle(this.limits, this.state, permit, outcome, this.now);
  }
  call(outcome: BreakerOutcome): boolean {
    const permit = this.begin();
    if (permit !== null) this.end(permit, outcome);
    return permit !== null;
  }
  /** Milliseconds that it asks to wait. */
  waitMs(): number {
    const admission = breakerAdmit(this.limits, this.state, this.now);
    return admission.allowed ? 0 : admission.retryAfterMs;
  }
}

function tripped(given: Partial<BreakerLimits> = {}): World {
  const world = new World({ ...LIMITS, ...given });
  for (let n = 0; n < world.limits.failures; n++) world.call("failed");
  return world;
}

describe("a closed breaker", () => {
  test("opens at the failures that it is given, and not one before", () => {
    const world = new World(LIMITS);
    for (const phase of ["closed", "closed", "open"]) {
      expect(world.call("failed")).toBe(true);
      expect(world.state.phase).toBe(phase);
    }
    expect(world.call("ok")).toBe(false);
  });

  test("waits until failures are the share of all outcomes that it is given", () => {
    const world = new World({ ...LIMITS, rate: 0.5 });
    for (let n = 0; n < 6; n++) world.call("ok");
    for (let n = 0; n < 5; n++) world.call("failed");
    expect(world.state.phase).toBe("closed");
    world.call("failed");
    expect(world.state.phase).toBe("open");
  });

  test("opens exactly when a list of all outcomes says so", () => {
    const event = fc.tuple(fc.nat(40_000), outcomes);
    fc.assert(
      fc.property(limits, fc.array(event, { maxLength: 80 }), (given, events) => {
        const world = new World(given);
        const stepMs = given.windowMs / 10;
        const step = () => Math.floor(world.now / stepMs);
        let seen: { step: number; failed: boolean }[] = [];
        for (const [gapMs, outcome] of events) {
          world.now += gapMs;
          world.call(outcome);
          if (outcome !== "void") seen.push({ step: step(), failed: outcome === "failed" });
          seen = seen.filter((one) => one.step > step() - 10);
          const failed = seen.filter((one) => one.failed).length;
          const opens = failed >= given.failures && failed >= given.rate * seen.length;
          expect(world.state.phase).toBe(opens && outcome === "failed" ? "open" : "closed");
          if (opens && outcome === "failed") return;
        }
      }),
    );
  });

  test("forgets what is as old as its window", () => {
    const world = new World(LIMITS);
    world.call("failed");
    world.call("failed");
    world.now += LIMITS.windowMs;
    world.call("failed");
    expect(world.state.phase).toBe("closed");
    world.now += LIMITS.windowMs * 0.8;
    world.call("failed");
    world.call("failed");
    expect(world.state.phase).toBe("open");
  });

  test("forgets nothing when its clock is set back", () => {
    const world = new World(LIMITS);
    world.call("failed");
    world.call("failed");
    world.now -= LIMITS.windowMs / 2;
    world.call("failed");
    expect(world.state.phase).toBe("open");
  });

  test("learns nothing from a call that says nothing", () => {
    const world = new World(LIMITS);
    for (let n = 0; n < 10; n++) world.call("void");
    expect(world.state).toEqual(BREAKER_CLOSED);
  });
});

describe("an open breaker", () => {
  test("admits no call before its pause is over, and then exactly one of many", () => {
    fc.assert(
      fc.property(limits, fc.integer({ min: 2, max: 20 }), (given, callers) => {
        const world = tripped(given);
        const waitMs = world.waitMs();
        expect(waitMs).toBe(Math.min(given.pauseMs, given.pauseMaxMs));
        world.now += waitMs - 1;
        expect(breakerAllows(world.state, world.now)).toBe(false);
        expect(world.begin()).toBe(null);
        world.now += 1;
        expect(breakerAllows(world.state, world.now)).toBe(true);
        const admitted = Array.from({ length: callers }, () => world.begin());
        expect(admitted.filter((permit) => permit !== null)).toHaveLength(1);
        expect(breakerAllows(world.state, world.now)).toBe(false);
      }),
    );
  });

  test("is not moved by calls that were admitted before it opened", () => {
    const world = new World(LIMITS);
    const early = [world.begin(), world.begin()];
    for (let n = 0; n < LIMITS.failures; n++) world.call("failed");
    const { state } = world;
    world.end(early[0] ?? null, "ok");
    world.end(early[1] ?? null, "failed");
    expect(world.state).toBe(state);
  });
});

describe("a trial", () => {
  function trial(): { world: World; permit: number | null } {
    const world = tripped();
    world.now += LIMITS.pauseMs;
    return { world, permit: world.begin() };
  }

  test("that works closes the breaker, and the failures before it are forgotten", () => {
    const { world, permit } = trial();
    world.end(permit, "ok");
    expect(world.state).toMatchObject({ phase: "closed", trips: 0, steps: [] });
    for (let n = 1; n < LIMITS.failures; n++) world.call("failed");
    expect(world.state.phase).toBe("closed");
  });

  test("that fails opens it for twice as long, up to the longest pause", () => {
    const world = tripped();
    const pauses = [world.waitMs()];
    for (let n = 0; n < 40; n++) {
      world.now += world.waitMs();
      world.call("failed");
      pauses.push(world.waitMs());
    }
    expect(pauses.slice(0, 5)).toEqual([10_000, 20_000, 40_000, 60_000, 60_000]);
    expect(pauses.at(-1)).toBe(60_000);
  });

  test("that was not made leaves the next call to be one, at the same pause", () => {
    const { world, permit } = trial();
    world.end(permit, "void");
    expect(world.call("failed")).toBe(true);
    expect(world.waitMs()).toBe(20_000);
  });

  test("whose outcome never comes gives way to another after its time, and then counts not", () => {
    const { world, permit } = trial();
    world.now += LIMITS.trialMs - 1;
    expect(world.begin()).toBe(null);
    world.now += 1;
    const second = world.begin();
    world.end(permit, "ok");
    expect(world.state.phase).toBe("half_open");
    world.end(second, "failed");
    expect(world.state.phase).toBe("open");
  });
});

test("a breaker under any calls, late outcomes and clock stays small and always lets go", () => {
  const action = fc.record({
    gapMs: fc.integer({ min: -20_000, max: 60_000 }),
    outcome: outcomes,
    late: fc.boolean(),
  });
  fc.assert(
    fc.property(limits, fc.array(action, { maxLength: 120 }), (given, actions) => {
      const world = new World(given);
      let highest = world.now;
      let waiting: [number, BreakerOutcome][] = [];
      for (const { gapMs, outcome, late } of actions) {
        world.now += gapMs;
        highest = Math.max(highest, world.now);
        const permit = world.begin();
        if (permit === null) {
          // It never asks for more than its longest pause, but for what the clock was set back.
          const most = Math.max(given.pauseMaxMs, given.trialMs) + highest - world.now;
          expect(world.waitMs()).toBeLessThanOrEqual(most);
        } else if (late) waiting.push([permit, outcome]);
        else world.end(permit, outcome);
        if (waiting.length > 3) {
          for (const [old, told] of waiting) world.end(old, told);
          waiting = [];
        }
        const text = JSON.stringify(world.state);
        expect(text.length).toBeLessThan(1_000);
        expect(JSON.parse(text)).toEqual(world.state);
      }
      world.now += world.waitMs();
      expect(breakerAllows(world.state, world.now)).toBe(true);
      world.call("ok");
      expect(world.state.phase).toBe("closed");
    }),
  );
});
