/**
 * The lane consumer: plan -> claim what starts now -> send -> settle, with a bounded number of
 * sends in flight. It never throws: every message is acked or retried, and a pack is only a hint,
 * so a consumer that dies loses nothing.
 */

import { type Coalescer, createCoalescer } from "../core/coalesce.ts";
import {
  type Claimed,
  type ClaimRef,
  type ClaimRequest,
  type Pack,
  type SettleRequest,
  type ShardRef,
  shardName,
} from "../core/custody.ts";
import type { OfferItem } from "../core/pace.ts";
import type { Outcome } from "../providers/provider.ts";
import { settlementOf } from "./attempt.ts";
import { type Call, claimsOf, requestsOf } from "./calls.ts";
import { defer, type Planned, plan } from "./plan.ts";
import type { LaneDeps, LaneMessage } from "./ports.ts";
import { type Claim, sendCall } from "./send.ts";
import { createSlots } from "./slots.ts";

/**
 * An Outbox that cannot be asked is asked again after this long; it packs again by itself anyway.
 */
const RETRY_DELAY_S = 5;

/** Mail whose claim could not be made is offered again after this long. */
const CLAIM_WAIT_MS = 1_000;

/**
 * Outcomes in one settle: small groups, so that little is in doubt when a consumer dies. Those of
 * one call stay together, however many: it can only be repeated as a whole.
 */
const SETTLE_MAX = 32;

/** Leases of slow sends are renewed when this part of them is over. */
const RENEW_AFTER = 1 / 3;

/**
 * Messages of a shared call that count as one send in flight: a call of a hundred takes ten of
 * them, so that what is in memory at a time stays bounded.
 */
const MESSAGES_PER_SLOT = 10;

/** Handles one batch of a lane queue. */
export async function consumeLane(messages: readonly LaneMessage[], deps: LaneDeps): Promise<void> {
  const packs = new Map<Pack, LaneMessage>();
  for (const message of messages) {
    if (isPack(message.body)) packs.set(message.body, message);
    else deps.log("pack_malformed", { keys: Object.keys(Object(message.body)).length });
  }
  const again = new Set<LaneMessage | undefined>();
  try {
    const { granted, unread } = await plan([...packs.keys()], deps);
    for (const pack of unread) again.add(packs.get(pack));
    await createRun(granted, deps).done();
  } catch (error) {
    // What was not settled is the Outbox's to take up again, so the pack has done its part.
    deps.log("lane_failed", { reason: String(error), packs: packs.size });
  }
  for (const message of messages) {
    if (again.has(message)) message.retry({ delaySeconds: RETRY_DELAY_S });
    else message.ack();
  }
}

function isPack(body: unknown): body is Pack {
  const pack = body as Partial<Pack> | null;
  return (
    pack?.v === 1 &&
    typeof pack.account === "string" &&
    typeof pack.shard === "number" &&
    typeof pack.generation === "number" &&
    Array.isArray(pack.ids)
  );
}

/** A call that has been claimed: its open members, and what it takes to make it. */
interface Started {
  readonly ref: ShardRef;
  readonly source: string;
  readonly call: Call;
  readonly claims: readonly Claim[];
  readonly cost: number;
}

const costOf = (call: Call): number => Math.ceil(call.length / MESSAGES_PER_SLOT);

