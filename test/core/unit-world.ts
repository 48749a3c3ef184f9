/**
 * One unit in virtual time, driven as its Outbox drives it: claimed only when it waits and is due,
 * settled only under its token. It remembers what every attempt may have done, which the unit
 * itself cannot know.
 */
import fc from "fast-check";
import type { State } from "../../src/core/delivery-state.ts";
import * as unit from "../../src/core/unit.ts";

export const START = 1_800_000_000_000;
export const HOUR_MS = 3_600_000;
export const WINDOW_MS = 24 * HOUR_MS;
export const GRACE_MS = 20_000;
export const LEASE_MS = 45_000;

export interface Terms {
  readonly count: number;
  readonly onUnknown: unit.OnUnknown;
  readonly deduplicates: boolean;
  readonly expiresAfterMs: number;
}

/** A running or ended attempt, as an outside observer saw it. */
export interface Seen {
  readonly at: number;
  readonly source: string;
  readonly numbers: readonly number[];
  maybeAccepted: boolean;
}

export type Operation =
  | { readonly op: "pass"; readonly ms: number }
  | { readonly op: "claim"; readonly suppressed: readonly number[] }
  | { readonly op: "settle"; readonly outcome: unit.Settlement }
  | { readonly op: "release" }
  | { readonly op: "observe"; readonly no: number; readonly state: State };

export class World {
  now = START;
  readonly terms: Terms;
  readonly attempts: Seen[] = [];
  record: unit.UnitRecord;
  #tokens = 0;

  constructor(terms: Terms) {
    this.terms = terms;
    const { count, onUnknown, expiresAfterMs } = terms;
    const accepted = { expires: START + expiresAfterMs, onUnknown, graceMs: GRACE_MS };
    this.record = unit.accept(count, accepted, START);
  }

  get running(): Seen | undefined {
    return this.record.phase === "claimed" ? this.attempts.at(-1) : undefined;
  }

  run(operation: Operation): void {
    if (operation.op === "pass") this.#pass(operation.ms);
    if (operation.op === "claim") this.#claim(operation.suppressed);
    if (operation.op === "settle") this.#settle(operation.outcome);
    if (operation.op === "release") this.#release();
    if (operation.op === "observe") this.#observe(operation.no, operation.state);
  }

  #release(): void {
    if (this.record.phase !== "claimed") return;
    this.attempts.pop();
    this.record = unit.release(this.record, this.now);
  }

  /** A provider reports only what it may have accepted. */
  #observe(no: number, state: State): void {
    if (!this.attempts.some((one) => one.maybeAccepted || one === this.running)) return;
    const fact = { state, at: this.now };
    this.record = unit.observe(this.record, no % this.terms.count, fact);
  }

  #pass(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const { phase, due, expires } = this.record;
      const at = phase === "waiting" ? expires : due;
      if (phase === "closed" || at > until) break;
      this.now = Math.max(this.now, at);
      const running = this.running;
      const before = this.record;
      this.record = unit.lapse(before, this.now, 0.5);
      if (running !== undefined && this.record !== before) running.maybeAccepted = true;
      if (this.record === before) break;
    }
    this.now = until;
  }

  #claim(suppressed: readonly number[]): void {
    this.record = unit.lapse(this.record, this.now, 0.5);
    const { phase, due, expires, frozen } = this.record;
    if (phase !== "waiting" || due > this.now || expires <= this.now) return;
    const refused = frozen === null ? suppressed.map((no) => ({ no, code: "list" })) : [];
    const known = refused.filter(({ no }) => no < this.terms.count);
    let next = known.length > 0 ? unit.suppress(this.record, known, this.now) : this.record;
    if (next.phase === "waiting") {
      this.#tokens += 1;
      const attempt = {
        token: `token-${this.#tokens}`,
        source: frozen?.attempt.source ?? `source-${this.#tokens % 2}`,
        deduplicatesForMs: this.terms.deduplicates ? WINDOW_MS : 0,
        startedAt: this.now,
        batch: "",
      };
      const numbers = next.frozen?.recipients ?? unit.outstanding(next);
      const { source } = attempt;
      this.attempts.push({ at: this.now, source, numbers, maybeAccepted: false });
      next = unit.claim(next, attempt, this.now + LEASE_MS);
    }
    this.record = next;
  }

  #settle(outcome: unit.Settlement): void {
    const running = this.running;
    if (running === undefined) return;
    running.maybeAccepted = outcome.kind === "accepted" || outcome.kind === "ambiguous";
    this.record = unit.settle(this.record, outcome, this.now, 0.5);
  }
}

const words = fc.constantFrom("", "5.1.1", "busy");
const refusals = fc.array(
  fc.record({ no: fc.nat(3), code: fc.constantFrom("suppressed"), text: words }),
  { maxLength: 2 },
);

export const settlements: fc.Arbitrary<unit.Settlement> = fc.oneof(
  fc.record({
    kind: fc.constant("accepted" as const),
    providerMessageId: fc.constant("p1"),
    refused: refusals,
  }),
  fc.record({
    kind: fc.constant("throttled" as const),
    retryAfterMs: fc.integer({ min: 1, max: HOUR_MS }),
    text: words,
  }),
  fc.record({
    kind: fc.constant("rejected" as const),
    suppressed: fc.boolean(),
    code: fc.constant("refused"),
    text: words,
  }),
  fc.record({
    kind: fc.constant("failed" as const),
    retryable: fc.boolean(),
    code: words,
    text: words,
  }),
  fc.record({ kind: fc.constant("ambiguous" as const), reason: words }),
  fc.record({ kind: fc.constant("ambiguous" as const), reason: words }),
);

/** Steps of time from moments to days, so that graces, leases, windows and holds all end. */
const waits = fc.oneof(
  fc.integer({ min: 0, max: 60_000 }),
  fc.integer({ min: 60_000, max: 2 * HOUR_MS }),
  fc.integer({ min: 2 * HOUR_MS, max: 80 * HOUR_MS }),
);

const reported = fc.constantFrom<State>("sent", "delivered", "bounced", "pending");

export const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ op: fc.constant("pass" as const), ms: waits }) },
    {
      weight: 4,
      arbitrary: fc.record({
        op: fc.constant("claim" as const),
        suppressed: fc.array(fc.nat(3), { maxLength: 1 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ op: fc.constant("settle" as const), outcome: settlements }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("release" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        op: fc.constant("observe" as const),
        no: fc.nat(3),
        state: reported,
      }),
    },
  ),
  { minLength: 5, maxLength: 60 },
);

export const terms = fc.record({
  count: fc.integer({ min: 1, max: 4 }),
  onUnknown: fc.constantFrom<unit.OnUnknown>("retry", "hold"),
  deduplicates: fc.boolean(),
  expiresAfterMs: fc.constantFrom(HOUR_MS, WINDOW_MS, 30 * WINDOW_MS),
});
