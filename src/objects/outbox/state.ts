/**
 * An Outbox's rows and memory, kept in step: every change of a unit is written, taken over by the
 * book, and noted for the journal when it is an outcome.
 */
import {
  type JournalBody,
  journalUnit,
  type Lane,
  type Pack,
  type ShardLedger,
  type ShardRef,
  type StoredUnit,
} from "../../core/custody.ts";
import * as unit from "../../core/unit.ts";
import { Book, type Entry } from "./book.ts";
import { OutboxTable } from "./table.ts";

export interface OutboxDeps {
  readonly now: () => number;
  readonly random: () => number;
  readonly token: () => string;
  readonly sleep: (ms: number) => Promise<void>;
  readonly leaseMs: number;
  readonly packStaleMs: number;
  readonly rejournalMs: number;
  readonly sendPacks: (lane: Lane, packs: readonly Pack[]) => Promise<void>;
  readonly sendJournal: (body: JournalBody) => Promise<void>;
  readonly deleteContent: (keys: readonly string[]) => Promise<void>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/** The state of one shard. All methods are synchronous: a turn is a transaction. */
export class OutboxState {
  readonly deps: OutboxDeps;
  readonly ref: ShardRef;
  readonly table: OutboxTable;
  readonly book: Book;
  /** Units whose state the journal has yet to be told. */
  readonly unjournaled = new Set<string>();
  /** Members of the calls that may have to be repeated as they were, by their keys. */
  readonly batches = new Map<string, readonly string[]>();
  /** Recipients ever accepted here, and recipients whose record was confirmed. */
  accepted = 0;
  confirmed = 0;

  constructor(sql: SqlStorage, ref: ShardRef, deps: OutboxDeps) {
    this.deps = deps;
    this.ref = ref;
    this.table = new OutboxTable(sql);
    this.book = new Book(deps);
  }

  /** Everything unclaimed becomes ready again and every unconfirmed outcome is journaled again. */
  load(now: number): void {
    const { accepted, confirmed } = this.table.book();
    this.accepted = accepted;
    this.confirmed = confirmed;
    for (const stream of this.table.pauses()) this.book.paused.add(stream);
    for (const row of this.table.load()) {
      this.accepted = Math.max(this.accepted, row.accepted);
      const entry = this.book.add(row, now);
      if (entry.phase === "closed" || entry.phase === "held") this.toJournal(entry, now);
    }
    for (const [key, ids] of this.table.batches()) this.batches.set(key, ids);
    this.forgetBatches(this.batches.keys());
  }

  /** The entry if it may be sent now; what has expired or is paused is seen to on the way. */
  ready(id: string, now: number): Entry | null {
    const entry = this.book.entries.get(id);
    if (entry === undefined || entry.phase !== "waiting") return null;
    if (entry.expires <= now) {
      this.due(id, now);
      return null;
    }
    if (this.book.paused.has(entry.stream)) {
      this.book.move(entry, "paused", now);
      return null;
    }
    return entry.due > now ? null : entry;
  }

  /** Changes a claimed unit, if `token` still holds the claim. */
  change(
    id: string,
    token: string,
    now: number,
    change: (record: unit.UnitRecord) => unit.UnitRecord,
  ): void {
    const entry = this.book.entries.get(id);
    if (entry === undefined || entry.phase !== "claimed") return;
    const record = this.table.record(id);
    if (record === null || record.current?.token !== token) return;
    this.write(entry, record, change(record), now);
  }

  write(entry: Entry, before: unit.UnitRecord, record: unit.UnitRecord, now: number): void {
    if (record === before) return;
    this.table.write(entry.id, record);
    this.book.apply(entry, record, now);
    const doubtful = record.ambiguities > before.ambiguities || record.phase === "held";
    if (record.phase === "closed" || doubtful) this.toJournal(entry, now);
  }

  toJournal(entry: Entry, now: number): void {
    this.unjournaled.add(entry.id);
    this.book.journaling(entry, now);
  }

  /** What time alone makes of a unit. */
  lapse(entry: Entry, now: number): void {
    const record = this.table.record(entry.id);
    if (record === null) return;
    this.write(entry, record, unit.lapse(record, now, this.deps.random()), now);
  }

  /** Sees to a unit whose deadline has come. */
  due(id: string, now: number): void {
    const entry = this.book.entries.get(id);
    if (entry === undefined) return;
    const ended = entry.phase === "waiting" ? entry.expires <= now : entry.due <= now;
    if (ended && entry.phase !== "closed") {
      this.lapse(entry, now);
    } else if (entry.phase === "waiting") {
      const stale = entry.place === "queued" || entry.place === "in_hand";
      if (stale && entry.staleAt <= now) this.book.move(entry, "ready", now);
      if (entry.place === "deferred" && entry.due <= now) this.book.move(entry, "ready", now);
    }
    const overdue = entry.journalAgainAt > 0 && entry.journalAgainAt <= now;
    if (overdue || (!entry.journaled && this.book.isLongWait(entry, now))) {
      this.toJournal(entry, now);
    }
    this.book.schedule(entry, now);
  }

  /** One unit as it stands, without content. */
  stored(id: string): StoredUnit | null {
    const row = this.table.headed(id);
    if (row === null) return null;
    const { head, record } = row;
    return { ...journalUnit(id, head, record), phase: record.phase, content: null };
  }

  /** The shard's books, in recipients; `held` are those that only an event or time can settle. */
  ledger(): ShardLedger {
    let claimed = 0;
    let held = 0;
    for (const entry of this.book.entries.values()) {
      if (entry.phase === "claimed") claimed += entry.count;
      const record = entry.phase === "held" ? this.table.record(entry.id) : null;
      if (record !== null) held += unit.outstanding(record).length;
    }
    const { accepted, confirmed } = this;
    return { accepted, open: this.book.openRecipients, confirmed, claimed, held };
  }

  /** Keeps the members of a call, in its order, for as long as it may have to be repeated. */
  rememberBatch(key: string, ids: readonly string[]): void {
    this.batches.set(key, ids);
    this.table.rememberBatch(key, ids);
  }

  /** Whether other members of this unit's call still have to be repeated together with it. */
  isNeeded(id: string): boolean {
    if (this.batches.size === 0) return false;
    const key = this.table.record(id)?.frozen?.attempt.batch ?? "";
    return key !== "" && this.#isOpen(key);
  }

  /** Drops the membership of calls that no unit has to repeat any more. */
  forgetBatches(keys: Iterable<string>): void {
    for (const key of keys) {
      if (!this.batches.has(key) || this.#isOpen(key)) continue;
      this.batches.delete(key);
      this.table.forgetBatch(key);
    }
  }

  #isOpen(key: string): boolean {
    return (this.batches.get(key) ?? []).some((id) => {
      const phase = this.book.entries.get(id)?.phase;
      if (phase !== "waiting" && phase !== "claimed") return false;
      const record = this.table.record(id);
      return record?.current?.batch === key || record?.frozen?.attempt.batch === key;
    });
  }

  /** Lets go of units that are recorded; their rows leave together with the books. */
  remove(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.book.remove(entry);
      this.unjournaled.delete(entry.id);
      this.confirmed += entry.count;
    }
    const { accepted, confirmed } = this;
    this.table.remove(
      entries.map((entry) => entry.id),
      { accepted, confirmed },
    );
  }
}
