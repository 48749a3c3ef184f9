/** Repeats of a request under one idempotency key. */

/** A key, and the digest of the request that came with it. */
export interface IdempotencyKey {
  readonly key: string;
  readonly digest: string;
}

/** What a repeat is answered. */
export type Replayed =
  | { readonly kind: "replayed"; readonly response: string }
  | { readonly kind: "other_request_under_key" };
