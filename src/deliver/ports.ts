/**
 * What delivering needs from outside. The consumers get it as an argument; tests give faults with
 * it.
 */
import type {
  JournalBody,
  Lane,
  OutboxPort,
  ShardRef,
  SuppressedRecipient,
} from "../core/custody.ts";
import type { Guarded } from "../core/guard.ts";
import type { Grant, OfferItem } from "../core/pace.ts";
import type { Signer } from "../core/signer.ts";
import type { Provider } from "../providers/provider.ts";

/** One Source, by RPC. */
export interface SourcePort {
  offer(items: readonly OfferItem[]): Promise<Grant[]>;
  settle(what: {
    readonly refunds: readonly OfferItem[];
    readonly throttledUntil: number | null;
  }): Promise<void>;
}

/** What to change about a message's HTML. */
export interface HtmlEdit {
  /** A link's new target, of the attribute as it stands in the HTML; null: it stays. */
  readonly link: (href: string) => Promise<string | null>;
  /** HTML for the end of the body. */
  readonly tail: string;
}

/** What making a message's links takes. */
export interface LinkDeps {
  readonly signer: () => Promise<Signer>;
  /** The HTML with the edit made, the rest of it as it was. Rejects when it cannot be parsed. */
  readonly rewrite: (html: string, edit: HtmlEdit) => Promise<string>;
}

export interface LaneDeps {
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly fetch: typeof fetch;
  readonly sendsInFlight: number;
  readonly leaseMs: number;
  readonly suppressionMs: number;
  readonly outbox: (ref: ShardRef) => OutboxPort;
  readonly source: (name: string) => SourcePort;
  /**
   * The configured provider of a source, or null when the source is gone from the configuration.
   */
  readonly provider: (source: string) => Provider | null;
  /** The sources that may carry a stream's mail, best first. */
  readonly sourcesFor: (account: string, stream: string) => readonly string[];
  /** One query for a batch. */
  readonly suppressed: (
    account: string,
    hashes: readonly string[],
  ) => Promise<readonly SuppressedRecipient[]>;
  /** The account's last snapshot of the suppression list; null when there is none. */
  readonly snapshot: (
    account: string,
  ) => Promise<{ readonly has: (hash: string) => boolean } | null>;
  /** Shared by all that runs in the isolate: the database is not asked before this time. */
  readonly databaseRest: { until: number };
  /** Who is not free to send, by scope. Never rejects; see core/guard-reader. */
  readonly guarded: () => Promise<Guarded>;
  /** Recipients a minute of one slowed scope, by lane. */
  readonly slowPerMinute: Readonly<Record<Lane, number>>;
  /** Content kept outside the Outbox; null when it is not there. */
  readonly content: (key: string) => Promise<string | null>;
  readonly links: LinkDeps;
  readonly journal: (body: JournalBody) => Promise<void>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/** One message of a batch, as a consumer sees it. */
export interface LaneMessage {
  readonly body: unknown;
  readonly attempts: number;
  ack(): void;
  retry(options: { delaySeconds: number }): void;
}
