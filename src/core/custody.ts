/**
 * What the edge, the Outbox, the consumers and the journal say to one another. Every message
 * carries the account and shard, so that whoever reads it can reach the one Outbox that has
 * custody.
 */
import type { State, TimelineEntry } from "./delivery-state.ts";
import type { ProviderEvent, UnknownEvent } from "./events.ts";
import type { IdempotencyKey, Replayed } from "./idempotency.ts";
import type { Additions, MessageLinks } from "./links.ts";
import type { OnUnknown, Phase, Settlement, UnitRecord } from "./unit.ts";

export type Lane = "transactional" | "broadcast";

/** One Outbox: an account (its test state is an account of its own) and a shard number. */
export interface ShardRef {
  readonly account: string;
  readonly shard: number;
}

/** The durable object's name of a shard. */
export const shardName = (ref: ShardRef): string => `${ref.account}/${ref.shard}`;

/** The shard that an object's name stands for; null when it is none of ours. */
export function readShardName(name: string): ShardRef | null {
  const cut = name.lastIndexOf("/");
  const shard = Number(name.slice(cut + 1));
  return cut > 0 && Number.isInteger(shard) ? { account: name.slice(0, cut), shard } : null;
}

/** What a message says of itself, kept for as long as its record is. */
export interface Envelope {
  readonly from: string;
  readonly fromDomain: string;
  readonly replyTo: readonly string[];
  readonly subject: string;
  readonly tags: readonly { readonly name: string; readonly value: string }[];
  /** Left out when empty. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What the stream lets the provider add; left out when that is nothing. */
  readonly extras?: Additions;
  /** What Postern itself adds; left out when that is nothing. */
  readonly links?: MessageLinks;
  /** Characters of the content as stored, and its attachments: what may share a call. */
  readonly size: number;
  readonly attachments: number;
  /** The same for messages that differ in nothing but recipients and metadata; broadcasts only. */
  readonly digest?: string;
  readonly stream: string;
  readonly lane: Lane;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** A recipient as it was addressed; `mailbox` may carry a name, `address` is bare. */
export interface Addressee {
  readonly mailbox: string;
  readonly address: string;
  readonly domain: string;
  readonly hash: string;
  readonly kind: "to" | "cc" | "bcc";
}

/** The parts that only the provider needs. Above `INLINE_CONTENT_MAX` they lie in R2. */
export interface Content {
  readonly html?: string;
  readonly text?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly attachments: readonly {
    readonly filename: string;
    readonly content: string;
    readonly contentType?: string;
    readonly contentId?: string;
  }[];
}

/**
 * Characters of content that stay in the Outbox's row: a row is at most 2 MB, a small one is fast.
 */
export const INLINE_CONTENT_MAX = 128 * 1024;

/**
 * Characters of content with which a message may share a provider call: a hundred of them are 3 MB,
 * of which several calls are in memory at a time.
 */
export const SHARED_CONTENT_MAX = 32 * 1024;

/** Bytes of a value as JSON in UTF-8, which is how queues count. */
export function jsonBytes(value: unknown): number {
  const text = JSON.stringify(value);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is its own length
  return /^[\u0000-\u007f]*$/.test(text) ? text.length : new TextEncoder().encode(text).byteLength;
}

/**
 * Bytes of a head inside a journal message of 128 KB: what outcomes and timeline add to it at most
 * fits in beside it.
 */
export const HEAD_MAX = 40_000;

/**
 * What stays the same about a message from acceptance on. It travels as JSON text: see
 * `AcceptUnit`.
 */
export interface Head {
  readonly envelope: Envelope;
  readonly addressees: readonly Addressee[];
}

/** Where a message's content is: with the row, or in R2 under `key`. */
export type ContentRef = { readonly inline: string } | { readonly key: string };

/**
 * A message on its way into the Outbox. `head` (JSON of `Head`) and content are text to it: a
 * shard has one thread, and whoever reads them has many.
 */
export interface AcceptUnit {
  readonly id: string;
  readonly lane: Lane;
  readonly stream: string;
  /** Number of recipients. */
  readonly count: number;
  readonly createdAt: number;
  readonly expires: number;
  readonly onUnknown: OnUnknown;
  readonly graceMs: number;
  readonly head: string;
  readonly content: ContentRef;
}

export interface AcceptRequest {
  readonly units: readonly AcceptUnit[];
  /** What is answered, and answered again to the same key. */
  readonly response: string;
  readonly idempotency: IdempotencyKey | null;
}

export type AcceptReply =
  | { readonly kind: "accepted" }
  | Replayed
  /** Another message has one of the ids: a chance of one in 10^13 a millisecond, and yet. */
  | { readonly kind: "id_taken" }
  | { readonly kind: "full"; readonly retryAfterMs: number };

/** A pack of pointers in a lane queue: a hint, the messages stay in the Outbox. */
export interface Pack extends ShardRef {
  readonly v: 1;
  readonly ids: readonly string[];
  readonly generation: number;
}

/** What a consumer needs to know to decide about a message; no content. */
export interface Peeked {
  readonly id: string;
  readonly head: string;
  /**
   * Those still to be reached; for a repeat of an ambiguous attempt exactly the ones of that
   * attempt.
   */
  readonly numbers: readonly number[];
  /** The source an ambiguous attempt went to: the repeat goes there and nowhere else. */
  readonly frozenSource: string | null;
  /** The call of several that is to be repeated, as it was, under this key. */
  readonly batch: string | null;
  /** Nothing has gone wrong with it so far: it may share a call with others. */
  readonly fresh: boolean;
  readonly onUnknown: OnUnknown;
}

export interface ClaimRequest {
  readonly id: string;
  readonly suppressed: readonly { readonly no: number; readonly code: string }[];
  /** Null when nobody is left to write to. */
  readonly attempt: {
    readonly source: string;
    readonly deduplicatesForMs: number;
    /** What leaves in one call has the same group within one claim. */
    readonly group: BatchGroup | null;
  } | null;
}

/** A new call of several, numbered within its claim, or a known one that is repeated as it was. */
export type BatchGroup = { readonly label: number } | { readonly key: string };

export interface Claimed {
  readonly id: string;
  /** Empty for a message whose fate is known and which is in a repeated call for its bytes. */
  readonly token: string;
  /** The head of a message with an empty token. */
  readonly head?: string;
  /** The key of the call it shares with others; null when it goes alone. */
  readonly batch: string | null;
  /** When an earlier attempt began that may have been accepted, Unix ms; null without one. */
  readonly unknownSince: number | null;
  readonly attempt: number;
  readonly leaseUntil: number;
  readonly numbers: readonly number[];
  readonly content: ContentRef;
}

/** One claim: a message and the token that proves it. */
export interface ClaimRef {
  readonly id: string;
  readonly token: string;
}

export interface SettleRequest {
  readonly id: string;
  readonly token: string;
  readonly outcome: Settlement;
}

/** A message in the journal as the Outbox has it, complete: recording it twice changes nothing. */
export interface JournalUnit {
  readonly id: string;
  readonly rev: number;
  /** The Outbox still works on it. */
  readonly open: boolean;
  readonly head: string;
  readonly source: string;
  readonly providerMessageId: string;
  readonly recipients: UnitRecord["recipients"];
  readonly timeline: readonly TimelineEntry[];
}

/** Why a recipient is not written to by mail of a stream and lane (`*`: of any). */
export interface SuppressedRecipient {
  readonly hash: string;
  readonly stream: string;
  readonly lane: Lane | "*";
  readonly reason: string;
}

/** The body of a journal message. */
export type JournalBody =
  | ({ readonly v: 1; readonly kind: "units"; readonly units: readonly JournalUnit[] } & ShardRef)
  | {
      readonly v: 1;
      readonly kind: "events";
      readonly events: readonly ProviderEvent[];
      /** Of one source, of types that no table has. */
      readonly unknown?: { readonly source: string; readonly events: readonly UnknownEvent[] };
      /** How often events of a message that nobody knows have come back. */
      readonly tries?: number;
      /** Asked of the provider's records, or brought by mail: no sign that its webhook works. */
      readonly asked?: true;
    }
  | ({
      readonly v: 1;
      readonly kind: "settle";
      readonly settlements: readonly SettleRequest[];
    } & ShardRef);

/** What D1 knows that the Outbox should: taken over (with the revision), or proved by an event. */
export interface Confirmation {
  readonly id: string;
  readonly rev: number;
  readonly proved: readonly { readonly no: number; readonly state: State; readonly at: number }[];
}

/** One shard as the lane consumers call it. Any call may reject: then its effect is unknown. */
export interface OutboxPort {
  peek(pack: Pick<Pack, "ids" | "generation">): Promise<Peeked[]>;
  claim(requests: readonly ClaimRequest[]): Promise<Claimed[]>;
  settle(requests: readonly SettleRequest[]): Promise<void>;
  release(claims: readonly ClaimRef[]): Promise<void>;
  renew(claims: readonly ClaimRef[]): Promise<void>;
  defer(waits: readonly { readonly id: string; readonly notBefore: number }[]): Promise<void>;
}

/** One shard's books, in recipients. */
export interface ShardLedger {
  readonly accepted: number;
  readonly open: number;
  readonly confirmed: number;
  readonly claimed: number;
  readonly held: number;
}

/** A unit as `GET /emails/:id` and lists read it from the Outbox. */
export interface StoredUnit extends JournalUnit {
  readonly phase: Phase;
  readonly content: ContentRef | null;
}

/** The journal's view of a stored unit. */
export function journalUnit(id: string, head: string, record: UnitRecord): JournalUnit {
  const { rev, phase, source, providerMessageId, recipients, timeline } = record;
  return {
    id,
    rev,
    open: phase !== "closed",
    head,
    source,
    providerMessageId,
    recipients,
    timeline,
  };
}
