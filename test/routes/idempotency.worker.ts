import { beforeAll, describe, expect, test } from "vitest";
import { Client, email, refused } from "../support/worker/client.ts";

let client: Client;
beforeAll(async () => {
  client = await Client.make();
});

const under = (key: string): Record<string, string> => ({ "idempotency-key": key });
const accepted = async (one: Client): Promise<number> => (await one.ledger()).accepted ?? 0;

describe("a repeat under the same idempotency key", () => {
  test("with the same body has the same id, and is one message", async () => {
    const before = await accepted(client);
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push(await client.send({ subject: "A" }, under("key-a")));
    expect(new Set(ids).size).toBe(1);
    expect(await accepted(client)).toBe(before + 1);
  });

  test("has the same answer when the first has long been delivered", async () => {
    const id = await client.send({ subject: "B" }, under("key-b"));
    await client.when(id, "delivered");
    await client.quiet();
    expect(await client.send({ subject: "B" }, under("key-b"))).toBe(id);
    expect(await client.acceptances()).toMatchObject({ [id]: 1 });
  });

  test("with another body is refused and accepts nothing", async () => {
    await client.send({ subject: "C" }, under("key-c"));
    const before = await accepted(client);
    const response = await client.post("/emails", email({ subject: "D" }), under("key-c"));
    await refused(response, 409, "invalid_idempotent_request", /another request/);
    expect(await accepted(client)).toBe(before);
  });

  test("at the same moment: all have one id, and one message is accepted", async () => {
    const before = await accepted(client);
    const posts = Array.from({ length: 20 }, () => client.send({ subject: "E" }, under("key-e")));
    expect(new Set(await Promise.all(posts)).size).toBe(1);
    expect(await accepted(client)).toBe(before + 1);
  });

  test("at the same moment with other bodies: one is accepted, nine are refused", async () => {
    const before = await accepted(client);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        client.post("/emails", email({ subject: `F${n}` }), under("key-f")),
      ),
    );
    const statuses = answers.map((one) => one.status).sort();
    expect(statuses).toEqual([200, ...Array(9).fill(409)]);
    expect(await accepted(client)).toBe(before + 1);
  });

  test("of a batch has the same ids in the same order", async () => {
    const emails = Array.from({ length: 5 }, (_, n) => email({ subject: `G${n}` }));
    const before = await accepted(client);
    const first = await client.sendBatch(emails, under("key-g"));
    expect(await client.sendBatch(emails, under("key-g"))).toEqual(first);
    expect(await accepted(client)).toBe(before + 5);
  });

  test("quoted as a structured field is the same key", async () => {
    const id = await client.send({ subject: "H" }, under("key-h"));
    expect(await client.send({ subject: "H" }, under('"key-h"'))).toBe(id);
  });

  test("with large content is one message, and leaves one copy of the content", async () => {
    const text = "x".repeat(200_000);
    const id = await client.send({ text }, under("key-i"));
    expect(await client.send({ text }, under("key-i"))).toBe(id);
    const read = await client.read(id);
    expect(read.text === null || read.text.length === 200_000).toBe(true);
  });
});

describe("a key is a caller's own", () => {
  test("it does not cross accounts, nor test and live mode", async () => {
    const callers = await Promise.all([
      Client.make(),
      Client.make({ account: "wide" }),
      Client.make({ mode: "live" }),
      Client.make({ account: "wide", mode: "live" }),
    ]);
    const ids = await Promise.all(callers.map((one) => one.send({}, under("shared"))));
    expect(new Set(ids).size).toBe(4);
  });

  test("a second API key of the same account and mode meets the same request", async () => {
    const second = await Client.make();
    const id = await client.send({ subject: "J" }, under("key-j"));
    expect(await second.send({ subject: "J" }, under("key-j"))).toBe(id);
  });

  test("in an account of several shards it always meets its first request", async () => {
    const wide = await Client.make({ account: "wide" });
    for (let n = 0; n < 12; n++) {
      const id = await wide.send({ subject: `K${n}` }, under(`wide-${n}`));
      expect(await wide.send({ subject: `K${n}` }, under(`wide-${n}`))).toBe(id);
    }
  });

  test("a request that is refused does not use it up", async () => {
    const wrong = await client.post("/emails", email({ to: "nobody" }), under("key-l"));
    expect(wrong.status).toBe(400);
    await client.send({ subject: "L" }, under("key-l"));
  });
});
