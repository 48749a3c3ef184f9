/**
 * The Outbox: has custody of every accepted message of one shard until the journal confirms that it is
 * recorded. A shell over `core/unit.ts` (how a message changes) and `Book` (what is due): every entry point
 * changes rows and memory in one synchronous turn and ends by arming the one alarm.
 */
import { DurableObject } from "cloudflare:workers";
import {
  type AcceptReply,
  type AcceptRequest,
  type Claimed,
  type ClaimRequest,
  type Confirmation,
  type JournalBody,
  journalUnit,
  type Lane,
  type Pack,
  type Peeked,
  readShardName,
  type SettleRequest,
  type ShardLedger,
  type ShardRef,
  type StoredUnit,
} from "../../core/custody.ts";
import * as unit from "../../core/unit.ts";
import { createAlarm } from "./alarm.ts";
import { Book, type Entry } from "./book.ts";
import { createPump, type Pump } from "./pump.ts";
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

/** Open units of one shard: about 200 bytes each in an object's 128 MB. */
export const OPEN_UNITS_MAX = 100_000;

/** How long a full shard asks its clients to wait: a backlog drains in minutes, not in seconds. */
const FULL_RETRY_MS = 30_000;

/** An idempotency key outlives its message's row. */
export const IDEMPOTENCY_MS = 24 * 3_600_000;

/** Ids in one pack, and packs in one sending (a queue takes 100 messages a call). */
const PACK_IDS_MAX = 100;
const PACKS_MAX = 20;

/** Under load a lane sends 50 times a second at most, so that packs fill. */
const PACK_GAP_MS = 20;

/** Under load the journal is written 20 times a second at most: D1 commits groups. */
const JOURNAL_GAP_MS = 50;

/** A queue message is at most 128 KB; this leaves room for JSON's escapes. */
const JOURNAL_WEIGHT_MAX = 80_000;
const JOURNAL_UNITS_MAX = 100;

/** Deadlines handled in one turn, so that a turn stays short. */
const DUE_MAX = 1_000;

/** Keys deleted per sweep, and how often: keys end an hour late at most. */
const SWEEP_MAX = 1_000;
const SWEEP_EVERY_MS = 3_600_000;

export class OutboxObject<E> extends DurableObject<E> {
  readonly #deps: OutboxDeps;
  readonly #ref: ShardRef;
  readonly #table: OutboxTable;
  readonly #book: Book;
  readonly #alarm: ReturnType<typeof createAlarm>;
  readonly #lanes: Record<Lane, Pump>;
  readonly #journal: Pump;
  readonly #unjournaled = new Set<string>();
  #accepted = 0;
  #confirmed = 0;
  #generation: number;
  #sweptAt = 0;

