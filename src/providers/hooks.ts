/**
 * The contract of a provider's webhook: proof of origin on the raw body, then reading. Both are
 * pure apart from what they are given; neither throws for what anybody may send.
 */
import type { Result } from "../core/result.ts";
import type { FeedEvent } from "./provider.ts";

/** A webhook's request: its body as it came, since signatures are over bytes. */
export interface HookRequest {
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** What a source is configured to believe. Secrets by value, several while they change. */
export interface HookKeys {
  /** `user:password` of HTTP Basic authentication (RFC 7617). */
  readonly basic: readonly string[];
  /** Values of `Authorization: Bearer`. */
  readonly bearer: readonly string[];
  /** The whole value of a header of one's own choice. */
  readonly header: { readonly name: string; readonly values: readonly string[] } | null;
  /** The provider's signing keys: secret or public, as it signs. */
  readonly signing: readonly string[];
  /** Amazon SNS topics whose messages are taken. */
  readonly topics: readonly string[];
  /** The provider's names of our accounts, where it signs everybody's events with one key. */
  readonly handles: readonly string[];
}

export interface HookDeps {
  readonly now: () => number;
  readonly fetch: typeof fetch;
  /**
   * Takes note of a token that may be used with one body only, for `forMs` milliseconds: false
   * when it was seen with another body. Rejects when that cannot be known now.
   */
  readonly once: (token: string, bodyDigest: string, forMs: number) => Promise<boolean>;
}

/** Why a webhook is refused. Nothing of it is stored. */
export interface HookRefusal {
  readonly reason:
    | "not_configured"
    | "missing_proof"
    | "bad_proof"
    | "stale"
    | "replayed"
    | "malformed"
    | "too_large"
    /** What proves it (a certificate, a key) cannot be had now: the provider comes again. */
    | "unavailable";
  readonly text: string;
}

/** What a proven request holds. */
export interface HookReading {
  readonly events: readonly FeedEvent[];
  /** Of types that no table has: kept as they came and counted, never an error. */
  readonly unknown: readonly { readonly type: string; readonly raw: unknown }[];
  /** A URL that has to be fetched to complete a subscription. */
  readonly confirm?: string;
}

/** How a provider's events arrive by HTTP. */
export interface Hooks {
  /** Bytes of a request's body; a larger one is refused unread. */
  readonly bytesMax: number;
  /** `credentials`: it only has what the source's `webhook` table gives it to present. */
  readonly proof: "signature" | "credentials";
  /**
   * Proves the origin by the provider's own signature over the raw body; present if `proof` is
   * `signature`. Called when a signing key (for SNS: a topic) is configured.
   */
  readonly prove?: (
    request: HookRequest,
    keys: HookKeys,
    deps: HookDeps,
  ) => Promise<Result<null, HookRefusal>>;
  /** What has to be configured for `prove`; null: it proves itself without any key of ours. */
  readonly provesBy?: "signing" | "topics" | "handles" | null;
  /** The status that ends the provider's repeats of a body that cannot be read; 400 for most. */
  readonly stopStatus?: number;
  /** Reads a proven body: one event or many, of mixed types. */
  readonly read: (request: HookRequest) => Result<HookReading, HookRefusal>;
}
