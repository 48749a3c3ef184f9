/** Requests as MailChannels signs them. Runs in Node and in workerd. */
import type { HookDeps } from "../../../src/providers/hooks.ts";

/** A key of MailChannels' kind, with its public half as its API gives it. */
export interface SigningKey {
  readonly id: string;
  readonly privateKey: CryptoKey;
  /** SPKI in base64. */
  readonly publicKey: string;
}

/** Base64 (RFC 4648 section 4). */
export const base64 = (bytes: ArrayBuffer | Uint8Array): string =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)));

/** Makes a key. */
export async function makeKey(id: string): Promise<SigningKey> {
  const made = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const { privateKey, publicKey } = made as CryptoKeyPair;
  const spki = (await crypto.subtle.exportKey("spki", publicKey)) as ArrayBuffer;
  return { id, privateKey, publicKey: base64(spki) };
}

/** The headers with which a body is posted at a time (Unix ms). */
export async function signedBy(
  { id, privateKey }: SigningKey,
  body: string | Uint8Array<ArrayBuffer>,
  atMs: number,
): Promise<Record<string, string>> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const digest = `sha-256=:${base64(await crypto.subtle.digest("SHA-256", bytes))}:`;
  const created = Math.floor(atMs / 1000);
  const params = `("content-digest");created=${created};alg="ed25519";keyid="${id}"`;
  const base = `"content-digest": ${digest}\n"@signature-params": ${params}`;
  const signature = await crypto.subtle.sign("Ed25519", privateKey, new TextEncoder().encode(base));
  return {
    "content-type": "application/json",
    "content-digest": digest,
    "signature-input": `sig_${created}=${params}`,
    signature: `sig_${created}=:${base64(signature)}:`,
  };
}

/** MailChannels' address for its public keys; `asked` takes each URL. */
export function keyServer(keys: readonly SigningKey[], asked: string[] = []): HookDeps["fetch"] {
  return async (input) => {
    const url = new URL(String(input));
    asked.push(url.href);
    const key = keys.find(({ id }) => id === url.searchParams.get("id"));
    return key === undefined
      ? new Response('{"error":"not found"}', { status: 404 })
      : Response.json({ id: key.id, key: key.publicKey });
  };
}
