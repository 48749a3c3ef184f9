/** The largest messages that are accepted: accepted means that they end with an outcome, too. */
import { expect, test } from "vitest";
import { Client, email, refused } from "../support/worker/client.ts";

const quoted = '"'.repeat(150);
const people = (count: number, name: string): string[] =>
  Array.from({ length: count }, (_, n) => {
    const escaped = name.replaceAll('"', '\\"');
    return `"${escaped}" <delivered+${String(n).padStart(40, "0")}@sandbox.test>`;
  });

test("a batch of a hundred long subjects beyond ASCII is recorded", async () => {
  const client = await Client.make();
  const subject = "验证码".repeat(300);
  const ids = await client.sendBatch(Array.from({ length: 100 }, () => email({ subject })));
  for (const id of ids) await client.when(id, "delivered");
  expect(await client.quiet()).toMatchObject({ delivered: 100, conserved: true });
});

test("one email as large as its fields may be is refused, or recorded", async () => {
  const client = await Client.make({ account: "other" });
  const tag = (n: number) => ({ name: `${n}${"n".repeat(250)}`, value: "v".repeat(256) });
  const largest = email({
    to: people(50, quoted),
    reply_to: people(50, quoted),
    subject: '"'.repeat(998),
    tags: Array.from({ length: 50 }, (_, n) => tag(n)),
  });
  const response = await client.post("/emails", largest);
  if (response.status !== 200) return refused(response, 413, "payload_too_large", /too large/);
  const { id }: { id: string } = await response.json();
  await client.when(id, "delivered");
  expect(await client.quiet()).toMatchObject({ delivered: 50, conserved: true });
});

test("fifty recipients with long names and all the tags there may be are accepted", async () => {
  const client = await Client.make({ account: "other", mode: "live" });
  const tags = Array.from({ length: 10 }, (_, n) => ({ name: `tag${n}`, value: "v".repeat(50) }));
  const id = await client.send({
    to: people(50, "A Rather Long Name of Somebody"),
    tags,
    from: "a@other.example",
  });
  await client.when(id, "delivered");
});

test("fifty recipients, each with an outcome of its own, are all accounted for", async () => {
  const client = await Client.make({ account: "wide" });
  const magic = ["delivered", "bounced", "suppressed", "complained", "deferred"];
  const to = Array.from({ length: 50 }, (_, n) => `${magic[n % 5]}+${n}@sandbox.test`);
  const id = await client.send({ to });
  const read = await client.when(id, "delivered", "bounced", "suppressed");
  expect(read.recipients.map((one) => one.email)).toEqual(to);
  const ledger = await client.quiet();
  expect(ledger).toMatchObject({ delivered: 30, bounced: 10, suppressed: 10, complained: 10 });
});
