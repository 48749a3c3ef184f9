import { beforeAll, describe, expect, test } from "vitest";
import { Client, email } from "../support/worker/client.ts";

let client: Client;
beforeAll(async () => {
  client = await Client.make();
});

const typesOf = (one: { timeline: readonly { type: string }[] }) =>
  one.timeline.map((entry) => entry.type);

describe.concurrent("an email", () => {
  test("can be read the moment it is accepted, with its content", async () => {
    const metadata = { order: "Nº 7/42" };
    const id = await client.send({ html: "<p>Hi</p>", headers: { "X-Kind": "a" }, metadata });
    const read = await client.read(id);
    expect(read).toMatchObject({
      object: "email",
      id,
      from: "Acme <news@example.com>",
      to: ["delivered@sandbox.test"],
      subject: "Hello",
      stream: "transactional",
      scheduled_at: null,
      metadata,
    });
    expect(typesOf(read)).toContain("accepted");
  });

  test("ends delivered, with every step of its way and its source", async () => {
    const id = await client.send();
    const read = await client.when(id, "delivered");
    expect(read).toMatchObject({ last_event: "delivered", source: "sandbox" });
    expect(typesOf(read)).toEqual(["accepted", "sent", "delivered"]);
    const times = read.timeline.map((entry) => entry.at);
    expect(times).toEqual(times.toSorted());
    for (const at of times) expect(new Date(at).toISOString()).toBe(at);
  });

  test.each([
    ["bounced", "bounced", "bounced", ["accepted", "sent", "bounced"]],
    ["deferred", "delivered", "delivered", ["accepted", "sent", "deferred", "delivered"]],
    ["suppressed", "suppressed", "suppressed", ["accepted", "suppressed"]],
  ])("to %s@sandbox.test ends as %s", async (magic, state, event, types) => {
    const id = await client.send({ to: `${magic}+label@sandbox.test` });
    const read = await client.when(id, state);
    expect(read.last_event).toBe(event);
    expect(typesOf(read)).toEqual(types);
  });

  test("to bounced@sandbox.test says that the address is no good, and stays sendable", async () => {
    const to = "bounced+again@sandbox.test";
    for (const id of [await client.send({ to }), await client.send({ to })]) {
      const read = await client.when(id, "bounced");
      expect(read.recipients).toMatchObject([{ bounce: { kind: "hard", category: "recipient" } }]);
    }
  });

  test("that is complained about stays delivered and says so", async () => {
    const id = await client.send({ to: "complained@sandbox.test" });
    const types = ["accepted", "sent", "delivered", "complained"];
    await expect
      .poll(async () => typesOf(await client.read(id)), { timeout: 10_000 })
      .toEqual(types);
    expect(await client.read(id)).toMatchObject({ last_event: "complained" });
  });

  test("without an answer is repeated under its key, and accepted once", async () => {
    const id = await client.send({ to: "timeout@sandbox.test" });
    const read = await client.when(id, "delivered");
    expect(typesOf(read)).toEqual(["accepted", "unknown", "sent", "delivered"]);
    expect(await client.acceptances()).toMatchObject({ [id]: 1 });
  });

  test("to several people is one call to the provider and one state for each", async () => {
    const id = await client.send({
      to: ["delivered+1@sandbox.test", "Bob <bounced@sandbox.test>"],
      cc: "suppressed@sandbox.test",
      bcc: ["delivered+2@sandbox.test"],
    });
    const read = await client.when(id, "delivered", "bounced", "suppressed");
    expect(read.recipients.map(({ email, kind, state }) => [email, kind, state])).toEqual([
      ["delivered+1@sandbox.test", "to", "delivered"],
      ["Bob <bounced@sandbox.test>", "to", "bounced"],
      ["suppressed@sandbox.test", "cc", "suppressed"],
      ["delivered+2@sandbox.test", "bcc", "delivered"],
    ]);
    expect(await client.acceptances()).toMatchObject({ [id]: 1 });
  });

  test("that names a recipient twice reaches it once, where it was named first", async () => {
    const twice = ["Ann <delivered@sandbox.test>", "DELIVERED@sandbox.test"];
    const id = await client.send({ to: twice, bcc: "delivered@SANDBOX.test" });
    const read = await client.when(id, "delivered");
    expect(read.recipients).toMatchObject([{ email: twice[0], kind: "to" }]);
  });

  test("with a live key from a listed domain goes out; test mode does not see it", async () => {
    const live = await Client.make({ mode: "live" });
    const id = await live.send();
    await live.when(id, "delivered");
    expect((await client.get(`/emails/${id}`)).status).toBe(404);
  });
});

describe("a batch", () => {
  test("of a hundred is accepted at once, its ids in its order", async () => {
    const emails = Array.from({ length: 100 }, (_, n) => email({ subject: `Number ${n}` }));
    const ids = await client.sendBatch(emails);
    expect(new Set(ids).size).toBe(100);
    expect(ids).toEqual(ids.toSorted());
    const [first, last] = await Promise.all([
      client.read(ids[0] ?? ""),
      client.read(ids[99] ?? ""),
    ]);
    expect([first.subject, last.subject]).toEqual(["Number 0", "Number 99"]);
    for (const id of ids) await client.when(id, "delivered");
  });

  test("in permissive mode takes the right ones and tells the wrong ones", async () => {
    const emails = [email(), email({ to: "nobody" }), email({ subject: undefined }), email()];
    const headers = { "x-batch-validation": "permissive" };
    const response = await client.post("/emails/batch", emails, headers);
    const body: { data: unknown[]; errors: { index: number; message: string }[] } =
      await response.json();
    expect(response.status).toBe(200);
    expect(body.data).toHaveLength(2);
    expect(body.errors.map((one) => one.index)).toEqual([1, 2]);
    expect(body.errors[1]?.message).toBe("Missing `subject` field.");
  });

  test("in permissive mode with nothing right accepts nothing and says why", async () => {
    const headers = { "x-batch-validation": "permissive" };
    const response = await client.post("/emails/batch", [{}, 5], headers);
    expect(await response.json()).toMatchObject({ data: [], errors: [{ index: 0 }, { index: 1 }] });
  });
});

test("in the end the ledger is conserved, every recipient in one place", async () => {
  const { accepted, conserved, ...rest } = await client.quiet();
  const states = ["delivered", "sent", "bounced", "suppressed", "failed", "expired", "unknown"];
  expect(conserved).toBe(true);
  expect(states.reduce((sum, state) => sum + (rest[state] ?? 0), 0)).toBe(accepted);
});
