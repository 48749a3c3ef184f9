/** A webhook whose proof is good for one body: the Source remembers it from request to request. */
import { beforeAll, expect, test } from "vitest";
import { Client, refused, request } from "../support/worker/client.ts";
import { testSecrets } from "../support/worker/config.ts";

let client: Client;
beforeAll(async () => {
  client = await Client.make();
});

/** One second for all: the next one is another proof. */
const timestamp = String(Math.floor(Date.now() / 1_000));

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** An event of Mailgun's about a message, proved with `token`. */
async function posted(
  id: string,
  token: string,
  severity = "permanent",
  source = "signed",
): Promise<Response> {
  const key = await crypto.subtle.importKey(
    "raw",
    bytesOf(testSecrets.SIGNED_HOOK),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const mac = await crypto.subtle.sign("HMAC", key, bytesOf(timestamp + token));
  const signature = [...new Uint8Array(mac)]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  const body = {
    signature: { timestamp, token, signature },
    "event-data": {
      event: "failed",
      severity,
      id: token,
      timestamp: Number(timestamp),
      recipient: "delivered@sandbox.test",
      "user-variables": { postern_id: id, postern_account: client.scope },
    },
  };
  return request(`/hooks/${source}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

test("every request is taken, and a proof seen before is refused with other words", async () => {
  const id = await client.send();
  await client.when(id, "delivered");
  for (const token of ["a".repeat(50), "b".repeat(50), "c".repeat(50)]) {
    expect((await posted(id, token)).status).toBe(200);
    await refused(await posted(id, token, "temporary"), 401, "invalid_signature", /before/);
  }
});

test("a proof seen at one source is good for no other words at another of its key", async () => {
  const id = await client.send();
  await client.when(id, "delivered");
  const token = "d".repeat(50);
  expect((await posted(id, token)).status).toBe(200);
  const elsewhere = await posted(id, token, "temporary", "signed-too");
  await refused(elsewhere, 401, "invalid_signature", /before/);
});
