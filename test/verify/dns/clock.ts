/** Timers that a test moves by hand, as `ResolverDeps.after` wants them. */

export interface Clock {
  readonly after: (ms: number, run: () => void) => () => void;
  /** Lets everything that is under way go as far as it can without time passing. */
  settle(): Promise<void>;
  /** Moves time on, firing what is due in its order. */
  pass(ms: number): Promise<void>;
  /** Timers that are set. */
  size(): number;
}

/** Makes a clock at 0. */
export function createClock(): Clock {
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  let now = 0;

  async function settle(): Promise<void> {
    // Streams and promises take several turns to hand an answer on.
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  return {
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    settle,
    async pass(ms) {
      const until = now + ms;
      await settle();
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        now = next.at;
        timers.delete(next);
        next.run();
        await settle();
      }
      now = until;
    },
    size: () => timers.size,
  };
}
