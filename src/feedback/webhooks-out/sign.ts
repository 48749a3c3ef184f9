/**
 * Signatures by Standard Webhooks (`v1`: HMAC-SHA-256 over `id.timestamp.body`). Secrets are
 * derived from the installation's own, so that no table holds one.
 */
import type { Signer } from "../../core/signer.ts";
import type { Endpoint } from "../../core/webhook.ts";

const LABEL = "webhook-secret";
const PREFIX = "whsec_";

const encoder = new TextEncoder();

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** The 32 bytes that an endpoint's deliveries are signed with; a new version is another secret. */
export function endpointKey(signer: Signer, id: string, version: number): Promise<Uint8Array> {
  return signer.tag(LABEL, `${id}:${version}`);
}

/** The same as its owner is given it: `whsec_` and base64. */
export async function endpointSecret(signer: Signer, id: string, version: number): Promise<string> {
  return PREFIX + base64(await endpointKey(signer, id, version));
}

/**
 * The keys to sign with at `now` (Unix ms): the present one first, then the earlier ones whose time
 * is not over.
 */
export async function signingKeys(
  signer: Signer,
  { id, version, previous }: Pick<Endpoint, "id" | "version" | "previous">,
  now: number,
): Promise<CryptoKey[]> {
  const versions = [version, ...previous.filter(([, until]) => until > now).map(([one]) => one)];
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return Promise.all(
    versions.map(async (one) => {
      const bytes = Uint8Array.from(await endpointKey(signer, id, one));
      return crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign"]);
    }),
  );
}

/**
 * The header fields that prove a delivery, under the names of Standard Webhooks and of Svix, which
 * Resend's own users have in their code.
 *
 * @param at Unix ms of this attempt
 */
export async function signatureHeaders(
  keys: readonly CryptoKey[],
  id: string,
  at: number,
  body: string,
): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(at / 1_000));
  const signed = encoder.encode(`${id}.${timestamp}.${body}`);
  const macs = keys.map((key) => crypto.subtle.sign("HMAC", key, signed));
  const signature = (await Promise.all(macs))
    .map((mac) => `v1,${base64(new Uint8Array(mac))}`)
    .join(" ");
  return Object.fromEntries(
    ["webhook", "svix"].flatMap((family) => [
      [`${family}-id`, id],
      [`${family}-timestamp`, timestamp],
      [`${family}-signature`, signature],
    ]),
  );
}
