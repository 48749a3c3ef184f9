/// <reference path="./async-hooks.d.ts" />
/** The meters of the cost bench: what a platform would bill, counted in this isolate. */
import { AsyncLocalStorage } from "node:async_hooks";

/** One line of the bill, with the name of who caused it where that matters. */
const counts = new Map<string, number>();

/** Adds to a line. `who` is a Durable Object class or a queue, kept apart for the breakdown. */
export function count(line: string, by: number, who = ""): void {
  const key = who === "" ? line : `${line}/${who}`;
  counts.set(key, (counts.get(key) ?? 0) + by);
}

/** All lines since the last reset. */
export function read(): Record<string, number> {
  return Object.fromEntries(counts);
}

export function reset(): void {
  counts.clear();
}

const current = new AsyncLocalStorage<Meter>();

/**
 * The wall time in which one object cannot be put to sleep: a call, an alarm, a timer or a call
 * of its own is in progress. Overlapping ones count once.
 */
export class Meter {
  readonly #who: string;
  #open = 0;
  #since = 0;

  constructor(who: string) {
    this.#who = who;
  }

  enter(): void {
    if (this.#open++ === 0) this.#since = Date.now();
  }

  leave(): void {
    if (--this.#open === 0) count("do_seconds", (Date.now() - this.#since) / 1000, this.#who);
  }

  /** Runs `work` so that timers it sets are known to be this object's. */
  run<T>(work: () => T): T {
    return current.run(this, work);
  }

  /** Keeps the object awake until `work` settles; gives `work` back as it is. */
  during<T>(work: T): T {
    if (work === null || typeof work !== "object" || !("then" in work)) return work;
    this.enter();
    const leave = (): void => this.leave();
    (work as unknown as Promise<unknown>).then(leave, leave);
    return work;
  }
}

const realSet = globalThis.setTimeout;
const realClear = globalThis.clearTimeout;
const waiting = new Map<unknown, Meter>();

/** From now on a pending timer of an object holds off its sleep, as the platform does. */
export function watchTimers(): void {
  globalThis.setTimeout = ((run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
    const meter = current.getStore();
    if (meter === undefined) return realSet(run, ms, ...args);
    meter.enter();
    const id = realSet(() => {
      waiting.delete(id);
      try {
        run(...args);
      } finally {
        meter.leave();
      }
    }, ms);
    waiting.set(id, meter);
    return id;
  }) as typeof setTimeout;
  globalThis.clearTimeout = ((id: Parameters<typeof clearTimeout>[0]) => {
    const meter = waiting.get(id);
    waiting.delete(id);
    meter?.leave();
    realClear(id);
  }) as typeof clearTimeout;
}
