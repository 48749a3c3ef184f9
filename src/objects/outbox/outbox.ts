/**
 * The Outbox: has custody of every accepted message of one shard until the journal confirms that
 * it is recorded. Every entry point changes rows and memory in one synchronous turn and ends by
 * sending what is ready and arming the one alarm.
 */
import { DurableObject } from "cloudflare:workers";
import {
  type AcceptReply,
  type AcceptRequest,
  type Claimed,
  type ClaimRef,
  type ClaimRequest,
  type Confirmation,
  type Pack,
  type Peeked,
  readShardName,
  type SettleRequest,
  type ShardLedger,
  type StoredUnit,
} from "../../core/custody.ts";
import type { IdempotencyKey, Replayed } from "../../core/idempotency.ts";
import * as unit from "../../core/unit.ts";
import { createAlarm } from "./alarm.ts";
import type { Entry } from "./book.ts";
import { claim, peek } from "./claims.ts";
import { createDispatch, type Dispatch } from "./dispatch.ts";
import type { UnitPage } from "./rpc.ts";
import { type OutboxDeps, OutboxState } from "./state.ts";

/** Open units of one shard: about 200 bytes each in an object's 128 MB. */
export const OPEN_UNITS_MAX = 100_000;

/** How long a full shard asks its clients to wait: a backlog drains in minutes, not in seconds. */
const FULL_RETRY_MS = 30_000;

/** An idempotency key outlives its message's row. */
export const IDEMPOTENCY_MS = 24 * 3_600_000;

/** Deadlines handled in one turn, so that a turn stays short. */
const DUE_MAX = 1_000;

/** Keys deleted per sweep, and how often: keys end an hour late at most. */
const SWEEP_MAX = 1_000;
const SWEEP_EVERY_MS = 3_600_000;

/** One shard of an account's custody; its name is the shard's. */
export class OutboxObject<E> extends DurableObject<E> {
  readonly #deps: OutboxDeps;
  readonly #state: OutboxState;
  readonly #alarm: ReturnType<typeof createAlarm>;
  readonly #dispatch: Dispatch;
  #sweptAt = 0;

