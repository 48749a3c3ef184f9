/** What asking a mailbox needs from outside. */
import type { ProbeClass } from "../../core/evidence.ts";
import type { Probe, ProbeOutcome } from "../verdict.ts";

/** What a backend has found out about one mailbox. */
export interface ProbeAnswer {
  readonly outcome: ProbeOutcome;
  /** From the mail host's reply, where the backend tells it; null otherwise. */
  readonly smtp_code: number | null;
  readonly enhanced: string | null;
  /**
   * The backend itself has failed, so that this says nothing of the mailbox: not kept, and held
   * against the backend. Only with `unavailable`.
   */
  readonly fault: boolean;
}

/** Somebody who can talk SMTP to mailbox operators. */
export interface ProbeBackend {
  readonly name: string;
  /** Never rejects: whatever goes wrong is an answer with `fault`. `signal` ends it. */
  readonly ask: (address: string, signal: AbortSignal) => Promise<ProbeAnswer>;
}

/** A kept answer; whether its words are known is for the reader to see. */
export interface KeptProbe extends Omit<Probe, "outcome"> {
  readonly outcome: string;
}

/** Answers that all isolates share. Both may reject: without it everything works as well. */
export interface ProbeCache {
  /** What is there under these keys. */
  readonly read: (keys: readonly string[]) => Promise<ReadonlyMap<string, KeptProbe>>;
  /** Kept for `ttlMs`. */
  readonly write: (key: string, probe: KeptProbe, ttlMs: number) => Promise<void>;
}

export interface ProbeDeps {
  readonly now: () => number;
  /** A signal that ends after this many milliseconds. */
  readonly timeLimit: (ms: number) => AbortSignal;
  readonly backend: ProbeBackend;
  /** All of a probe: caches, pacing and the backend. `PROBE_LIMIT_MS` unless given. */
  readonly limitMs?: number;
  /** Leave to ask one mailbox of this operator now. May reject, which is no leave. */
  readonly take: (site: string) => Promise<boolean>;
  readonly cache: ProbeCache;
  /** Tells an account's evidence what an address has shown, by its `recipientHash`. May reject. */
  readonly record: (account: string, hash: string, probe: ProbeClass) => Promise<void>;
  /** Lets work go on after the answer. */
  readonly waitUntil: (work: Promise<unknown>) => void;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}
