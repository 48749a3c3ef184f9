/**
 * One alarm for all of an object's deadlines. Setting it costs a row written, so it is moved only
 * to an earlier time; what is due within moments is woken by a timer, and the alarm stands behind
 * it.
 */

/**
 * Nearer deadlines are served by a timer: it holds the object in memory, for less than an alarm
 * costs.
 */
const TIMER_MAX_MS = 700;

/**
 * Behind a timer the alarm is set this much later: it matters only if the object is gone by then.
 */
const BEHIND_TIMER_MS = 10_000;

/** An alarm that is this little too late is left where it is. */
const SLACK_MS = 50;

export interface AlarmStorage {
  getAlarm(): Promise<number | null>;
  setAlarm(at: number): Promise<void>;
}

/**
 * `work` is called when a timer ends; the object's `alarm()` calls it by itself after `fired()`.
 */
export function createAlarm(storage: AlarmStorage, now: () => number, work: () => void) {
  let armedAt: number | null = null;
  let loaded = false;
  let wanted: number | null = null;
  let timer: { id: ReturnType<typeof setTimeout>; at: number } | null = null;

  function setAlarm(at: number): void {
    if (armedAt !== null && armedAt <= at + SLACK_MS) return;
    armedAt = at;
    // Storage keeps writes in order and holds replies until they are durable.
    void storage.setAlarm(at);
  }

  function setTimer(at: number, delayMs: number): void {
    if (timer !== null && timer.at <= at) return;
    if (timer !== null) clearTimeout(timer.id);
    const id = setTimeout(() => {
      timer = null;
      work();
    }, delayMs);
    timer = { id, at };
  }

  function arm(next: number | null, at: number): void {
    wanted = next;
    if (next === null || !loaded) return;
    const delayMs = Math.max(0, next - at);
    if (delayMs <= TIMER_MAX_MS) {
      setTimer(next, delayMs);
      setAlarm(at + BEHIND_TIMER_MS);
    } else {
      setAlarm(next);
    }
  }

  return {
    /**
     * Learns which alarm an earlier life of the object has set, then arms what was asked
     * meanwhile.
     */
    async load(): Promise<void> {
      armedAt = await storage.getAlarm();
      loaded = true;
      arm(wanted, now());
    },
    /** Arms for the earliest deadline, or leaves the alarm alone when there is none. */
    arm,
    /** The platform has taken the alarm away to run it. */
    fired(): void {
      armedAt = null;
    },
  };
}
