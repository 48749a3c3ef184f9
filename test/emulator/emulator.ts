/**
 * What every provider emulator has in common: what it is told to do, and what it knows to be true.
 * The counts are the truth that benches and chaos runs compare Postern's ledger with.
 */

/**
 * - `accept`: validate, accept, answer. `hang`, `accept_reset`, `cut`, `malformed`, `no_id`,
 *   `oversized`: accept, then never answer; reset; end midway through the body; answer with broken
 *   JSON; without an id; with a megabyte.
 * - `refuse`: 503. `throttle`: 429. `error`: `status`, `name`, `message`. `error_inside`: 200 with
 *   an error in the body. `redirect`: 307 to itself. `swallow`: read, never answer. `reset`: reset
 *   before the body is read. None of these accepts.
 */
export type Mode =
  | "accept"
  | "hang"
  | "accept_reset"
  | "cut"
  | "malformed"
  | "no_id"
  | "oversized"
  | "refuse"
  | "throttle"
  | "error"
  | "error_inside"
  | "redirect"
  | "swallow"
  | "reset";

/** What to do with the requests to come. What is left out stays as it is, but for `times`. */
export interface Plan {
  readonly mode?: Mode;
  /** After so many requests the mode is `accept` again; without it the mode stays. */
  readonly times?: number;
  /** Milliseconds between acceptance (or refusal) and answer. */
  readonly delayMs?: number;
  /** Whether Idempotency-Key is honoured. */
  readonly deduplicates?: boolean;
  /** The Retry-After field of `throttle` and `error`; null for none. */
  readonly retryAfter?: string | null;
  readonly status?: number;
  readonly name?: string;
  readonly message?: string;
  /** Positions in a call of several (or of recipients, where a provider names those) to refuse. */
  readonly refuse?: readonly number[];
}

/** One message that was accepted, by our id in its tags or else by its subject. */
export interface AcceptedMessage {
  readonly key: string;
  readonly subject: string;
  /** Unix milliseconds with fraction, of the first and last acceptance. */
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** How often it was accepted; repeats that were recognised by their key do not count. */
  readonly count: number;
  readonly providerIds: readonly string[];
}

/** The truth. */
export interface Counts {
  readonly requests: number;
  /** Acceptances, doubles included. */
  readonly acceptances: number;
  /** Messages accepted more than once. */
  readonly doubled: number;
  /** Repeats recognised by their key. */
  readonly replayed: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly accepted: readonly AcceptedMessage[];
}

/** A request as it came in. */
export interface ReceivedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** As UTF-8. */
  readonly body: string;
  readonly bytes: Buffer;
}

/** A running emulator on 127.0.0.1. */
export interface Emulator {
  readonly url: string;
  readonly port: number;
  control(plan: Plan): void;
  counts(): Counts;
  /** The last 100 requests, oldest first. */
  received(): readonly ReceivedRequest[];
  /** Forgets counts, keys and requests; the plan is a plain `accept` that honours keys. */
  reset(): void;
  close(): Promise<void>;
}

/** How one provider is emulated, and what a source needs to reach it. */
export interface ProviderEmulator {
  /** Starts one on 127.0.0.1; port 0, the default, takes a free one. */
  start(options?: { readonly port?: number }): Promise<Emulator>;
  /** False where the provider has no inline attachments. */
  readonly inline?: boolean;
  /** A Worker that a source reaches by a binding instead of by its address. */
  readonly worker?: (url: string) => {
    readonly binding: string;
    readonly entrypoint: string;
    readonly script: string;
  };
  /** The certificate it shows, as a file in PEM, where a browser would not trust it. */
  readonly certificate?: string;
  /** The fields of a source in the configuration, and the secrets it names. */
  source(url: string): {
    readonly settings: Readonly<Record<string, unknown>> & { readonly provider: string };
    readonly secrets: Readonly<Record<string, string>>;
  };
}

/** Counts acceptances. */
export function createTally(now: () => number) {
  let accepted = new Map<string, AcceptedMessage>();
  return {
    accept(key: string, subject: string, providerId: string): void {
      const before = accepted.get(key);
      const atMs = now();
      accepted.set(key, {
        key,
        subject,
        firstAtMs: before?.firstAtMs ?? atMs,
        lastAtMs: atMs,
        count: (before?.count ?? 0) + 1,
        providerIds: [...(before?.providerIds ?? []), providerId],
      });
    },
    list: (): AcceptedMessage[] => [...accepted.values()],
    clear(): void {
      accepted = new Map();
    },
  };
}