/** One run through planned calls: claims in groups as slots come free. */
function createRun(planned: readonly Call[], deps: LaneDeps) {
  const slots = createSlots();
  const settlers = new Map<string, Coalescer<SettleRequest[], void>>();
  const inFlight = new Set<Started>();
  const sends = new Set<Promise<void>>();
  /** Claims under way and sends without an outcome: what the limit bounds. */
  let busy = 0;
  let wake: () => void = () => {};

  function free(count: number): void {
    busy -= count;
    wake();
  }

  function settlerOf(ref: ShardRef): Coalescer<SettleRequest[], void> {
    const key = shardName(ref);
    let settler = settlers.get(key);
    if (settler === undefined) {
      settler = createCoalescer({
        maxItems: SETTLE_MAX,
        weigh: (outcomes) => outcomes.length,
        maxWeight: SETTLE_MAX,
        flush: (calls) => settle(ref, calls.flat()),
      });
      settlers.set(key, settler);
    }
    return settler;
  }

  /** Outcomes that cannot be delivered travel by the journal, with their tokens. */
  async function settle(ref: ShardRef, settlements: SettleRequest[]): Promise<void> {
    try {
      await deps.outbox(ref).settle(settlements);
    } catch (error) {
      deps.log("settle_by_journal", { reason: String(error), count: settlements.length });
      // One message each: 50 refusals with their reasons are a good part of what one holds.
      for (const settlement of settlements) {
        await deps.journal({ v: 1, kind: "settle", ...ref, settlements: [settlement] });
      }
    }
  }

  async function done(): Promise<void> {
    const renewing = setInterval(() => void renew(), deps.leaseMs * RENEW_AFTER);
    try {
      let next = 0;
      while (next < planned.length) {
        const group: Call[] = [];
        for (;;) {
          const call = planned[next];
          // A call that is larger than the limit goes when nothing else is in flight.
          const fits = call !== undefined && busy + costOf(call) <= deps.sendsInFlight;
          if (call === undefined || !(fits || busy === 0)) break;
          busy += costOf(call);
          group.push(call);
          next += 1;
        }
        if (group.length > 0) await start(group);
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
      await Promise.all(sends);
    } finally {
      clearInterval(renewing);
    }
  }

  /** Claims calls, shard by shard, and makes those that were claimed. */
  async function start(calls: readonly Call[]): Promise<void> {
    const byShard = Map.groupBy(calls, ([first]) => (first ? shardName(first.ref) : ""));
    await Promise.all(
      [...byShard.values()].map(async (mine) => {
        const ref = mine[0]?.[0]?.ref;
        if (ref === undefined) return;
        const claimed = await claim(ref, mine.flatMap(requestsOf));
        const byId = new Map(claimed.map((one) => [one.id, one]));
        for (const call of mine) {
          const started = claimsOf(call, byId, claimed);
          for (const one of started) launch(ref, one.call, one.claims);
          free(costOf(call) - started.reduce((sum, one) => sum + costOf(one.call), 0));
          const unused = call.filter((one) => !byId.has(one.id));
          await refund(unused);
        }
      }),
    );
  }

  /** An Outbox that does not answer gets the mail back; what it did claim ends with its lease. */
  async function claim(ref: ShardRef, requests: readonly ClaimRequest[]): Promise<Claimed[]> {
    try {
      return await deps.outbox(ref).claim(requests);
    } catch (error) {
      deps.log("claim_failed", { reason: String(error), count: requests.length });
      const notBefore = deps.now() + CLAIM_WAIT_MS;
      await defer(
        requests.map(({ id }) => ({ ref, id, notBefore })),
        deps,
      );
      return [];
    }
  }

  /** A grant that was not used goes back to its source. */
  async function refund(unused: readonly Planned[]): Promise<void> {
    for (const [source, group] of Map.groupBy(unused, (one) => one.source)) {
      if (source === null) continue;
      await tell(source, { refunds: group.flatMap((one) => one.taken ?? []) });
    }
  }

  async function tell(
    source: string,
    what: { refunds?: readonly OfferItem[]; throttledUntil?: number },
  ): Promise<void> {
    const { refunds = [], throttledUntil = null } = what;
    await deps
      .source(source)
      .settle({ refunds, throttledUntil })
      .catch((error: unknown) => deps.log("source_not_told", { reason: String(error), source }));
  }

  function launch(ref: ShardRef, call: Call, claims: readonly Claim[]): void {
    const started = { ref, source: call[0]?.source ?? "", call, claims, cost: costOf(call) };
    inFlight.add(started);
    const sending = send(started)
      .catch((error: unknown) => {
        // The lease runs out and the Outbox takes the message up again as unknown.
        deps.log("outcome_unsettled", { reason: String(error) });
      })
      .finally(() => {
        inFlight.delete(started);
        sends.delete(sending);
      });
    sends.add(sending);
  }

  async function send({ ref, source, call, claims, cost }: Started): Promise<void> {
    const outcomes = await sendCall(ref, source, claims, slots, deps).finally(() => free(cost));
    if (outcomes === null) {
      await deps.outbox(ref).release(refsOf(claims));
      await refund(call);
      return;
    }
    const waits = outcomes.flatMap((one) => (one.kind === "throttled" ? one.retryAfterMs : []));
    if (waits.length > 0 && source !== "") {
      await tell(source, { throttledUntil: deps.now() + Math.max(...waits) });
    }
    const settlements = claims.flatMap(({ head, claimed: { id, token } }, index) => {
      const outcome: Outcome | undefined = outcomes[index];
      if (outcome === undefined || token === "") return [];
      return { id, token, outcome: settlementOf(outcome, head) };
    });
    await settlerOf(ref).add(settlements);
  }

  async function renew(): Promise<void> {
    const soon = deps.now() + deps.leaseMs * (1 - RENEW_AFTER);
    const ageing = [...inFlight].filter(({ claims }) =>
      claims.some(({ claimed }) => claimed.leaseUntil < soon),
    );
    for (const [, group] of Map.groupBy(ageing, ({ ref }) => shardName(ref))) {
      const ref = group[0]?.ref;
      if (ref === undefined) continue;
      // A renewal that fails leaves the lease to run out, which is safe: the outcome is then
      // unknown.
      await deps
        .outbox(ref)
        .renew(group.flatMap(({ claims }) => refsOf(claims)))
        .catch((error: unknown) => deps.log("renew_failed", { reason: String(error) }));
    }
  }

  return { done };
}

const refsOf = (claims: readonly Claim[]): ClaimRef[] =>
  claims.flatMap(({ claimed: { id, token } }) => (token === "" ? [] : [{ id, token }]));
