/**
 * What proves and reads webhooks by the platform's own means runs where it will run: Web Crypto's
 * keys and signatures, and decoders of bytes.
 */
import { expect, test } from "vitest";
import { hooks as mailgun } from "../../src/providers/mailgun/webhook.ts";
import { receive } from "../../src/providers/receive.ts";
import { hooks as sendgrid } from "../../src/providers/sendgrid/webhook.ts";

const NOW = Date.UTC(2026, 10, 5, 16, 35);
const TIMESTAMP = String(NOW / 1000);
const deps = { now: () => NOW, fetch, once: async () => true };
const keysOf = (key: string) => ({
  basic: [],
  bearer: [],
  header: null,
  signing: [key],
  topics: [],
  handles: [],
});
const bytesOf = (text: string) => Uint8Array.from(new TextEncoder().encode(text));
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

/** DER of an INTEGER. */
function integer(half: Uint8Array): number[] {
  const bytes = [
    ...half.subarray(
      Math.max(
        0,
        half.findIndex((byte) => byte !== 0),
      ),
    ),
  ];
  const positive = (bytes[0] ?? 0) >= 0x80 ? [0, ...bytes] : bytes;
  return [2, positive.length, ...positive];
}

test("SendGrid's signatures are verified, and no others", async () => {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const pair = (await crypto.subtle.generateKey(algorithm, true, ["sign"])) as CryptoKeyPair;
  const spki = new Uint8Array(
    (await crypto.subtle.exportKey("spki", pair.publicKey)) as ArrayBuffer,
  );
  for (let no = 0; no < 20; no++) {
    const body = bytesOf(JSON.stringify([{ event: "open", email: "ann@example.net", no }]));
    const text = new Uint8Array([...bytesOf(TIMESTAMP), ...body]);
    const raw = new Uint8Array(await crypto.subtle.sign(algorithm, pair.privateKey, text));
    const both = [...integer(raw.subarray(0, 32)), ...integer(raw.subarray(32))];
    const headers = new Headers({
      "x-twilio-email-event-webhook-signature": base64(
        new Uint8Array([0x30, both.length, ...both]),
      ),
      "x-twilio-email-event-webhook-timestamp": TIMESTAMP,
    });
    const keys = keysOf(base64(spki));
    expect(await receive(sendgrid, keys, { headers, body }, deps)).toMatchObject({ ok: true });
    const other = { headers, body: bytesOf("[]") };
    expect(await receive(sendgrid, keys, other, deps)).toMatchObject({
      error: { reason: "bad_proof" },
    });
  }
});

test("Mailgun's forms are proved and read, whatever bytes they hold", async () => {
  const key = await crypto.subtle.importKey(
    "raw",
    bytesOf("secret"),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const mac = await crypto.subtle.sign("HMAC", key, bytesOf(`${TIMESTAMP}t0ken`));
  const hex = [...new Uint8Array(mac)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const form = new FormData();
  const fields = {
    event: "bounced",
    recipient: "jürgen@example.net",
    error: "550 5.1.1 \u20ac \u{1f600} \u0080",
    timestamp: TIMESTAMP,
    token: "t0ken",
    signature: hex,
  };
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  form.append("attachment-1", new Blob([every]), "all.bin");
  form.append("last", "ü");
  const sent = new Request("https://x.example", { method: "POST", body: form });
  const body = new Uint8Array(await sent.arrayBuffer());
  const request = { headers: sent.headers, body };
  const result = await receive(mailgun, keysOf("secret"), request, deps);
  expect(result).toMatchObject({
    ok: true,
    value: { events: [{ address: fields.recipient, text: fields.error, raw: { last: "ü" } }] },
  });
  expect(await receive(mailgun, keysOf("other"), request, deps)).toMatchObject({
    error: { reason: "bad_proof" },
  });
});
