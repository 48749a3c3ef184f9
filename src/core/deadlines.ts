/**
 * A set of keys with one deadline each, the earliest at hand: a binary heap whose outdated entries
 * are passed over when they surface, so that moving a deadline costs one push.
 */
export class Deadlines {
  readonly #heap: { at: number; key: string }[] = [];
  readonly #current = new Map<string, number>();

  /** Sets or moves the deadline of `key` to `at` (Unix ms). */
  set(key: string, at: number): void {
    if (this.#current.get(key) === at) return;
    this.#current.set(key, at);
    this.#push({ at, key });
  }

  delete(key: string): void {
    this.#current.delete(key);
  }

  /** The earliest deadline, or null when there is none. */
  next(): number | null {
    this.#dropOutdated();
    return this.#heap[0]?.at ?? null;
  }

  /** Removes and returns up to `max` keys whose deadline is at or before `now`, earliest first. */
  takeDue(now: number, max: number): string[] {
    const due: string[] = [];
    while (due.length < max) {
      this.#dropOutdated();
      const top = this.#heap[0];
      if (top === undefined || top.at > now) break;
      this.#pop();
      this.#current.delete(top.key);
      due.push(top.key);
    }
    return due;
  }

  #dropOutdated(): void {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#current.get(top.key) === top.at) return;
      this.#pop();
    }
  }

  #push(item: { at: number; key: string }): void {
    const heap = this.#heap;
    let index = heap.push(item) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.at <= item.at) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && right.at < left.at) child += 1;
      const smaller = heap[child];
      if (smaller === undefined || smaller.at >= last.at) break;
      heap[index] = smaller;
      index = child;
    }
    heap[index] = last;
  }
}
