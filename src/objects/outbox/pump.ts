/**
 * Sends what gathers in one place somewhere else: at once when idle, coalesced under load, one
 * sending at a time. What fails to leave stays with the caller and is tried again after a pause.
 */
import { type Backoff, backoffMs } from "../../core/backoff.ts";

/** A queue that refuses is asked again soon, and at most every ten seconds. */
const REFUSED: Backoff = { firstMs: 200, maxMs: 10_000 };

export interface PumpDeps {
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /**
   * Takes a portion and sends it; false when there was nothing to take. Throws when it did not
   * leave.
   */
  readonly sendPortion: () => Promise<boolean>;
  /** The least time between two sendings, milliseconds: what gathers meanwhile leaves together. */
  readonly gapMs: number;
  readonly failed: (error: unknown) => void;
}

export interface Pump {
  /** Says that there may be something to send. */
  kick(): void;
}

/** Makes a pump; it owns no data, so losing it loses nothing. */
export function createPump(deps: PumpDeps): Pump {
  let running = false;
  let again = false;
  let failures = 0;
  let lastAt = Number.NEGATIVE_INFINITY;

  async function run(): Promise<void> {
    for (;;) {
      again = false;
      const wait = lastAt + deps.gapMs - deps.now();
      if (wait > 0) await deps.sleep(wait);
      let more: boolean;
      try {
        lastAt = deps.now();
        more = await deps.sendPortion();
        failures = 0;
      } catch (error) {
        deps.failed(error);
        failures += 1;
        await deps.sleep(backoffMs(REFUSED, failures, deps.random()));
        more = true;
      }
      if (!more && !again) return;
    }
  }

  return {
    kick() {
      again = true;
      if (running) return;
      running = true;
      // The microtask lets everything of the same turn leave together.
      queueMicrotask(() => {
        run().finally(() => {
          running = false;
          if (again) this.kick();
        });
      });
    },
  };
}
