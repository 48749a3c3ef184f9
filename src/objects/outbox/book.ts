/**
 * What an Outbox keeps in memory of its open units: who is ready for which lane, who is with a
 * consumer, and every deadline. All of it can be made again from the rows, and is after an
 * eviction.
 */
import type { Lane, Pack } from "../../core/custody.ts";
import { Deadlines } from "../../core/deadlines.ts";
import type { Phase, UnitRecord } from "../../core/unit.ts";
import type { LoadedUnit } from "./table.ts";

/**
 * Pointers of one shard and lane that are in the queue or with a consumer: the order of what comes
 * next is decided here, not by a first-in-first-out queue.
 */
export const WINDOW_MAX = 2_000;

/** A message that waits longer than this is journaled, so that lists show it. */
export const LONG_WAIT_MS = 60_000;

/** A pack's repeats wait longer each time, up to 2^6 times: a long backlog is not a lost pack. */
const STALE_DOUBLINGS_MAX = 6;

export interface Entry {
  readonly id: string;
  readonly lane: Lane;
  readonly stream: string;
  readonly count: number;
  readonly created: number;
  readonly expires: number;
  phase: Phase;
  due: number;
  rev: number;
  /** Of a waiting unit: where its pointer is. */
  place: "deferred" | "ready" | "queued" | "in_hand" | "paused";
  generation: number;
  /** When a pointer that is out counts as lost. */
  staleAt: number;
  repeats: number;
  journaled: boolean;
  /**
   * When what was journaled and not confirmed is journaled again; 0 when nothing is outstanding.
   */
  journalAgainAt: number;
  journalRepeats: number;
}

/**
 * Journaling again doubles its wait up to 2^6 times: a slow database is not flooded with repeats.
 */
const JOURNAL_DOUBLINGS_MAX = 6;

export interface BookTimes {
  readonly rejournalMs: number;
  readonly packStaleMs: number;
  readonly leaseMs: number;
}

/** The open units of one shard. */
export class Book {
  readonly entries = new Map<string, Entry>();
  readonly deadlines = new Deadlines();
  readonly paused = new Set<string>();
  openRecipients = 0;
  readonly #times: BookTimes;
  readonly #ready: Record<Lane, string[]> = { transactional: [], broadcast: [] };
  readonly #out: Record<Lane, number> = { transactional: 0, broadcast: 0 };

  constructor(times: BookTimes) {
    this.#times = times;
  }

  add(unit: Omit<LoadedUnit, "accepted">, now: number): Entry {
    const entry: Entry = {
      id: unit.id,
      lane: unit.lane,
      stream: unit.stream,
      count: unit.count,
      created: unit.created,
      expires: unit.expires,
      phase: unit.phase,
      due: unit.due,
      rev: unit.rev,
      place: "deferred",
      generation: 0,
      staleAt: 0,
      repeats: 0,
      journaled: false,
      journalAgainAt: 0,
      journalRepeats: 0,
    };
    this.entries.set(entry.id, entry);
    this.openRecipients += entry.count;
    this.#place(entry, now);
    return entry;
  }

  /** Takes over what was just written to the unit's row. */
  apply(entry: Entry, record: UnitRecord, now: number): void {
    this.#leaveWindow(entry);
    entry.phase = record.phase;
    entry.due = record.due;
    entry.rev = record.rev;
    entry.repeats = 0;
    this.#place(entry, now);
  }

  remove(entry: Entry): void {
    this.#leaveWindow(entry);
    this.entries.delete(entry.id);
    this.deadlines.delete(entry.id);
    this.openRecipients -= entry.count;
  }

