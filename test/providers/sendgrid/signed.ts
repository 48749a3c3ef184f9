/** Requests as SendGrid signs them, with keys of one's own. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { Posted } from "../../contract/webhook.ts";

/** A new pair of keys. */
export const pairOf = () => generateKeyPairSync("ec", { namedCurve: "P-256" });

/** A public key as SendGrid shows it. */
export const publicOf = (key: KeyObject) =>
  key.export({ type: "spki", format: "der" }).toString("base64");

/** DER over the timestamp and the body. */
export function signedBy(key: KeyObject, body: Posted["body"], timestamp: string): Posted {
  const signature = sign("sha256", Buffer.concat([Buffer.from(timestamp), Buffer.from(body)]), key);
  return {
    headers: {
      "content-type": "application/json",
      "x-twilio-email-event-webhook-signature": signature.toString("base64"),
      "x-twilio-email-event-webhook-timestamp": timestamp,
    },
    body,
  };
}
