/**
 * One Outbox in virtual time, with the consumers that call it and the provider behind them. Every
 * call of a consumer may come late, twice, in part or never; the provider keeps what it was given
 * under each key, byte for byte, and how often it accepted each message.
 */
import type { Claimed, Peeked } from "../../../src/core/custody.ts";
import { BATCH_REFUSED, leaseNeededMs, type OnUnknown } from "../../../src/core/unit.ts";
import { type Call, callsOf, claimsOf, requestsOf } from "../../../src/deliver/calls.ts";
import type { Planned } from "../../../src/deliver/plan.ts";
import { OutboxObject } from "../../../src/objects/outbox/outbox.ts";
import type { OutboxDeps } from "../../../src/objects/outbox/state.ts";
import type { Outcome, Provider } from "../../../src/providers/provider.ts";
import { addressee, headOf, PLAIN } from "../../deliver/messages.ts";

export const START = 1_900_000_000_000;
export const HOUR_MS = 3_600_000;
export const WINDOW_MS = 24 * HOUR_MS;
export const LEASE_MS = 45_000;
const TIME_LIMIT_MS = 10_000;
/** Broadcasts may wait for longer than a provider remembers a key. */
const EXPIRES_MS = 72 * HOUR_MS;
const SOURCE = "s1";
const STREAM = "news";
const IDS = Array.from({ length: 5 }, (_, n) => `m${n}`);

/** What a provider makes of a call. */
export type Answer =
  | "accepted"
  /** Accepted, and the answer does not come. */
  | "lost"
  /** Not accepted, and the answer does not come. */
  | "unreached"
  | "throttled"
  | "failed"
  | "whole_refused"
  /** The first message is refused for good, the others are accepted. */
  | "first_refused"
  /** All are accepted, and the answer does not name the last one. */
  | "last_unnamed";

export type Operation =
  | { readonly op: "pass"; readonly ms: number }
  | { readonly op: "peek"; readonly from: number; readonly count: number }
  | { readonly op: "claim"; readonly hand: number; readonly without: number }
  | { readonly op: "send"; readonly call: number; readonly answer: Answer }
  | { readonly op: "settle"; readonly call: number; readonly first: number }
  | { readonly op: "release"; readonly call: number }
  | { readonly op: "event"; readonly no: number }
  | { readonly op: "recorded" }
  | { readonly op: "pause"; readonly on: boolean }
  | { readonly op: "restart" };

interface InHand {
  readonly call: Call;
  readonly claims: ReturnType<typeof claimsOf>[number]["claims"];
  readonly leaseUntil: number;
  outcomes: readonly Outcome[] | null;
}

export interface WorldTerms {
  readonly onUnknown: OnUnknown;
  readonly deduplicates: boolean;
}

export class OutboxWorld {
  now = START;
  readonly accepted = new Map<string, number>();
  /** What broke a promise of the Outbox to the provider, in words. */
  readonly broken: string[] = [];
  readonly #terms: WorldTerms;
  readonly #ctx: DurableObjectState;
  readonly #provider: Provider;
  readonly #keys = new Map<string, { at: number; bytes: string; outcomes: readonly Outcome[] }>();
  readonly #hands: (readonly Peeked[])[] = [];
  #calls: InHand[] = [];
  #tokens = 0;
  #isPaused = false;
  outbox: OutboxObject<unknown>;

