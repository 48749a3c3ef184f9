/** The key under which suppression, evidence and search know an address. */
import { canonicalAddress } from "./address.ts";
import { sha256Hex } from "./signer.ts";

/** Recipients are looked up by the first 128 bits of SHA-256 of the canonical address. */
const HASH_LENGTH = 32;

/** 32 hex digits for an address in any spelling. */
export async function recipientHash(address: string): Promise<string> {
  return (await sha256Hex(canonicalAddress(address))).slice(0, HASH_LENGTH);
}
