import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { ClaimRequest, OutboxPort, ShardRef } from "../../src/core/custody.ts";
import { consumeLane } from "../../src/deliver/consume.ts";
import type { LaneDeps, LaneMessage, SourcePort } from "../../src/deliver/ports.ts";
import { laneServices, tendSuppressions } from "../../src/services.ts";
import { Client } from "../support/worker/client.ts";
import { suppressed } from "../support/worker/suppression.ts";

let client: Client;
beforeAll(async () => {
  client = await Client.make();
});

const statesOf = async (id: string): Promise<string[]> =>
  (await client.when(id, "delivered", "suppressed")).recipients.map((one) => one.state);

describe.concurrent("a suppressed recipient", () => {
  test("is left out with its reason, and the others are written to", async () => {
    await suppressed(client.scope, "one@a.example", { complainedAt: 1 });
    const id = await client.send({ to: ["one@a.example", "two@a.example"] });
    expect(await statesOf(id)).toEqual(["suppressed", "delivered"]);
    const { timeline } = await client.read(id);
    expect(timeline.find((entry) => entry.type === "suppressed")).toMatchObject({
      recipient: "one@a.example",
      code: "complaint",
    });
  });

  test("is known in other capitals too", async () => {
    await suppressed(client.scope, "capitals@a.example");
    const id = await client.send({ to: "Somebody <Capitals@A.Example>" });
    expect(await statesOf(id)).toEqual(["suppressed"]);
  });

  test("who was the only one means that no provider is called", async () => {
    await suppressed(client.scope, "alone@a.example");
    const id = await client.send({ to: "alone@a.example" });
    const read = await client.when(id, "suppressed");
    expect(read.last_event).toBe("suppressed");
    expect(await client.acceptances()).not.toHaveProperty(id);
  });

  test("of another stream is written to in this one", async () => {
    await suppressed(client.scope, "news@a.example", { stream: "broadcast", unsubscribedAt: 1 });
    const id = await client.send({ to: "news@a.example" });
    expect(await statesOf(id)).toEqual(["delivered"]);
    const other = await client.send({ to: "news@a.example", stream: "broadcast" });
    expect(await statesOf(other)).toEqual(["suppressed"]);
  });

  test("whose time is over is written to again", async () => {
    await suppressed(client.scope, "past@a.example", { hardAt: 1 });
    expect(await statesOf(await client.send({ to: "past@a.example" }))).toEqual(["delivered"]);
  });

  test("of live mode is none in test mode", async () => {
    await suppressed("default", "live@a.example");
    expect(await statesOf(await client.send({ to: "live@a.example" }))).toEqual(["delivered"]);
  });
});

describe("a database that cannot say who is suppressed", () => {
  const slow = () => new Promise<never>(() => {});
  const down = () => Promise.reject(new Error("D1 DB is overloaded"));

  /**
   * Hands a real message to a consumer whose database fails. Its stream is paused, so that the
   * Worker's own consumer leaves it alone and nothing that is offered is claimed.
   */
  async function consumed(stream: string, failing: LaneDeps["suppressed"], fields = {}) {
    await client.post(`/streams/${stream}/pause`, "");
    const id = await client.send({ stream, ...fields });
    const unit = await env.OUTBOX.getByName(`${client.scope}/0`).read(id);
    if (unit === null) throw new Error("the Outbox has it");
    const deps = laneServices(env);
    const claims: ClaimRequest[] = [];
    const seen = {
      claims,
      offered: 0,
      deferred: [] as { id: string; notBefore: number }[],
      acked: 0,
    };
    const fresh = { frozenSource: null, batch: null, fresh: true, onUnknown: "retry" } as const;
    const numbers = unit.recipients.map((_, no) => no);
    const peeked = { id, head: unit.head, numbers, ...fresh };
    const port = (ref: ShardRef): OutboxPort => {
      const outbox = deps.outbox(ref);
      return {
        peek: async () => [peeked],
        claim: (requests) => {
          seen.claims.push(...requests);
          return outbox.claim(requests);
        },
        settle: (requests) => outbox.settle(requests),
        release: (claims) => outbox.release(claims),
        renew: (claims) => outbox.renew(claims),
        defer: async (waits) => {
          seen.deferred.push(...waits);
        },
      };
    };
    const source = (name: string): SourcePort => ({
      offer: (items) => {
        seen.offered += items.length;
        return deps.source(name).offer(items);
      },
      settle: (what) => deps.source(name).settle(what),
    });
    const message: LaneMessage = {
      body: { v: 1, account: client.scope, shard: 0, ids: [id], generation: 1 },
      attempts: 1,
      ack() {
        seen.acked += 1;
      },
      retry() {},
    };
    const failed = { suppressed: failing, databaseRest: { until: 0 } };
    await consumeLane([message], { ...deps, ...failed, outbox: port, source });
    return { id, ...seen };
  }

  test.each([
    ["slow", slow],
    ["down", down],
  ])("transactional mail goes on to its source: it is %s", async (_what, failing) => {
    const { offered, deferred, acked } = await consumed("transactional", failing);
    expect([offered, deferred, acked]).toEqual([1, [], 1]);
  });

  test.each([
    ["slow", slow],
    ["down", down],
  ])("broadcasts wait in their Outbox: it is %s", async (_what, failing) => {
    const { id, offered, deferred, acked } = await consumed("broadcast", failing);
    expect([offered, acked]).toEqual([0, 1]);
    expect(deferred.map((one) => one.id)).toEqual([id]);
    expect(deferred[0]?.notBefore).toBeGreaterThan(Date.now() + 5_000);
  });

  test("transactional mail goes by the snapshot that the cron wrote, others are sent", async () => {
    await suppressed(client.scope, "snapshot@a.example");
    await suppressed(client.scope, "soft@a.example", { soft: { m1: Date.now() } });
    await tendSuppressions(env);
    const to = ["snapshot@a.example", "soft@a.example", "other@a.example"];
    const { claims, offered } = await consumed("transactional", slow, { to });
    expect(claims.map((one) => one.suppressed)).toEqual([[{ no: 0, code: "suppressed" }]]);
    expect(offered).toBe(1);
  });
});