  /** Up to `max` ready ids of a lane, as far as the window has room; they count as queued. */
  takeReady(lane: Lane, max: number, generation: number, now: number): string[] {
    const room = Math.min(max, WINDOW_MAX - this.#out[lane]);
    const taken: string[] = [];
    const ready = this.#ready[lane];
    let read = 0;
    while (taken.length < room && read < ready.length) {
      const entry = this.entries.get(ready[read++] ?? "");
      if (entry === undefined || entry.phase !== "waiting" || entry.place !== "ready") continue;
      if (this.paused.has(entry.stream)) {
        this.move(entry, "paused", now);
        continue;
      }
      const staleMs = this.#times.packStaleMs * 2 ** Math.min(entry.repeats, STALE_DOUBLINGS_MAX);
      entry.generation = generation;
      entry.staleAt = now + staleMs;
      entry.repeats += 1;
      this.move(entry, "queued", now);
      taken.push(entry.id);
    }
    ready.splice(0, read);
    return taken;
  }

  /** A pack that did not leave: its ids are ready again. */
  takeBack({ ids, generation }: Pick<Pack, "ids" | "generation">, now: number): void {
    for (const id of ids) {
      const entry = this.entries.get(id);
      if (entry === undefined || entry.phase !== "waiting") continue;
      const mine = entry.place === "queued" && entry.generation === generation;
      if (mine) this.move(entry, "ready", now);
    }
  }

  hasReady(lane: Lane): boolean {
    return this.#ready[lane].length > 0 && this.#out[lane] < WINDOW_MAX;
  }

  /** A consumer has it now, and says what became of it before a lease would run out. */
  inHand(entry: Entry, now: number): void {
    entry.staleAt = now + this.#times.leaseMs;
    this.move(entry, "in_hand", now);
  }

  /** Waits until `notBefore`; nothing is written: after an eviction it is just offered earlier. */
  defer(entry: Entry, notBefore: number, now: number): void {
    this.#leaveWindow(entry);
    entry.due = Math.max(entry.due, notBefore);
    entry.repeats = 0;
    this.#place(entry, now);
  }

  move(entry: Entry, place: Entry["place"], now: number): void {
    const wasOut = entry.place === "queued" || entry.place === "in_hand";
    const isOut = place === "queued" || place === "in_hand";
    if (wasOut !== isOut) this.#out[entry.lane] += isOut ? 1 : -1;
    entry.place = place;
    if (place === "ready") this.#ready[entry.lane].push(entry.id);
    this.schedule(entry, now);
  }

  isLongWait(entry: Entry, now: number): boolean {
    return entry.created + LONG_WAIT_MS <= now;
  }

  /** Its state is on the way to the journal, until a confirmation or the next repeat. */
  journaling(entry: Entry, now: number): void {
    const doublings = Math.min(entry.journalRepeats, JOURNAL_DOUBLINGS_MAX);
    entry.journaled = true;
    entry.journalAgainAt = now + this.#times.rejournalMs * 2 ** doublings;
    entry.journalRepeats += 1;
    this.schedule(entry, now);
  }

  confirmed(entry: Entry, now: number): void {
    entry.journalAgainAt = 0;
    entry.journalRepeats = 0;
    this.schedule(entry, now);
  }

  resume(stream: string, now: number): void {
    this.paused.delete(stream);
    for (const entry of this.entries.values()) {
      if (entry.stream === stream && entry.phase === "waiting" && entry.place === "paused") {
        this.#place(entry, now);
      }
    }
  }

  schedule(entry: Entry, now: number): void {
    this.deadlines.set(entry.id, this.#deadline(entry, now));
  }

  #deadline(entry: Entry, now: number): number {
    if (entry.phase === "closed") return Math.max(entry.journalAgainAt, now);
    let at = entry.due;
    if (entry.phase === "waiting") {
      at = entry.expires;
      if (entry.place === "deferred") at = Math.min(at, entry.due);
      if (entry.place === "queued" || entry.place === "in_hand") at = Math.min(at, entry.staleAt);
    }
    if (!entry.journaled) at = Math.min(at, Math.max(now, entry.created + LONG_WAIT_MS));
    else if (entry.journalAgainAt > 0) at = Math.min(at, Math.max(now, entry.journalAgainAt));
    return at;
  }

  #place(entry: Entry, now: number): void {
    if (entry.phase !== "waiting") {
      this.schedule(entry, now);
    } else if (this.paused.has(entry.stream)) {
      this.move(entry, "paused", now);
    } else {
      this.move(entry, entry.due > now ? "deferred" : "ready", now);
    }
  }

  #leaveWindow(entry: Entry): void {
    if (entry.place === "queued" || entry.place === "in_hand") this.#out[entry.lane] -= 1;
    entry.place = "deferred";
  }
}
