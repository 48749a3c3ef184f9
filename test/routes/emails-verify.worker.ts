import { beforeAll, describe, expect, test } from "vitest";
import { Client, email } from "../support/worker/client.ts";

let client: Client;

beforeAll(async () => {
  client = await Client.make({ account: "wide" });
});

const send = (given: Record<string, unknown>, headers = {}): Promise<Response> =>
  client.post("/emails", email(given), headers);

describe("verify on a send", () => {
  test("strict refuses an undeliverable recipient before anything is accepted", async () => {
    const before = (await client.ledger()).accepted;
    const response = await send({ to: ["a@gmail.com", "b@null-mx.com"], verify: "strict" });
    const message = /^Recipient 2 of `to`, at null-mx\.com, is undeliverable: null_mx\.$/;
    await client.refused(response, 422, "undeliverable_recipient", message);
    expect((await client.ledger()).accepted).toBe(before);
  });

  test("strict takes what is unknown or cannot be learnt", async () => {
    for (const to of ["a@takes-mail.com", "a@failing.com", "a@silent.com"]) {
      expect((await send({ to, verify: "strict" })).status).toBe(200);
    }
  });

  test("cached refuses only what is known already", async () => {
    const to = "a@no-host.com";
    expect((await send({ to, verify: "cached" })).status).toBe(200);
    expect((await send({ to, verify: "strict" })).status).toBe(422);
    expect((await send({ to, verify: "cached" })).status).toBe(422);
    expect((await send({ to })).status).toBe(200);
  });

  test("a stream asks for it, and a send may say otherwise", async () => {
    const to = "a@null-mx.com";
    expect((await send({ to, stream: "verified" })).status).toBe(422);
    expect((await send({ to, stream: "verified", verify: "off" })).status).toBe(200);
  });

  test("a repeat of what was accepted is answered as the first time", async () => {
    const to = "a@private.com";
    const key = { "idempotency-key": "signup-1" };
    const first = await send({ to, verify: "cached" }, key);
    expect(first.status).toBe(200);
    // Now it is known.
    expect((await send({ to, verify: "strict" })).status).toBe(422);
    expect((await send({ to, verify: "cached" })).status).toBe(422);
    const again = await send({ to, verify: "cached" }, key);
    expect(again.status).toBe(200);
    expect(await again.json()).toEqual(await first.json());
  });

  test("a word that is no way to verify is refused", async () => {
    const response = await send({ verify: "always" });
    await client.refused(response, 400, "validation_error", /`verify`/);
  });
});

describe("verify in a batch", () => {
  const emails = [
    email({ to: "a@gmail.com", verify: "strict" }),
    email({ to: "b@null-mx.com", verify: "strict" }),
    email({ to: "c@null-mx.com" }),
  ];

  test("one undeliverable recipient refuses all, and names the email", async () => {
    const response = await client.post("/emails/batch", emails);
    const message = /^Email 1: Recipient 1 of `to`, at null-mx\.com, is undeliverable: null_mx\.$/;
    await client.refused(response, 422, "undeliverable_recipient", message);
  });

  test("a permissive batch takes the others", async () => {
    const permissive = { "x-batch-validation": "permissive" };
    const response = await client.post("/emails/batch", emails, permissive);
    expect(response.status).toBe(200);
    const body: { data: unknown[]; errors: { index: number }[] } = await response.json();
    expect(body.data).toHaveLength(2);
    expect(body.errors.map(({ index }) => index)).toEqual([1]);
  });
});
