/**
 * Sends in flight of one invocation. Cloudflare opens six connections at a time and queues the
 * rest inside the runtime, so a send's time limit starts when fewer than six earlier ones are
 * still waiting: a send that the runtime holds back is not counted as one that a provider does not
 * answer.
 */

/** Connections that may wait for an answer at a time in one invocation (Workers limits). */
export const CONNECTIONS_MAX = 6;

interface Sending {
  readonly controller: AbortController;
  readonly timeLimitMs: number;
  timer: ReturnType<typeof setTimeout> | null;
}

export interface Slots {
  /** Runs `send` with a signal that ends it when its time is up. */
  run<T>(timeLimitMs: number, send: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Sends in flight. */
  size(): number;
}

/** Makes the slots of one invocation. */
export function createSlots(): Slots {
  const inFlight = new Set<Sending>();

  function startClocks(): void {
    let position = 0;
    for (const sending of inFlight) {
      if (position === CONNECTIONS_MAX) return;
      position += 1;
      if (sending.timer !== null) continue;
      sending.timer = setTimeout(() => sending.controller.abort(), sending.timeLimitMs);
    }
  }

  return {
    size: () => inFlight.size,
    async run(timeLimitMs, send) {
      const sending: Sending = { controller: new AbortController(), timeLimitMs, timer: null };
      inFlight.add(sending);
      startClocks();
      try {
        return await send(sending.controller.signal);
      } finally {
        if (sending.timer !== null) clearTimeout(sending.timer);
        inFlight.delete(sending);
        startClocks();
      }
    },
  };
}