  constructor(ctx: DurableObjectState, env: E, deps: OutboxDeps) {
    super(ctx, env);
    this.#deps = deps;
    const ref = readShardName(ctx.id.name ?? "");
    if (ref === null) throw new Error("an Outbox is addressed by the name of its shard");
    this.#ref = ref;
    this.#table = new OutboxTable(ctx.storage.sql);
    this.#book = new Book(deps);
    this.#alarm = createAlarm(ctx.storage, deps.now, () => this.#work());
    const now = deps.now();
    // Pointers of an earlier life of this object carry older generations and are passed over.
    this.#generation = now;
    const { random, sleep } = deps;
    const pump = (gapMs: number, sendPortion: () => Promise<boolean>, name: string): Pump =>
      createPump({
        now: deps.now,
        random,
        sleep,
        gapMs,
        sendPortion,
        failed: (error) => deps.log("queue_refused", { queue: name, reason: String(error) }),
      });
    this.#lanes = {
      transactional: pump(PACK_GAP_MS, () => this.#sendPacks("transactional"), "transactional"),
      broadcast: pump(PACK_GAP_MS, () => this.#sendPacks("broadcast"), "broadcast"),
    };
    this.#journal = pump(JOURNAL_GAP_MS, () => this.#sendJournal(), "journal");
    this.#load(now);
    ctx.blockConcurrencyWhile(() => this.#alarm.load());
    this.#done(now);
  }

  /** Everything unclaimed is packed again and every unconfirmed outcome journaled again. */
  #load(now: number): void {
    const book = this.#table.book();
    this.#accepted = book.accepted;
    this.#confirmed = book.confirmed;
    for (const stream of this.#table.pauses()) this.#book.paused.add(stream);
    for (const row of this.#table.load()) {
      this.#accepted = Math.max(this.#accepted, row.accepted);
      const entry = this.#book.add(row, now);
      if (entry.phase === "closed" || entry.phase === "held") this.#toJournal(entry, now);
    }
  }

  /**
   * Takes messages into custody, all or none, in one transaction; the answer leaves when it is durable.
   * A known key is answered as before; a known id with the same content is a no-op.
   */
  accept(request: AcceptRequest): AcceptReply {
    const now = this.#deps.now();
    const { idempotency, units } = request;
    if (idempotency !== null) {
      const earlier = this.#table.replay(idempotency.key, now);
      if (earlier !== null) {
        return earlier.digest === idempotency.digest
          ? { kind: "replayed", response: earlier.response }
          : { kind: "other_request_under_key" };
      }
    }
    if (this.#book.entries.size + units.length > OPEN_UNITS_MAX) {
      return { kind: "full", retryAfterMs: FULL_RETRY_MS };
    }
    const known = units.filter((one) => this.#book.entries.has(one.id));
    if (known.some((one) => this.#table.headed(one.id)?.head !== one.head))
      return { kind: "id_taken" };
    if (idempotency !== null) {
      const expires = now + IDEMPOTENCY_MS;
      this.#table.remember(idempotency.key, idempotency.digest, request.response, expires);
    }
    for (const one of units) {
      if (known.includes(one)) continue;
      const record = unit.accept(one.count, one, now);
      this.#accepted += one.count;
      this.#table.insert(one, record, this.#accepted);
      const { id, lane, stream, count } = one;
      const { phase, due, expires, rev } = record;
      this.#book.add(
        { id, lane, stream, count, created: one.createdAt, phase, due, expires, rev },
        now,
      );
    }
    this.#done(now);
    return { kind: "accepted" };
  }

  /** Reads and re-checks what a pack points to; writes nothing unless a message has expired. */
  peek(pack: Pick<Pack, "ids" | "generation">): Peeked[] {
    const now = this.#deps.now();
    const peeked: Peeked[] = [];
    for (const id of pack.ids) {
      const entry = this.#ready(id, now);
      if (entry === null || entry.generation !== pack.generation) continue;
      const row = this.#table.headed(id);
      if (row === null) continue;
      this.#book.inHand(entry, now);
      const { frozen } = row.record;
      peeked.push({
        id,
        head: row.head,
        numbers: frozen?.recipients ?? unit.outstanding(row.record),
        frozenSource: frozen?.attempt.source ?? null,
      });
    }
    this.#done(now);
    return peeked;
  }

  /** Starts attempts under a lease; answers those that may be sent now, with a token each. */
  claim(requests: readonly ClaimRequest[]): Claimed[] {
    const now = this.#deps.now();
    const claimed: Claimed[] = [];
    for (const request of requests) {
      const entry = this.#ready(request.id, now);
      const before = entry === null ? null : this.#table.record(entry.id);
      if (entry === null || before === null) continue;
      let record = before;
      if (request.suppressed.length > 0 && record.frozen === null) {
        record = unit.suppress(record, request.suppressed, now);
      }
      if (record.phase === "waiting" && request.attempt !== null) {
        const attempt = { ...request.attempt, token: this.#deps.token(), startedAt: now };
        const leaseUntil = now + this.#deps.leaseMs;
        record = unit.claim(record, attempt, leaseUntil);
        const content = this.#table.content(entry.id);
        if (content === null) continue;
        claimed.push({
          id: entry.id,
          token: attempt.token,
          attempt: record.attempts,
          leaseUntil,
          numbers: record.frozen?.recipients ?? unit.outstanding(record),
          content,
        });
      }
      this.#write(entry, before, record, now);
    }
    this.#done(now);
    return claimed;
  }

  /** States outcomes; one whose token no longer holds the claim changes nothing. */
  settle(requests: readonly SettleRequest[]): void {
    const now = this.#deps.now();
    for (const { id, token, outcome } of requests) {
      this.#change(id, token, now, (record) =>
        unit.settle(record, outcome, now, this.#deps.random()),
      );
    }
    this.#done(now);
  }

  /** Gives back claims that were certainly not sent. */
  release(claims: readonly { readonly id: string; readonly token: string }[]): void {
    const now = this.#deps.now();
    for (const { id, token } of claims) {
      this.#change(id, token, now, (record) => unit.release(record, now));
    }
    this.#done(now);
  }

  /** Extends the lease of sends that are still in progress. */
  renew(claims: readonly { readonly id: string; readonly token: string }[]): void {
    const now = this.#deps.now();
    for (const { id, token } of claims) {
      this.#change(id, token, now, (record) => ({ ...record, due: now + this.#deps.leaseMs }));
    }
    this.#done(now);
  }

  /** Peeked but not granted: each waits here until its time. */
  defer(waits: readonly { readonly id: string; readonly notBefore: number }[]): void {
    const now = this.#deps.now();
    for (const { id, notBefore } of waits) {
      const entry = this.#book.entries.get(id);
      if (entry?.phase === "waiting") this.#book.defer(entry, notBefore, now);
    }
    this.#done(now);
  }

  /** The journal took units over, or its events prove what became of an unknown one. */
  async confirm(confirmations: readonly Confirmation[]): Promise<void> {
    const now = this.#deps.now();
    const leaving: Entry[] = [];
    for (const { id, rev, proved } of confirmations) {
      const entry = this.#book.entries.get(id);
      if (entry === undefined) continue;
      const before = proved.length > 0 ? this.#table.record(id) : null;
      if (before !== null) {
        let record = before;
        for (const { no, state, at } of proved) record = unit.observe(record, no, { state, at });
        this.#write(entry, before, record, now);
      }
      if (entry.rev !== rev) continue;
      this.#book.confirmed(entry, now);
      if (entry.phase === "closed") leaving.push(entry);
    }
    if (leaving.length > 0) await this.#letGo(leaving);
    this.#done(this.#deps.now());
  }

  async #letGo(entries: readonly Entry[]): Promise<void> {
    const blobs = this.#table.blobs(entries.map((entry) => entry.id));
    if (blobs.length > 0) await this.#deps.deleteContent(blobs.map((row) => row.blob));
    const gone = entries.filter((entry) => this.#book.entries.get(entry.id) === entry);
    for (const entry of gone) {
      this.#book.remove(entry);
      this.#unjournaled.delete(entry.id);
      this.#confirmed += entry.count;
    }
    const book = { accepted: this.#accepted, confirmed: this.#confirmed };
    this.#table.remove(
      gone.map((entry) => entry.id),
      book,
    );
  }

  /** Pauses or resumes a stream; paused mail is neither peeked nor claimed, and still expires. */
  setPaused(stream: string, paused: boolean): void {
    const now = this.#deps.now();
    this.#table.setPause(stream, paused);
    if (paused) this.#book.paused.add(stream);
    else this.#book.resume(stream, now);
    this.#done(now);
  }

  /** One unit as it stands, content included, or null when this shard does not hold it. */
  read(id: string): StoredUnit | null {
    const row = this.#table.headed(id);
    if (row === null) return null;
    const content = this.#table.content(id);
    return { ...journalUnit(id, row.head, row.record), phase: row.record.phase, content };
  }

  /** A page of open units, without content. */
  list(page: { before: string | null; after: string | null }, limit: number): StoredUnit[] {
    return this.#table.page(page, limit).flatMap((id) => {
      const row = this.#table.headed(id);
      if (row === null) return [];
      return [{ ...journalUnit(id, row.head, row.record), phase: row.record.phase, content: null }];
    });
  }

  ledger(): ShardLedger {
    let claimed = 0;
    let held = 0;
    for (const entry of this.#book.entries.values()) {
      if (entry.phase === "claimed") claimed += entry.count;
      if (entry.phase !== "held") continue;
      const record = this.#table.record(entry.id);
      held += record === null ? 0 : unit.outstanding(record).length;
    }
    const open = this.#book.openRecipients;
    return { accepted: this.#accepted, open, confirmed: this.#confirmed, claimed, held };
  }

  /** Waking it is all that is asked: what is due was found on the way. */
  touch(): void {
    this.#work();
  }

  override alarm(): void {
    this.#alarm.fired();
    this.#work();
  }

  #work(): void {
    const now = this.#deps.now();
    for (const id of this.#book.deadlines.takeDue(now, DUE_MAX)) this.#due(id, now);
    if (now - this.#sweptAt > SWEEP_EVERY_MS) {
      this.#sweptAt = now;
      this.#table.sweepKeys(now, SWEEP_MAX);
    }
    this.#done(now);
  }

  #due(id: string, now: number): void {
    const entry = this.#book.entries.get(id);
    if (entry === undefined) return;
    const ended = entry.phase === "waiting" ? entry.expires <= now : entry.due <= now;
    if (ended && entry.phase !== "closed") {
      const record = this.#table.record(id);
      if (record !== null)
        this.#write(entry, record, unit.lapse(record, now, this.#deps.random()), now);
    } else if (entry.phase === "waiting") {
      const stale = entry.place === "queued" || entry.place === "in_hand";
      if (stale && entry.staleAt <= now) this.#book.move(entry, "ready", now);
      if (entry.place === "deferred" && entry.due <= now) this.#book.move(entry, "ready", now);
    }
    const overdue = entry.journalAgainAt > 0 && entry.journalAgainAt <= now;
    if (overdue || (!entry.journaled && this.#book.isLongWait(entry, now))) {
      this.#toJournal(entry, now);
    }
    if (this.#book.entries.has(id)) this.#book.schedule(entry, now);
  }

  /** The entry if it may be sent now; what has expired or is paused is seen to on the way. */
  #ready(id: string, now: number): Entry | null {
    const entry = this.#book.entries.get(id);
    if (entry === undefined || entry.phase !== "waiting") return null;
    if (entry.expires <= now) {
      this.#due(id, now);
      return null;
    }
    if (this.#book.paused.has(entry.stream)) {
      this.#book.move(entry, "paused", now);
      return null;
    }
    return entry.due > now ? null : entry;
  }

  #change(
    id: string,
    token: string,
    now: number,
    change: (record: unit.UnitRecord) => unit.UnitRecord,
  ): void {
    const entry = this.#book.entries.get(id);
    if (entry === undefined || entry.phase !== "claimed") return;
    const record = this.#table.record(id);
    if (record === null || record.current?.token !== token) return;
    this.#write(entry, record, change(record), now);
  }

  #write(entry: Entry, before: unit.UnitRecord, record: unit.UnitRecord, now: number): void {
    if (record === before) return;
    this.#table.write(entry.id, record);
    this.#book.apply(entry, record, now);
    const doubtful = record.ambiguities > before.ambiguities || record.phase === "held";
    if (record.phase === "closed" || doubtful) this.#toJournal(entry, now);
  }

  #toJournal(entry: Entry, now: number): void {
    this.#unjournaled.add(entry.id);
    this.#book.journaling(entry, now);
  }

  #done(now: number): void {
    if (this.#book.hasReady("transactional")) this.#lanes.transactional.kick();
    if (this.#book.hasReady("broadcast")) this.#lanes.broadcast.kick();
    if (this.#unjournaled.size > 0) this.#journal.kick();
    this.#alarm.arm(this.#book.deadlines.next(), now);
  }

  async #sendPacks(lane: Lane): Promise<boolean> {
    const now = this.#deps.now();
    const packs: Pack[] = [];
    while (packs.length < PACKS_MAX) {
      this.#generation += 1;
      const generation = this.#generation;
      const ids = this.#book.takeReady(lane, PACK_IDS_MAX, generation, now);
      if (ids.length === 0) break;
      packs.push({ v: 1, ...this.#ref, ids, generation });
    }
    if (packs.length === 0) return false;
    try {
      await this.#deps.sendPacks(lane, packs);
    } catch (error) {
      const later = this.#deps.now();
      for (const { ids, generation } of packs) this.#takeBack(ids, generation, later);
      throw error;
    }
    return this.#book.hasReady(lane);
  }

  #takeBack(ids: readonly string[], generation: number, now: number): void {
    for (const id of ids) {
      const entry = this.#book.entries.get(id);
      const mine = entry?.phase === "waiting" && entry.generation === generation;
      if (entry !== undefined && mine && entry.place === "queued")
        this.#book.move(entry, "ready", now);
    }
  }

  async #sendJournal(): Promise<boolean> {
    const taken: string[] = [];
    const units: ReturnType<typeof journalUnit>[] = [];
    let weight = 0;
    for (const id of this.#unjournaled) {
      const row = this.#table.headed(id);
      const next = row === null ? null : journalUnit(id, row.head, row.record);
      const size = next === null ? 0 : JSON.stringify(next).length;
      if (units.length > 0 && weight + size > JOURNAL_WEIGHT_MAX) break;
      taken.push(id);
      weight += size;
      if (next !== null) units.push(next);
      if (units.length === JOURNAL_UNITS_MAX) break;
    }
    for (const id of taken) this.#unjournaled.delete(id);
    if (units.length === 0) return false;
    try {
      await this.#deps.sendJournal({ v: 1, kind: "units", ...this.#ref, units });
    } catch (error) {
      for (const { id } of units) if (this.#book.entries.has(id)) this.#unjournaled.add(id);
      throw error;
    }
    return this.#unjournaled.size > 0;
  }
}