  constructor(ctx: DurableObjectState, env: E, deps: OutboxDeps) {
    super(ctx, env);
    const ref = readShardName(ctx.id.name ?? "");
    if (ref === null) throw new Error("an Outbox is addressed by the name of its shard");
    this.#deps = deps;
    this.#state = new OutboxState(ctx.storage.sql, ref, deps);
    this.#alarm = createAlarm(ctx.storage, deps.now, () => this.#work());
    this.#dispatch = createDispatch(this.#state, () => this.#arm(deps.now()));
    const now = deps.now();
    this.#state.load(now);
    ctx.blockConcurrencyWhile(() => this.#alarm.load());
    this.#done(now);
  }

  /**
   * Takes messages into custody, all or none, in one transaction; the answer leaves when it is
   * durable. A known key is answered as before; a known id with the same content is a no-op.
   */
  accept(request: AcceptRequest): AcceptReply {
    const now = this.#deps.now();
    const { idempotency, units } = request;
    const earlier = idempotency === null ? null : this.replay(idempotency);
    if (earlier !== null) return earlier;
    if (this.#state.book.entries.size + units.length > OPEN_UNITS_MAX) {
      return { kind: "full", retryAfterMs: FULL_RETRY_MS };
    }
    const known = units.filter((one) => this.#state.book.entries.has(one.id));
    if (known.some((one) => this.#state.table.headed(one.id)?.head !== one.head)) {
      return { kind: "id_taken" };
    }
    if (idempotency !== null) {
      const expires = now + IDEMPOTENCY_MS;
      this.#state.table.remember(idempotency.key, idempotency.digest, request.response, expires);
    }
    for (const one of units) {
      if (known.includes(one)) continue;
      const record = unit.accept(one.count, one, now);
      this.#state.accepted += one.count;
      this.#state.table.insert(one, record, this.#state.accepted);
      const { id, lane, stream, count } = one;
      const { phase, due, expires, rev } = record;
      this.#state.book.add(
        { id, lane, stream, count, created: one.createdAt, phase, due, expires, rev },
        now,
      );
    }
    this.#done(now);
    return { kind: "accepted" };
  }

  /** What was answered under a key; null: nothing. */
  replay({ key, digest }: IdempotencyKey): Replayed | null {
    const earlier = this.#state.table.replay(key, this.#deps.now());
    if (earlier === null) return null;
    return earlier.digest === digest
      ? { kind: "replayed", response: earlier.response }
      : { kind: "other_request_under_key" };
  }

  /** Reads and re-checks what a pack points to; writes nothing unless a message has expired. */
  peek(pack: Pick<Pack, "ids" | "generation">): Peeked[] {
    const now = this.#deps.now();
    const peeked = peek(this.#state, pack, now);
    this.#done(now);
    return peeked;
  }

  /** Starts attempts under a lease; answers those that may be sent now, with a token each. */
  claim(requests: readonly ClaimRequest[]): Claimed[] {
    const now = this.#deps.now();
    const claimed = claim(this.#state, requests, now);
    this.#done(now);
    return claimed;
  }

  /** States outcomes; one whose token no longer holds the claim changes nothing. */
  settle(requests: readonly SettleRequest[]): void {
    const now = this.#deps.now();
    const calls = new Set<string>();
    for (const { id, token, outcome } of requests) {
      this.#state.change(id, token, now, (record) => {
        calls.add(record.current?.batch ?? "");
        return unit.settle(record, outcome, now, this.#deps.random());
      });
    }
    this.#state.forgetBatches(calls);
    this.#done(now);
  }

  /** Gives back claims that were certainly not sent. */
  release(claims: readonly ClaimRef[]): void {
    const now = this.#deps.now();
    const calls = new Set<string>();
    for (const { id, token } of claims) {
      this.#state.change(id, token, now, (record) => {
        calls.add(record.current?.batch ?? "");
        return unit.release(record, now);
      });
    }
    this.#state.forgetBatches(calls);
    this.#done(now);
  }

  /** Extends the lease of sends that are still in progress. */
  renew(claims: readonly ClaimRef[]): void {
    const now = this.#deps.now();
    for (const { id, token } of claims) {
      this.#state.change(id, token, now, (record) => ({
        ...record,
        due: now + this.#deps.leaseMs,
      }));
    }
    this.#done(now);
  }

  /** Peeked but not granted: each waits here until its time. */
  defer(waits: readonly { readonly id: string; readonly notBefore: number }[]): void {
    const now = this.#deps.now();
    for (const { id, notBefore } of waits) {
      const entry = this.#state.book.entries.get(id);
      if (entry?.phase === "waiting") this.#state.book.defer(entry, notBefore, now);
    }
    this.#done(now);
  }

  /** The journal took units over, or its events prove what became of an unknown one. */
  async confirm(confirmations: readonly Confirmation[]): Promise<void> {
    const now = this.#deps.now();
    const leaving: Entry[] = [];
    for (const { id, rev, proved } of confirmations) {
      const entry = this.#state.book.entries.get(id);
      if (entry === undefined) continue;
      const before = proved.length > 0 ? this.#state.table.record(id) : null;
      if (before !== null) {
        let record = before;
        for (const { no, state, at } of proved) record = unit.observe(record, no, { state, at });
        this.#state.write(entry, before, record, now);
      }
      if (entry.rev !== rev) continue;
      // A settled member of a call that has to be repeated as it was stays for its bytes.
      if (entry.phase === "closed" && this.#state.isNeeded(id)) continue;
      if (entry.phase === "closed") leaving.push(entry);
      else this.#state.book.confirmed(entry, now);
    }
    if (leaving.length > 0) await this.#letGo(leaving);
    this.#done(this.#deps.now());
  }

  async #letGo(entries: readonly Entry[]): Promise<void> {
    const blobs = this.#state.table.blobs(entries.map((entry) => entry.id));
    if (blobs.length > 0) {
      try {
        await this.#deps.deleteContent(blobs.map((row) => row.blob));
      } catch (error) {
        // The rows stay, are journaled again, and their content is deleted with the next
        // confirmation.
        this.#deps.log("content_not_deleted", { reason: String(error), count: blobs.length });
        return;
      }
    }
    const gone = entries.filter((entry) => this.#state.book.entries.get(entry.id) === entry);
    this.#state.remove(gone);
  }

  /** Pauses or resumes a stream; paused mail is neither peeked nor claimed, and still expires. */
  setPaused(stream: string, paused: boolean): void {
    const now = this.#deps.now();
    this.#state.table.setPause(stream, paused);
    if (paused) this.#state.book.paused.add(stream);
    else this.#state.book.resume(stream, now);
    this.#done(now);
  }

  /** One unit as it stands, content included, or null when this shard does not hold it. */
  read(id: string): StoredUnit | null {
    const stored = this.#state.stored(id);
    return stored === null ? null : { ...stored, content: this.#state.table.content(id) };
  }

  /** The heads of those of the units that are here. */
  heads(ids: readonly string[]): { readonly id: string; readonly head: string }[] {
    return ids.flatMap((id) => {
      const headed = this.#state.table.headed(id);
      return headed === null ? [] : [{ id, head: headed.head }];
    });
  }

  /** A page of open units, without content. */
  list(page: UnitPage, limit: number): StoredUnit[] {
    return this.#state.table.page(page, limit).flatMap((id) => this.#state.stored(id) ?? []);
  }

  /** The shard's books, in recipients. */
  ledger(): ShardLedger {
    return this.#state.ledger();
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
    for (const id of this.#state.book.deadlines.takeDue(now, DUE_MAX)) this.#state.due(id, now);
    if (now - this.#sweptAt > SWEEP_EVERY_MS) {
      this.#sweptAt = now;
      this.#state.table.sweepKeys(now, SWEEP_MAX);
      this.#state.forgetBatches(this.#state.batches.keys());
    }
    this.#done(now);
  }

  #done(now: number): void {
    this.#dispatch.kick();
    this.#arm(now);
  }

  #arm(now: number): void {
    const { book } = this.#state;
    const next = book.deadlines.next();
    // What is ready leaves in a moment and is looked after from then on: one alarm covers both.
    const ready = book.hasReady("transactional") || book.hasReady("broadcast");
    const packed = ready ? now + this.#deps.packStaleMs : null;
    this.#alarm.arm(next === null || packed === null ? next : Math.min(next, packed), now);
  }
}
