/** Turns at a limited number of places, given in the order in which they were asked for. */

export interface Turns {
  /** Runs `work` when a place is free. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Makes `places` of them. Whoever asks again after each turn stands behind all who wait already, so
 * that one with much to do does not keep the places.
 */
export function createTurns(places: number): Turns {
  const waiting: (() => void)[] = [];
  let free = places;
  return {
    async run(work) {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await work();
      } finally {
        // The place goes over to the next without becoming free in between.
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}
