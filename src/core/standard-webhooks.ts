/**
 * Proof of a webhook by Standard Webhooks, which is Svix's scheme under other names: HMAC-SHA-256
 * over `id.timestamp.body`
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 */
import { bytesOfBase64 } from "./base64.ts";
import { err, ok, type Result } from "./result.ts";

/** What a secret looks like: this, and base64 of its bytes. */
export const SECRET_PREFIX = "whsec_";

/** How far the signed time may be from ours, either way: the libraries of the standard take it. */
export const STANDARD_WINDOW_MS = 300_000;

/** Signatures that are looked at: one a secret, of which few are in force at a time. */
const SIGNATURES_MAX = 16;

/** Characters of an id; Svix's have 31. */
const ID_MAX = 256;

/** Headers come under the standard's names or under Svix's. */
const FAMILIES = ["webhook", "svix"] as const;

/** Libraries read whole seconds and leave a fraction aside; that is what is signed. */
const SECONDS = /^(\d{1,12})(?:\.\d{1,9})?$/;

/** Why a webhook is not believed. */
export interface StandardRefusal {
  readonly reason: "not_configured" | "missing_proof" | "bad_proof" | "stale";
  readonly text: string;
}

const refuse = (reason: StandardRefusal["reason"], text: string): Result<never, StandardRefusal> =>
  err({ reason, text });

/**
 * Whether a body was signed with one of the secrets, at about `now`.
 *
 * @param secrets `whsec_` and base64, or base64 alone; each of them is good
 * @param body the bytes as they came
 * @param now Unix ms
 * @returns the id of the webhook, the same each time it is repeated
 */
export async function verifyStandard(
  secrets: readonly string[],
  headers: Headers,
  body: Uint8Array<ArrayBuffer>,
  now: number,
): Promise<Result<string, StandardRefusal>> {
  const proof = proofIn(headers);
  if (proof === null) return refuse("missing_proof", "no id, timestamp or signature");
  const { id, timestamp, signatures } = proof;
  // A dot in the id would let another id and time be read out of the same signed bytes.
  if (id.length > ID_MAX || id.includes(".")) return refuse("bad_proof", "the id is none");
  const seconds = SECONDS.exec(timestamp)?.[1];
  if (seconds === undefined) return refuse("bad_proof", "the timestamp is not in seconds");
  if (Math.abs(now - Number(seconds) * 1_000) > STANDARD_WINDOW_MS) {
    return refuse("stale", "it was signed at another time");
  }
  const keys = await keysOf(secrets);
  if (keys.length === 0) return refuse("not_configured", "no signing secret is base64");
  const signed = signedBytes(id, seconds, body);
  for (const signature of signatures) {
    for (const key of keys) {
      if (await crypto.subtle.verify("HMAC", key, signature, signed)) return ok(id);
    }
  }
  return refuse("bad_proof", "no signature is made with a secret of this source");
}

/** The id under which a proven webhook came, empty without one. */
export function standardId(headers: Headers): string {
  return proofIn(headers)?.id ?? "";
}

interface Proof {
  readonly id: string;
  readonly timestamp: string;
  readonly signatures: readonly Uint8Array<ArrayBuffer>[];
}

function proofIn(headers: Headers): Proof | null {
  for (const family of FAMILIES) {
    const id = headers.get(`${family}-id`) ?? "";
    const timestamp = headers.get(`${family}-timestamp`) ?? "";
    const signature = headers.get(`${family}-signature`) ?? "";
    if (id === "" || timestamp === "" || signature === "") continue;
    return { id, timestamp, signatures: signaturesIn(signature) };
  }
  return null;
}

/** Those of version 1; the standard lets others stand beside them. */
function signaturesIn(text: string): Uint8Array<ArrayBuffer>[] {
  return text
    .split(" ", SIGNATURES_MAX)
    .filter((one) => one.startsWith("v1,"))
    .flatMap((one) => bytesOfBase64(one.slice("v1,".length)) ?? []);
}

async function keysOf(secrets: readonly string[]): Promise<CryptoKey[]> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const raw = secrets.flatMap((secret) => {
    const text = secret.trim();
    const bare = text.startsWith(SECRET_PREFIX) ? text.slice(SECRET_PREFIX.length) : text;
    return bytesOfBase64(bare) ?? [];
  });
  return Promise.all(
    raw.map((bytes) => crypto.subtle.importKey("raw", bytes, algorithm, false, ["verify"])),
  );
}

/** What is signed: `id.timestamp.body`, the timestamp in whole Unix seconds. */
export function signedBytes(
  id: string,
  seconds: string,
  body: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(`${id}.${seconds}.`);
  const joined = new Uint8Array(head.length + body.length);
  joined.set(head);
  joined.set(body, head.length);
  return joined;
}
