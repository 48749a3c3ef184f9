/**
 * One lookup at a time of each domain, however many ask for it meanwhile.
 *
 * In workerd a promise belongs to the request that made it: when that request is cancelled, the
 * promise never settles, and whoever waits for it hangs. So nobody waits for another's lookup
 * longer than a time limit, counted from the lookup's start; after that it is taken for dead.
 */

/**
 * A lookup is waited for this long: above what a domain takes whose servers are slow, below what a
 * caller has patience for.
 */
export const FLIGHT_WAIT_MS = 3_000;

/**
 * Lookups of others that one caller waits for: a second one is under way when the first did not ask
 * all that is wanted, or was dead and has been replaced. After that it looks up itself.
 */
const JOINS_MAX = 2;

export interface FlightDeps {
  readonly now: () => number;
  /** How long others wait for a lookup, milliseconds from its start. */
  readonly waitMs: number;
  /** The promise's value, or a rejection after `ms` milliseconds. */
  readonly within: <T>(promise: Promise<T>, ms: number) => Promise<T>;
}

export interface Flights<T> {
  /**
   * The result of the lookup of `key` that is under way, else of `work`. A lookup that is not
   * `whole` does not answer for one that is. Rejects as `work` does, never because of another's.
   */
  run(key: string, whole: boolean, work: () => Promise<T>): Promise<T>;
  /** Lookups that are under way, or seem to be. */
  size(): number;
}

interface Flight<T> {
  readonly promise: Promise<T>;
  readonly whole: boolean;
  /** Nobody waits for it any longer. */
  readonly deadAt: number;
}

/** Makes the flights of one isolate. */
export function createFlights<T>({ now, waitMs, within }: FlightDeps): Flights<T> {
  const flights = new Map<string, Flight<T>>();

  /** In order of their start: what a cancelled request has left behind stands first. */
  function sweep(at: number): void {
    for (const [key, flight] of flights) {
      if (flight.deadAt > at) return;
      flights.delete(key);
    }
  }

  function start(key: string, whole: boolean, work: () => Promise<T>): Promise<T> {
    sweep(now());
    const flight = { promise: work(), whole, deadAt: now() + waitMs };
    flights.delete(key);
    flights.set(key, flight);
    const end = (): void => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    flight.promise.then(end, end);
    return flight.promise;
  }

  return {
    async run(key, whole, work) {
      for (let joins = 0; joins < JOINS_MAX; joins++) {
        const flight = flights.get(key);
        const leftMs = flight === undefined ? 0 : flight.deadAt - now();
        if (flight === undefined || leftMs <= 0) break;
        try {
          const value = await within(flight.promise, leftMs);
          if (flight.whole || !whole) return value;
        } catch {
          // Dead or failed, which is its owner's to report: this caller goes on by itself.
        }
      }
      return start(key, whole, work);
    },
    size: () => flights.size,
  };
}