  constructor(ctx: DurableObjectState, terms: WorldTerms) {
    this.#ctx = ctx;
    this.#terms = terms;
    const deduplicatesForMs = terms.deduplicates ? WINDOW_MS : 0;
    const batch = { messagesMax: 10, deduplicatesForMs, sharesContent: false };
    this.#provider = {
      capabilities: { ...PLAIN, deduplicatesForMs, batch },
      timeLimitMs: TIME_LIMIT_MS,
      send: () => Promise.reject(new Error("the world sends by itself")),
    };
    this.outbox = this.#start();
    for (const table of ["unit", "batch", "pause", "book", "idempotency"]) {
      ctx.storage.sql.exec(`DELETE FROM ${table}`);
    }
    this.outbox = this.#start();
    this.#accept();
  }

  #start(): OutboxObject<unknown> {
    const nothing = async (): Promise<void> => {};
    const deps: OutboxDeps = {
      now: () => this.now,
      random: () => 0.5,
      token: () => `t${this.#tokens++}`,
      sleep: nothing,
      leaseMs: LEASE_MS,
      packStaleMs: 30_000,
      rejournalMs: 30_000,
      sendPacks: nothing,
      sendJournal: nothing,
      deleteContent: nothing,
      log: () => {},
    };
    return new OutboxObject(this.#ctx, {}, deps);
  }

  #accept(): void {
    const head = JSON.stringify(headOf([addressee("to", "ann")], { stream: STREAM }));
    const units = IDS.map((id) => ({
      id,
      lane: "broadcast" as const,
      stream: STREAM,
      count: 1,
      createdAt: this.now,
      expires: this.now + EXPIRES_MS,
      onUnknown: this.#terms.onUnknown,
      graceMs: 20_000,
      head,
      content: { inline: "{}" },
    }));
    this.outbox.accept({ units, response: "", idempotency: null });
  }

  run(operation: Operation): void {
    if (operation.op === "pass") this.pass(operation.ms);
    if (operation.op === "peek") this.#peek(operation.from, operation.count);
    if (operation.op === "claim") this.#claim(operation.hand, operation.without);
    if (operation.op === "send") this.#send(operation.call, operation.answer);
    if (operation.op === "settle") this.#settle(operation.call, operation.first);
    if (operation.op === "release") this.#release(operation.call);
    if (operation.op === "event") this.#event(IDS[operation.no] ?? "");
    if (operation.op === "recorded") this.#recorded();
    if (operation.op === "pause") this.#pause(operation.on);
    if (operation.op === "restart") this.outbox = this.#start();
  }

  /** Time goes on, and the object wakes at the end of it. */
  pass(ms: number): void {
    this.now += ms;
    this.outbox.touch();
  }

  /** The messages still here, as they stand. */
  stored() {
    return IDS.flatMap((id) => this.outbox.read(id) ?? []);
  }

  /** Keys of remembered calls. */
  remembered(): number {
    return this.#ctx.storage.sql.exec("SELECT key FROM batch").toArray().length;
  }

  #pause(on: boolean): void {
    this.#isPaused = on;
    this.outbox.setPaused(STREAM, on);
  }

  #peek(from: number, count: number): void {
    const peeked = this.outbox.peek({ ids: IDS.slice(from, from + count), generation: 0 });
    if (this.#isPaused && peeked.length > 0) this.broken.push("paused mail was offered");
    if (peeked.length > 0) this.#hands.push(peeked);
  }

  #planned(peeked: Peeked): Planned {
    const source = peeked.frozenSource ?? SOURCE;
    const { deduplicatesForMs } = this.#provider.capabilities;
    const attempt = { source, deduplicatesForMs, group: null };
    return {
      ref: { account: "acme", shard: 0 },
      id: peeked.id,
      head: JSON.parse(peeked.head),
      peeked,
      sites: {},
      request: { id: peeked.id, suppressed: [], attempt },
      source,
      slow: [],
      taken: null,
    };
  }

  /** A hand may be claimed twice: a queue delivers twice, and consumers outlive their leases. */
  #claim(at: number, without: number): void {
    const hand = this.#hands.at(at);
    if (hand === undefined) return;
    const planned = hand.filter((_, index) => index !== without).map((one) => this.#planned(one));
    const calls = callsOf(planned, () => this.#provider);
    const claimed = this.outbox.claim(calls.flatMap(requestsOf));
    if (this.#isPaused && claimed.length > 0) this.broken.push("paused mail was claimed");
    const byId = new Map(claimed.map((one) => [one.id, one]));
    for (const call of calls) {
      for (const { call: mine, claims } of claimsOf(call, byId, claimed)) {
        const leaseUntil = Math.min(...claims.map((one) => one.claimed.leaseUntil));
        this.#calls.push({ call: mine, claims, leaseUntil, outcomes: null });
      }
    }
  }

  #pick(at: number): InHand | undefined {
    return this.#calls.at(at);
  }

  /** Answers a call once, under a lease that is long enough. */
  #send(at: number, answer: Answer): void {
    const call = this.#pick(at);
    if (call === undefined || call.outcomes !== null) return;
    if (call.leaseUntil - this.now < leaseNeededMs(TIME_LIMIT_MS)) return;
    const claimed = call.claims.map((one) => one.claimed);
    const key = claimed[0]?.batch ?? claimed[0]?.id ?? "";
    const bytes = JSON.stringify(claimed.map(({ id, numbers }) => [id, numbers]));
    const known = this.#terms.deduplicates ? this.#keys.get(key) : undefined;
    if (known !== undefined && known.at + WINDOW_MS > this.now) {
      if (known.bytes !== bytes) this.broken.push(`other bytes under ${key}: ${bytes}`);
      const all = known.outcomes;
      call.outcomes = answer === "lost" || answer === "unreached" ? all.map(() => LOST) : all;
      return;
    }
    call.outcomes = this.#answered(claimed, answer);
    const took = this.#taken(claimed, answer);
    for (const { id } of took) this.accepted.set(id, (this.accepted.get(id) ?? 0) + 1);
    if (took.length > 0) {
      const outcomes = answer === "lost" ? claimed.map(() => ACCEPTED) : call.outcomes;
      this.#keys.set(key, { at: this.now, bytes, outcomes });
    }
  }

  #taken(claimed: readonly Claimed[], answer: Answer): readonly Claimed[] {
    if (answer === "first_refused") return claimed.slice(1);
    return ["accepted", "lost", "last_unnamed"].includes(answer) ? claimed : [];
  }

  #answered(claimed: readonly Claimed[], answer: Answer): Outcome[] {
    return claimed.map((_, index): Outcome => {
      if (answer === "first_refused" && index === 0) return REFUSED;
      if (answer === "last_unnamed" && index === claimed.length - 1) return LOST;
      if (answer === "whole_refused" && claimed.length === 1) return REFUSED;
      return OUTCOMES[answer];
    });
  }

  /** Outcomes may be told in part: the first of them, or all. */
  #settle(at: number, first: number): void {
    const call = this.#pick(at);
    const { outcomes } = call ?? { outcomes: null };
    if (call === undefined || outcomes === null) return;
    const all = call.claims.flatMap(({ claimed: { id, token } }, index) => {
      const outcome = outcomes[index];
      if (token === "" || outcome === undefined) return [];
      return [{ id, token, outcome: outcome as never }];
    });
    this.outbox.settle(all.slice(0, first));
  }

  #release(at: number): void {
    const call = this.#pick(at);
    if (call === undefined || call.outcomes !== null) return;
    this.#calls = this.#calls.filter((one) => one !== call);
    this.outbox.release(call.claims.map(({ claimed: { id, token } }) => ({ id, token })));
  }

  #event(id: string): void {
    if (!this.accepted.has(id)) return;
    const proved = [{ no: 0, state: "delivered" as const, at: this.now }];
    void this.outbox.confirm([{ id, rev: 0, proved }]);
  }

  #recorded(): void {
    const all = this.stored().map(({ id, rev }) => ({ id, rev, proved: [] }));
    void this.outbox.confirm(all);
  }
}

const LOST: Outcome = { kind: "ambiguous", reason: "time_limit" };
const ACCEPTED: Outcome = { kind: "accepted", providerMessageId: "p", refused: [] };
const REFUSED: Outcome = { kind: "rejected", fault: "content", code: "refused", text: "" };
const failure = (code: string): Outcome =>
  ({ kind: "failed", fault: "provider", retryable: true, code, text: "" }) as const;

const OUTCOMES: Readonly<Record<Answer, Outcome>> = {
  accepted: ACCEPTED,
  lost: LOST,
  unreached: LOST,
  throttled: { kind: "throttled", retryAfterMs: HOUR_MS, text: "" },
  failed: failure("http_503"),
  whole_refused: failure(BATCH_REFUSED),
  first_refused: ACCEPTED,
  last_unnamed: ACCEPTED,
};
