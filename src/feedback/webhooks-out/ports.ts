/** What delivering webhooks needs from outside. */
import type { Signer } from "../../core/signer.ts";
import type {
  Attempt,
  Delivery,
  DeliveryStatus,
  Endpoint,
  Hint,
  NewDelivery,
} from "../../core/webhook.ts";
import type { DelayedPack } from "./deliveries.ts";

/** What one attempt needs. */
export interface AttemptDeps {
  readonly now: () => number;
  readonly fetch: typeof fetch;
  /** A signal that ends after this many milliseconds. */
  readonly timeLimit: (ms: number) => AbortSignal;
  readonly uuid: () => string;
  /** Lets http to the machine itself pass. */
  readonly allowLocal: boolean;
}

/** What an attempt changes of a delivery that has had `seen` attempts. */
export interface Outcome {
  readonly event: string;
  readonly seen: number;
  readonly status: DeliveryStatus;
  readonly step: number;
  readonly nextAt: number | null;
  readonly attempts: readonly Attempt[];
}

/** What the attempts of one batch say of an endpoint. */
export interface Health {
  readonly at: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly exhausted: number;
  /** 0: it needs no breath. */
  readonly slowUntil: number;
}

/** What is announced to an account's endpoints goes through these. */
export interface AnnounceDeps {
  readonly now: () => number;
  readonly readEndpoints: (accounts: readonly string[]) => Promise<Endpoint[]>;
  /** Writes deliveries in one transaction; answers those that are new. */
  readonly insertDeliveries: (deliveries: readonly NewDelivery[]) => Promise<Hint[]>;
  /** Puts hints on the queue. May reject: the cron finds what is due without them. */
  readonly enqueue: (packs: readonly DelayedPack[]) => Promise<void>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

export interface WebhookDeps extends AttemptDeps, AnnounceDeps {
  /** In [0, 1). */
  readonly random: () => number;
  readonly signer: () => Promise<Signer>;
  /** The endpoints of these ids, and the deliveries that hints name. */
  readonly readDue: (
    hints: readonly Pick<Hint, "endpoint" | "event">[],
  ) => Promise<{ readonly endpoints: Endpoint[]; readonly deliveries: Delivery[] }>;
  /**
   * Writes outcomes of one endpoint in one transaction, each only while the delivery has had `seen`
   * attempts; answers how the endpoint stands.
   */
  readonly record: (
    endpoint: string,
    outcomes: readonly Outcome[],
    health: Health,
  ) => Promise<Pick<Endpoint, "fails" | "exhausted" | "failingSince"> | null>;
  /**
   * Switches an endpoint off, and writes the notices of it in the same transaction; answers those
   * that are new.
   */
  readonly disable: (
    endpoint: string,
    reason: string,
    at: number,
    notices: readonly NewDelivery[],
  ) => Promise<Hint[]>;
}

/** What the cron's round needs. */
export interface SweepDeps extends Pick<AnnounceDeps, "now" | "enqueue" | "log"> {
  /** Hints of what is overdue since `before`, which are not given again until `again`. */
  readonly claimOverdue: (before: number, again: number) => Promise<Hint[]>;
  /** Ends what is open at endpoints that are switched off; answers how many there were. */
  readonly settleDisabled: () => Promise<number>;
  /** Forgets deliveries of events before `before` and of deleted endpoints; answers how many. */
  readonly prune: (before: number, after: number) => Promise<number>;
}

/** One message of the webhook queue. */
export interface WebhookMessage {
  readonly body: unknown;
  readonly attempts: number;
  ack(): void;
  retry(options: { delaySeconds: number }): void;
}
