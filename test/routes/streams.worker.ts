import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { Client, email, pause, refused } from "../support/worker/client.ts";

let client: Client;
beforeAll(async () => {
  client = await Client.make({ account: "wide" });
});

const set = async (stream: string, verb: "pause" | "resume", who = client): Promise<unknown> => {
  const response = await who.post(`/streams/${stream}/${verb}`, "");
  expect(response.status).toBe(200);
  return response.json();
};
const states = async (ids: readonly string[]): Promise<string[]> =>
  Promise.all(ids.map(async (id) => (await client.read(id)).recipients[0]?.state ?? ""));
const many = (count: number, given: object): object[] =>
  Array.from({ length: count }, () => email(given as Record<string, unknown>));

describe("a paused stream", () => {
  test("is answered with its name and what it is now", async () => {
    const paused = { object: "stream", name: "plain", paused: true };
    expect(await set("plain", "pause")).toEqual(paused);
    expect(await set("plain", "pause")).toEqual(paused);
    expect(await set("plain", "resume")).toEqual({ ...paused, paused: false });
  });

  test("is paused in every shard before it is answered: nothing of it is sent after", async () => {
    await set("plain", "pause");
    // One request picks one shard, so that many requests reach all four.
    const ids = await Promise.all(many(24, {}).map(() => client.send({ stream: "plain" })));
    await pause(700);
    expect(new Set(await states(ids))).toEqual(new Set(["pending"]));
    const world = await client.acceptances();
    for (const id of ids) expect(world).not.toHaveProperty(id);
    const { shards } = (await client.ledger()) as unknown as { shards: { open: number }[] };
    expect(shards.filter((shard) => shard.open > 0).length).toBe(4);

    await set("plain", "resume");
    for (const id of ids) await client.when(id, "delivered");
    const after = await client.acceptances();
    for (const id of ids) expect(after[id]).toBe(1);
  });

  test("holds up no other stream of its lane, nor the same one of live mode", async () => {
    await set("plain", "pause");
    const live = await Client.make({ account: "wide", mode: "live" });
    const [held, other, lives] = await Promise.all([
      client.send({ stream: "plain" }),
      client.send(),
      live.send({ stream: "plain" }),
    ]);
    await client.when(other, "delivered");
    await live.when(lives, "delivered");
    expect(await states([held])).toEqual(["pending"]);
    await set("plain", "resume");
    await client.when(held, "delivered");
  });

  test("is still paused when its Outbox starts anew", async () => {
    const limited = await Client.make({ account: "other" });
    await set("plain", "pause", limited);
    const id = await limited.send({ stream: "plain" });
    await evictDurableObject(env.OUTBOX.getByName(`${limited.scope}/0`));
    // Reading wakes it; what it then took up would be sent within moments.
    await limited.read(id);
    await pause(700);
    expect((await limited.read(id)).recipients[0]?.state).toBe("pending");
    await set("plain", "resume", limited);
    await limited.when(id, "delivered");
  });

  test("lets its mail expire, and says so", async () => {
    await set("plain", "pause");
    const expires_at = new Date(Date.now() + 900).toISOString();
    const id = await client.send({ stream: "plain", expires_at });
    const read = await client.when(id, "expired");
    expect(read.last_event).toBe("expired");
    expect(read.timeline.map((entry) => entry.type)).toEqual(["accepted", "expired"]);
    await set("plain", "resume");
    await client.quiet();
    expect(await client.acceptances()).not.toHaveProperty(id);
  });
});

test("a stream that is not there cannot be paused", async () => {
  for (const name of ["news", "constructor", "__proto__"]) {
    const response = await client.post(`/streams/${name}/pause`, "");
    await refused(response, 404, "not_found", /no stream/);
  }
});
