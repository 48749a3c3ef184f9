/**
 * API keys: `post_test_` or `post_live_`, 24 random base 62 digits (142 bits) and a keyed checksum
 * of 6 more, so that a mistyped or made-up key is refused before anything is read.
 */
import { encodeBase62, randomBase62 } from "./base62.ts";
import { err, ok, type Result } from "./result.ts";
import { constantTimeEqual, type Signer } from "./signer.ts";

/** A test key reaches the sandbox only, a live key the account's sources. */
export type KeyMode = "test" | "live";

export type Permission = "full_access" | "sending_access";

/** What is stored of a key. The key itself is not: it is found by its SHA-256. */
export interface ApiKey {
  readonly id: string;
  readonly account: string;
  readonly mode: KeyMode;
  readonly permission: Permission;
}

export interface NamedApiKey extends ApiKey {
  readonly name: string;
  readonly created_at: number;
}

const RANDOM_DIGITS = 24;
const CHECKSUM_DIGITS = 6;
const SHAPE = /^post_(test|live)_[0-9A-Za-z]{30}$/;

/** Mints a key. `random(n)` gives n bytes from a cryptographic source. */
export async function mintApiKey(
  signer: Signer,
  mode: KeyMode,
  random: (n: number) => Uint8Array,
): Promise<string> {
  const body = `post_${mode}_${randomBase62(RANDOM_DIGITS, random)}`;
  return body + (await checksum(signer, body));
}

/**
 * Checks a key's form, then its checksum, which covers the mode. Says nothing about whether the key
 * exists: that is the caller's lookup, by `sha256Hex` of the text.
 */
export async function parseApiKey(
  signer: Signer,
  text: string,
): Promise<Result<{ mode: KeyMode }, "malformed" | "bad_checksum">> {
  const mode = SHAPE.exec(text)?.[1];
  if (mode !== "test" && mode !== "live") return err("malformed");
  const body = text.slice(0, -CHECKSUM_DIGITS);
  const expected = await checksum(signer, body);
  if (!constantTimeEqual(expected, text.slice(-CHECKSUM_DIGITS))) return err("bad_checksum");
  return ok({ mode });
}

async function checksum(signer: Signer, body: string): Promise<string> {
  return encodeBase62(await signer.tag("api-key", body), CHECKSUM_DIGITS);
}
