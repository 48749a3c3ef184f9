/**
 * Group commit: what arrives while one flush is under way leaves together in the next. An idle
 * coalescer flushes at once, so nothing waits for a timer; under load the groups grow by
 * themselves.
 */

/** Items that wait are bounded by their callers: each holds one promise and waits for it. */
export interface Coalescer<T, R> {
  /**
   * Adds one item; settles as the flush that carried it does, with that flush's result at the
   * item's place (undefined when the flush gives none).
   */
  add(item: T): Promise<R | undefined>;
  /** Items that wait or are being flushed. */
  size(): number;
  /** Resolves when nothing waits and nothing is being flushed. Never rejects. */
  idle(): Promise<void>;
}

/** `flush` gets 1..maxItems items in the order they were added; never two flushes at once. */
export interface CoalescerOptions<T, R> {
  // biome-ignore lint/suspicious/noConfusingVoidType: a flush without results is an async function
  readonly flush: (items: T[]) => Promise<R[] | void>;
  /** Items per flush, 1 or more. */
  readonly maxItems: number;
  /** The weight of an item, in the unit of `maxWeight`. */
  readonly weigh?: (item: T) => number;
  /** Weight per flush. A single item above it goes alone. */
  readonly maxWeight?: number;
}

interface Waiting<T, R> {
  readonly item: T;
  readonly weight: number;
  readonly resolve: (value: R | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Makes a coalescer. Items added in one synchronous turn leave together. A flush that fails
 * rejects its own items and no others; the next one goes on.
 */
export function createCoalescer<T, R>(options: CoalescerOptions<T, R>): Coalescer<T, R> {
  const weigh = options.weigh ?? (() => 0);
  const maxWeight = options.maxWeight ?? Number.POSITIVE_INFINITY;
  let waiting: Waiting<T, R>[] = [];
  let inFlight = 0;
  let draining: Promise<void> | undefined;

  /** The longest prefix that fits one flush, at least one item. */
  function takeGroup(): Waiting<T, R>[] {
    let count = 0;
    let weight = 0;
    for (const entry of waiting) {
      weight += entry.weight;
      if (count > 0 && (count >= options.maxItems || weight > maxWeight)) break;
      count++;
    }
    const group = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return group;
  }

  async function flushGroup(group: Waiting<T, R>[]): Promise<void> {
    try {
      const results = (await options.flush(group.map((entry) => entry.item))) ?? undefined;
      for (const [at, entry] of group.entries()) entry.resolve(results?.[at]);
    } catch (reason) {
      for (const entry of group) entry.reject(reason);
    }
  }

  async function drain(): Promise<void> {
    // Lets the rest of the synchronous turn add its items before the first flush takes them.
    await undefined;
    while (waiting.length > 0) {
      const group = takeGroup();
      inFlight = group.length;
      await flushGroup(group);
      inFlight = 0;
    }
    draining = undefined;
  }

  return {
    add(item) {
      return new Promise((resolve, reject) => {
        waiting.push({ item, weight: weigh(item), resolve, reject });
        draining ??= drain();
      });
    },
    size: () => waiting.length + inFlight,
    async idle() {
      while (draining !== undefined) await draining;
    },
  };
}
