/**
 * The lane consumer: plan -> claim what starts now -> send -> settle, with a bounded number of
 * sends in flight. It never throws: every message is acked or retried, and a pack is only a hint,
 * so a consumer that dies loses nothing.
 */

import { type Coalescer, createCoalescer } from "../core/coalesce.ts";
import {
  type Claimed,
  type ClaimRef,
  type Content,
  type Head,
  type Pack,
  type SettleRequest,
  type ShardRef,
  shardName,
} from "../core/custody.ts";
import type { OfferItem } from "../core/pace.ts";
import { leaseNeededMs } from "../core/unit.ts";
import type { Outcome } from "../providers/provider.ts";
import { attempt, outgoing, settlementOf } from "./attempt.ts";
import { defer, type Planned, plan } from "./plan.ts";
import type { LaneDeps, LaneMessage } from "./ports.ts";
import { createSlots } from "./slots.ts";

/**
 * An Outbox that cannot be asked is asked again after this long; it packs again by itself anyway.
 */
const RETRY_DELAY_S = 5;

/** Mail whose claim could not be made is offered again after this long. */
const CLAIM_WAIT_MS = 1_000;

/** Outcomes in one settle: small groups, so that little is in doubt when a consumer dies. */
const SETTLE_MAX = 32;

/** Leases of slow sends are renewed when this part of them is over. */
const RENEW_AFTER = 1 / 3;

/** Storage that does not answer is a failure before sending: the next try has its own backoff. */
const CONTENT_UNAVAILABLE: Outcome = {
  kind: "failed",
  fault: "provider",
  retryable: true,
  code: "content_unavailable",
  text: "the content could not be read from storage",
};

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

interface Started {
  readonly planned: Planned;
  readonly claimed: Claimed;
}

/** One run through planned messages: claims in groups as slots come free. */
function createRun(planned: readonly Planned[], deps: LaneDeps) {
  const slots = createSlots();
  const settlers = new Map<string, Coalescer<SettleRequest, void>>();
  const inFlight = new Map<string, Started>();
  const sends = new Set<Promise<void>>();
  /** Claims under way and sends without an outcome: what the limit bounds. */
  let busy = 0;
  let wake: () => void = () => {};

  function free(count: number): void {
    busy -= count;
    wake();
  }

  function settlerOf(ref: ShardRef): Coalescer<SettleRequest, void> {
    const key = shardName(ref);
    let settler = settlers.get(key);
    if (settler === undefined) {
      settler = createCoalescer({ maxItems: SETTLE_MAX, flush: (items) => settle(ref, items) });
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
        const room = deps.sendsInFlight - busy;
        if (room <= 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        const group = planned.slice(next, next + room);
        next += group.length;
        busy += group.length;
        await start(group);
      }
      await Promise.all(sends);
    } finally {
      clearInterval(renewing);
    }
  }

  /** Claims a group, shard by shard, and starts the sends of what was claimed. */
  async function start(group: readonly Planned[]): Promise<void> {
    const byShard = Map.groupBy(group, (one) => shardName(one.ref));
    await Promise.all(
      [...byShard.values()].map(async (mine) => {
        const ref = mine[0]?.ref;
        if (ref === undefined) return;
        const claimed = await claim(ref, mine);
        const byId = new Map(claimed.map((one) => [one.id, one]));
        const unused = mine.filter((one) => !byId.has(one.id));
        free(unused.length);
        for (const one of mine) {
          const mineNow = byId.get(one.id);
          if (mineNow !== undefined) launch({ planned: one, claimed: mineNow });
        }
        await refund(unused);
      }),
    );
  }

  /** An Outbox that does not answer gets the mail back; what it did claim ends with its lease. */
  async function claim(ref: ShardRef, mine: readonly Planned[]): Promise<Claimed[]> {
    try {
      return await deps.outbox(ref).claim(mine.map((one) => one.request));
    } catch (error) {
      deps.log("claim_failed", { reason: String(error), count: mine.length });
      const notBefore = deps.now() + CLAIM_WAIT_MS;
      await defer(
        mine.map(({ id }) => ({ ref, id, notBefore })),
        deps,
      );
      return [];
    }
  }

  /** A grant that was not used goes back to its source. */
  async function refund(unused: readonly Planned[]): Promise<void> {
    for (const [source, group] of Map.groupBy(unused, (one) => one.source)) {
      if (source !== null) await tell(source, { refunds: group.map((one) => one.offer) });
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

  function launch(started: Started): void {
    inFlight.set(started.claimed.token, started);
    const sending = send(started)
      .catch((error: unknown) => {
        // The lease runs out and the Outbox takes the message up again as unknown.
        deps.log("outcome_unsettled", { reason: String(error) });
      })
      .finally(() => {
        inFlight.delete(started.claimed.token);
        sends.delete(sending);
      });
    sends.add(sending);
  }

  async function send({
    planned: { ref, id, head, source, offer },
    claimed,
  }: Started): Promise<void> {
    const outcome = await outcomeOf(ref, head, source, claimed).finally(() => free(1));
    if (outcome === null) {
      await deps.outbox(ref).release([{ id, token: claimed.token }]);
      if (source !== null) await tell(source, { refunds: [offer] });
      return;
    }
    if (outcome.kind === "throttled" && source !== null) {
      await tell(source, { throttledUntil: deps.now() + outcome.retryAfterMs });
    }
    const settlement = settlementOf(outcome, head);
    await settlerOf(ref).add({ id, token: claimed.token, outcome: settlement });
  }

  /** Null when the claim came too late to be used: then nothing was sent. */
  async function outcomeOf(
    ref: ShardRef,
    head: Head,
    source: string | null,
    claimed: Claimed,
  ): Promise<Outcome | null> {
    const provider = deps.provider(source ?? "");
    if (provider === null) return null;
    const content = await contentOf(claimed);
    if (content === null) return CONTENT_UNAVAILABLE;
    if (claimed.leaseUntil - deps.now() < leaseNeededMs(provider.timeLimitMs)) return null;
    const message = outgoing(ref.account, head, claimed, content);
    return slots.run(provider.timeLimitMs, (signal) =>
      attempt(provider, message, { fetch: deps.fetch, now: deps.now, signal }),
    );
  }

  async function contentOf({ content }: Claimed): Promise<Content | null> {
    try {
      if ("inline" in content) return JSON.parse(content.inline) as Content;
      const text = await deps.content(content.key);
      return text === null ? null : (JSON.parse(text) as Content);
    } catch (error) {
      deps.log("content_unavailable", { reason: String(error) });
      return null;
    }
  }

  async function renew(): Promise<void> {
    const soon = deps.now() + deps.leaseMs * (1 - RENEW_AFTER);
    const ageing = [...inFlight.values()].filter((one) => one.claimed.leaseUntil < soon);
    for (const [, group] of Map.groupBy(ageing, (one) => shardName(one.planned.ref))) {
      const ref = group[0]?.planned.ref;
      if (ref === undefined) continue;
      const claims: ClaimRef[] = group.map(({ claimed: { id, token } }) => ({ id, token }));
      // A renewal that fails leaves the lease to run out, which is safe: the outcome is then
      // unknown.
      await deps
        .outbox(ref)
        .renew(claims)
        .catch((error: unknown) => deps.log("renew_failed", { reason: String(error) }));
    }
  }

  return { done };
}
