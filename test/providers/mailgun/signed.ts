/** Requests as Mailgun signs them, with keys of one's own. */
import { createHmac } from "node:crypto";
import type { Posted } from "../../contract/webhook.ts";

/** The key of a source under test. */
export const KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/** Fields of a proof: hexadecimal HMAC-SHA256 over timestamp and token. */
export function proofOf(timestamp: string, token: string, key = KEY) {
  const signature = createHmac("sha256", key)
    .update(timestamp + token)
    .digest("hex");
  return { timestamp, token, signature };
}

/** A request in JSON. */
export const inJson = (body: unknown): Posted => ({
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

/** Fields of a form in their order. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** A request in application/x-www-form-urlencoded. */
export const inForm = (fields: Fields): Posted => ({
  headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
  body: new URLSearchParams(fields.map(([name, value]) => [name, value])).toString(),
});

/** A request in multipart/form-data, with a file between the fields. */
export async function inMultipart(fields: Fields): Promise<Posted> {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  form.append("attachment-1", new Blob(["\r\n--x\r\n\u0000"]), 'mail".eml');
  for (const [name, value] of fields.slice(-3)) form.append(name, value);
  const request = new Request("https://x.example", { method: "POST", body: form });
  return {
    headers: { "content-type": request.headers.get("content-type") ?? "" },
    body: new Uint8Array(await request.arrayBuffer()),
  };
}
