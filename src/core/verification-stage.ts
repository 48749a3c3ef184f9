/**
 * The tasks of one stage of a bulk verification, numbered from 0: which are out, who has which
 * under a lease, and which are settled. Every method is synchronous; times are Unix ms.
 */
import { backoffMs } from "./backoff.ts";
import {
  ATTEMPTS_MAX,
  type Finished,
  HINT_DOUBLINGS_MAX,
  type JobTimes,
  OUT_MAX,
  TASK_BACKOFF,
  type TaskKind,
  type TaskRecord,
} from "./verification-task.ts";

/** A task that has been begun and is not settled. */
interface Live {
  attempts: number;
  token: string;
  /** 0: nobody has it. */
  leaseUntil: number;
  /** 0: no hint of it is out. */
  hintedAt: number;
  /** Hints that nobody came for. */
  repeats: number;
  /** Not to be hinted at before. */
  after: number;
}

const IDLE: Live = { attempts: 0, token: "", leaseUntil: 0, hintedAt: 0, repeats: 0, after: 0 };

/** Every task of a stage. */
export class Stage {
  readonly kind: TaskKind;
  readonly count: number;
  readonly finished = new Map<number, Finished>();
  readonly #times: JobTimes;
  readonly #live = new Map<number, Live>();
  /** Every task below this number has been begun. */
  #cursor = 0;
  readonly #changed = new Set<number>();

  constructor(kind: TaskKind, count: number, times: JobTimes) {
    this.kind = kind;
    this.count = count;
    this.#times = times;
  }

  /** Takes over a stored row; those of other stages say nothing here. */
  load({ kind, no, attempts, token, leaseUntil, done, verdicts }: TaskRecord): void {
    if (kind !== this.kind) return;
    if (done) this.finished.set(no, { token, verdicts });
    else this.#live.set(no, { ...IDLE, attempts, token, leaseUntil });
  }

  /** The rows that changed; each change is handed out once. */
  takeChanges(): TaskRecord[] {
    const { kind } = this;
    const rows = [...this.#changed].map((no): TaskRecord => {
      const finished = this.finished.get(no);
      const { attempts, token, leaseUntil } = this.#live.get(no) ?? IDLE;
      return finished === undefined
        ? { kind, no, attempts, token, leaseUntil, done: false, verdicts: null }
        : { kind, no, attempts: 0, leaseUntil: 0, done: true, ...finished };
    });
    this.#changed.clear();
    return rows;
  }

  /** Whether there is such a task and it is not settled. */
  isOpen(no: number): boolean {
    return Number.isInteger(no) && no >= 0 && no < this.count && !this.finished.has(no);
  }

  isHolder(no: number, token: string): boolean {
    const live = this.#live.get(no);
    return live !== undefined && live.leaseUntil > 0 && live.token === token;
  }

  /** Leases a task to whoever asks; false: it is settled, somebody else's, or given up. */
  claim(no: number, token: string, now: number): boolean {
    if (!this.isOpen(no)) return false;
    const { attempts, leaseUntil, repeats } = this.#live.get(no) ?? IDLE;
    if (leaseUntil > now || attempts >= ATTEMPTS_MAX) return false;
    const until = now + this.#times.leaseMs;
    const claimed = { ...IDLE, attempts: attempts + 1, token, leaseUntil: until, repeats };
    this.#live.set(no, claimed);
    this.#changed.add(no);
    return true;
  }

  /** Makes a lease longer; nothing is stored, for an eviction only lets it end earlier. */
  renew(no: number, token: string, now: number): boolean {
    const live = this.#live.get(no);
    if (live === undefined || !this.isHolder(no, token)) return false;
    live.leaseUntil = now + this.#times.leaseMs;
    return true;
  }

  finish(no: number, finished: Finished): void {
    this.#live.delete(no);
    this.finished.set(no, finished);
    this.#changed.add(no);
  }

  /** Whoever had it has failed. False: it was tried as often as it may be. */
  fail(no: number, now: number): boolean {
    const live = this.#live.get(no);
    if (live === undefined) return true;
    live.leaseUntil = 0;
    live.after = now + backoffMs(TASK_BACKOFF, live.attempts, 1);
    this.#changed.add(no);
    return live.attempts < ATTEMPTS_MAX;
  }

  /**
   * Tasks that are now to be hinted at. At most `OUT_MAX` are out; only when half of them are back
   * are there more, so that the queue is called seldom.
   */
  takeHints(now: number): number[] {
    const taken: number[] = [];
    let out = 0;
    for (const [no, live] of this.#live) {
      if (live.leaseUntil > 0 || live.hintedAt > 0) out += 1;
      else if (live.after <= now) taken.push(no);
    }
    if (out > OUT_MAX / 2) return [];
    taken.length = Math.min(taken.length, OUT_MAX - out);
    for (; taken.length + out < OUT_MAX && this.#cursor < this.count; this.#cursor++) {
      const no = this.#cursor;
      if (this.finished.has(no) || this.#live.has(no)) continue;
      this.#live.set(no, { ...IDLE });
      taken.push(no);
    }
    for (const no of taken) {
      const live = this.#live.get(no);
      if (live !== undefined) live.hintedAt = now;
    }
    return taken;
  }

  /** A hint that could not be put on the queue is due again at `after`. */
  takeBack(no: number, after: number): void {
    const live = this.#live.get(no);
    if (live === undefined || live.hintedAt === 0) return;
    live.hintedAt = 0;
    live.after = after;
  }

  /** Hints that are out count for nothing any more. */
  dropHints(): void {
    for (const live of this.#live.values()) live.hintedAt = 0;
  }

  /** Leases and hints that have run out; answers tasks that were tried as often as they may be. */
  lapse(now: number): number[] {
    const spent: number[] = [];
    for (const [no, live] of this.#live) {
      if (live.leaseUntil > 0 && live.leaseUntil <= now) {
        live.leaseUntil = 0;
        if (live.attempts >= ATTEMPTS_MAX) spent.push(no);
      } else if (live.hintedAt > 0 && this.#staleAt(live) <= now) {
        live.hintedAt = 0;
        live.repeats += 1;
      }
    }
    return spent;
  }

  /** When something runs out or is to be hinted at; `Infinity`: nothing does. */
  next(isPaused: boolean): number {
    let at = Number.POSITIVE_INFINITY;
    let out = 0;
    let waiting = at;
    for (const live of this.#live.values()) {
      const isOut = live.leaseUntil > 0 || live.hintedAt > 0;
      if (isOut) {
        out += 1;
        at = Math.min(at, live.leaseUntil > 0 ? live.leaseUntil : this.#staleAt(live));
      } else {
        waiting = Math.min(waiting, live.after);
      }
    }
    // Beyond that, whatever comes back makes room and is followed by hints.
    return isPaused || out > OUT_MAX / 2 ? at : Math.min(at, waiting);
  }

  #staleAt({ hintedAt, repeats }: Live): number {
    return hintedAt + this.#times.hintMs * 2 ** Math.min(repeats, HINT_DOUBLINGS_MAX);
  }
}
