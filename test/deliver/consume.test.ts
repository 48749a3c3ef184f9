import { describe, expect, test } from "vitest";
import type { Claimed, ClaimRequest, JournalBody, SettleRequest } from "../../src/core/custody.ts";
import type { OfferItem } from "../../src/core/pace.ts";
import { consumeLane } from "../../src/deliver/consume.ts";
import type { LaneDeps, LaneMessage, SourcePort } from "../../src/deliver/ports.ts";
import type { Outcome, OutgoingMessage } from "../../src/providers/provider.ts";
import { addressee, claimOf, headOf, PLAIN, UNLINKED } from "./messages.ts";

const NOW = 1_000;
const NEW = { frozenSource: null, batch: null, fresh: true, onUnknown: "retry" } as const;
const accepted: Outcome = { kind: "accepted", providerMessageId: "p1", refused: [] };

/** A lane's world: `count` messages in one Outbox, one source, and what happened to them. */
function lane(count: number, given: Partial<LaneDeps> = {}, claim: Partial<Claimed> = {}) {
  const head = JSON.stringify(headOf([addressee("to", "ann"), addressee("to", "bob")]));
  const ids = Array.from({ length: count }, (_, n) => `m${n}`);
  const sent: OutgoingMessage[] = [];
  const settled: SettleRequest[] = [];
  const claims: ClaimRequest[] = [];
  const released: string[] = [];
  const journaled: JournalBody[] = [];
  const refunds: unknown[] = [];
  const world = { outcome: accepted as Outcome, inFlight: 0, mostInFlight: 0, sourceFails: false };
  const deps: LaneDeps = {
    now: () => NOW,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    fetch,
    sendsInFlight: 8,
    leaseMs: 60_000,
    suppressionMs: 20,
    outbox: () => ({
      peek: async (pack) => pack.ids.map((id) => ({ id, head, numbers: [0, 1], ...NEW })),
      claim: async (requests) => {
        claims.push(...requests);
        return requests
          .filter((one) => one.attempt !== null)
          .map(({ id }) => claimOf([0, 1], { id, token: `t-${id}`, ...claim }));
      },
      settle: async (requests) => void settled.push(...requests),
      release: async (all) => void released.push(...all.map((one) => one.id)),
      renew: async () => {},
      defer: async () => {},
    }),
    source: () => ({
      offer: async (items) => items.map(() => ({ granted: true })),
      settle: async (what) => {
        if (world.sourceFails) throw new Error("the Source is gone");
        refunds.push(...what.refunds);
      },
    }),
    provider: () => ({
      capabilities: PLAIN,
      timeLimitMs: 1_000,
      send: async (message) => {
        world.inFlight += 1;
        world.mostInFlight = Math.max(world.mostInFlight, world.inFlight);
        await new Promise((resolve) => setTimeout(resolve, 1));
        world.inFlight -= 1;
        sent.push(message);
        return world.outcome;
      },
    }),
    sourcesFor: () => ["s1"],
    suppressed: async () => [],
    snapshot: async () => null,
    databaseRest: { until: 0 },
    guarded: async () => new Map(),
    slowPerMinute: { transactional: 600, broadcast: 50 },
    content: async () => null,
    links: UNLINKED,
    journal: async (body) => void journaled.push(body),
    log: () => {},
    ...given,
  };
  const done = { acked: 0, retried: 0 };
  const message: LaneMessage = {
    body: { v: 1, account: "acme", shard: 0, ids, generation: 1 },
    attempts: 1,
    ack() {
      done.acked += 1;
    },
    retry() {
      done.retried += 1;
    },
  };
  const run = () => consumeLane([message], deps);
  return { deps, world, run, done, sent, settled, claims, released, journaled, refunds };
}

describe("a pack", () => {
  test("is sent, settled and acked: one provider call and one outcome each", async () => {
    const { run, done, sent, settled } = lane(20);
    await run();
    expect(sent.map((one) => one.id).sort()).toEqual(settled.map((one) => one.id).sort());
    expect(settled).toHaveLength(20);
    expect(settled[0]).toMatchObject({ token: "t-m0", outcome: { kind: "accepted" } });
    expect(done).toEqual({ acked: 1, retried: 0 });
  });

  test("never has more sends in flight than the limit", async () => {
    const { run, world, sent } = lane(50);
    await run();
    expect(world.mostInFlight).toBe(8);
    expect(sent).toHaveLength(50);
  });

  test("that is none is acked and costs nothing else", async () => {
    const { deps } = lane(1);
    let acked = 0;
    const ack = () => {
      acked += 1;
    };
    const bodies = [null, 5, "pack", {}, { v: 2 }, { v: 1, account: "a", shard: 0, ids: "m" }];
    await consumeLane(
      bodies.map((body) => ({ body, attempts: 1, ack, retry: () => {} })),
      deps,
    );
    expect(acked).toBe(bodies.length);
  });
});

describe("what was certainly not sent is never an unknown", () => {
  test("content that storage does not hold, or does not answer for", async () => {
    const readers: LaneDeps["content"][] = [
      async () => null,
      () => Promise.reject(new Error("storage is down")),
      async () => "{ not JSON",
    ];
    for (const content of readers) {
      const { run, sent, settled } = lane(1, { content }, { content: { key: "content/m0" } });
      await run();
      expect(sent).toEqual([]);
      expect(settled).toMatchObject([{ outcome: { kind: "failed", retryable: true } }]);
    }
  });

  test("a provider's throttle, when the Source cannot be told of it", async () => {
    const { run, world, settled } = lane(1);
    world.outcome = { kind: "throttled", retryAfterMs: 9, text: "slow" };
    world.sourceFails = true;
    await run();
    expect(settled).toMatchObject([{ outcome: { kind: "throttled" } }]);
  });

  test("a claim whose lease is nearly over: it is released, and its grant given back", async () => {
    const { run, sent, released, refunds } = lane(2, {}, { leaseUntil: NOW + 1_500 });
    await run();
    expect(sent).toEqual([]);
    expect(released.sort()).toEqual(["m0", "m1"]);
    expect(refunds).toHaveLength(2);
  });
});

describe("a call of several", () => {
  const window = { deduplicatesForMs: 60_000 };
  const batch = { messagesMax: 100, ...window, sharesContent: false };
  const provider: LaneDeps["provider"] = () => ({
    capabilities: { ...PLAIN, ...window, batch },
    timeLimitMs: 1_000,
    send: () => Promise.reject(new Error("sent alone")),
    sendBatch: async (messages) => messages.map(() => accepted),
  });
  const sum = (all: readonly unknown[]) =>
    (all as readonly OfferItem[]).reduce((calls, one) => calls + one.calls, 0);

  test("is settled in one piece: no part of it is known without the others", async () => {
    const groups: number[] = [];
    const { outbox } = lane(1, {}, { batch: "k1" }).deps;
    const given = {
      ...outbox({ account: "acme", shard: 0 }),
      settle: async (requests: readonly SettleRequest[]) => void groups.push(requests.length),
    };
    await lane(100, { provider, outbox: () => given }).run();
    expect(groups).toEqual([100]);
  });

  test("gives back exactly what was granted and not used", async () => {
    const granted: OfferItem[] = [];
    // Leave for every other one; of those that have it, the first is claimed, and then too late.
    const offer = async (items: readonly OfferItem[]) =>
      items.map((item, index) => {
        if (index % 2 === 1) return { granted: false as const, notBefore: NOW + 1 };
        granted.push(item);
        return { granted: true as const };
      });
    const base = lane(1).deps;
    const returned: OfferItem[] = [];
    const settle: SourcePort["settle"] = async ({ refunds }) => void returned.push(...refunds);
    const given = {
      ...base.outbox({ account: "acme", shard: 0 }),
      claim: async (requests: readonly ClaimRequest[]) =>
        requests.slice(0, 2).map(({ id }) => {
          return claimOf([0, 1], { id, token: `t-${id}`, batch: "k1", leaseUntil: NOW + 1_500 });
        }),
    };
    const source = () => ({ offer, settle });
    await lane(10, { provider, source, outbox: () => given }).run();
    expect(granted).toHaveLength(5);
    expect(returned).toHaveLength(5);
    expect(sum(returned)).toBeCloseTo(sum(granted));
  });
});

describe("a part that fails", () => {
  const outbox = (given: object) => {
    const base = lane(1).deps.outbox({ account: "acme", shard: 0 });
    return { outbox: () => ({ ...base, ...given }) };
  };
  const broken = () => Promise.reject(new Error("gone"));

  test("an outcome that cannot be settled travels by the journal with its token", async () => {
    const { run, done, journaled } = lane(1, outbox({ settle: broken }));
    await run();
    expect(journaled).toMatchObject([
      { kind: "settle", account: "acme", shard: 0, settlements: [{ id: "m0", token: "t-m0" }] },
    ]);
    expect(done).toEqual({ acked: 1, retried: 0 });
  });

  test("a pack that cannot be read comes again; one that cannot be claimed is done", async () => {
    for (const [given, retried] of [
      [{ peek: broken }, 1],
      [{ claim: broken }, 0],
    ] as const) {
      const { run, done, sent } = lane(1, outbox(given));
      await run();
      expect(done).toEqual({ acked: 1 - retried, retried });
      expect(sent).toEqual([]);
    }
  });

  test("an adapter that throws leaves an ambiguous outcome", async () => {
    const provider = lane(1).deps.provider("s1");
    if (provider === null) throw new Error("there is a provider");
    const send = () => Promise.reject(new TypeError("broken"));
    const { run, settled } = lane(1, { provider: () => ({ ...provider, send }) });
    await run();
    expect(settled).toMatchObject([{ outcome: { kind: "ambiguous" } }]);
  });
});
