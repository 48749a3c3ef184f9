/**
 * The contract between Postern and one email provider. An adapter is a function from one message to
 * one `Outcome`; it never retries by itself and never throws for what a provider may do.
 */
import type { z } from "zod";
import type { Mailbox } from "../core/address.ts";
import type { BounceHint } from "../core/bounce.ts";
import type { Lane } from "../core/custody.ts";
import type { EventType } from "../core/delivery-state.ts";
import type { Result } from "../core/result.ts";
import type { ReturnRoute } from "../core/return-path.ts";
import type { SandboxAnswer, SandboxCall } from "../core/sandbox.ts";
import type { Hooks } from "./hooks.ts";

/** A file that travels with a message. `content` is base64 (RFC 4648 section 4). */
export interface Attachment {
  readonly filename: string;
  readonly content: string;
  readonly contentType?: string;
  /** Makes the part inline, to be referred to as `cid:<contentId>` (RFC 2392). */
  readonly contentId?: string;
}

/** A label that the provider gives back in its events. Characters `[A-Za-z0-9_-]`, up to 256. */
export interface Tag {
  readonly name: string;
  readonly value: string;
}

/** What a provider may add to a message on its own. All false unless the stream asks for it. */
export interface Extras {
  /** An image that reports that the mail was opened. */
  readonly opens: boolean;
  /** Links are rewritten to report clicks. */
  readonly clicks: boolean;
  /** The provider adds its own unsubscribe link or header, and keeps its own list. */
  readonly unsubscribe: boolean;
}

/** One message as a provider takes it: one call, whatever the number of recipients. */
export interface OutgoingMessage {
  /** Our message id, the same over all attempts. */
  readonly id: string;
  readonly account: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Stable over all attempts of the same bytes: what a deduplicating provider recognises. */
  readonly idempotencyKey: string;
  /** `id@domain`, without the angle brackets, the same over all attempts (RFC 5322 3.6.4). */
  readonly messageId: string;
  /** Unix milliseconds of acceptance: the Date header, the same over all attempts. */
  readonly createdAt: number;
  readonly stream: string;
  /** The kind of the stream. */
  readonly lane: Lane;
  readonly from: Mailbox;
  /** Suppressed recipients are already gone. */
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  readonly bcc: readonly Mailbox[];
  /** Our numbers of the recipients above, in the order to, cc, bcc. */
  readonly recipientNumbers: readonly number[];
  readonly replyTo: readonly Mailbox[];
  /** One line, any Unicode. */
  readonly subject: string;
  readonly html?: string;
  readonly text?: string;
  /** The caller's own; checked: no line breaks, none that steers a provider. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tags: readonly Tag[];
  /** The caller's facts, given back in events: names `[A-Za-z0-9_-]`, values one line. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly attachments: readonly Attachment[];
  readonly extras: Extras;
  /** Unix milliseconds after which delivery is of no use. */
  readonly expiresAt: number;
}

/** Who is at fault for a refusal. Only a provider's fault is worth another source. */
export type Fault = "recipient" | "content" | "sender" | "account" | "provider";

/** One recipient that an otherwise accepted call left out. `address` is the bare mailbox. */
export interface RefusedRecipient {
  readonly address: string;
  /** Refused for now only: this recipient is tried again, alone. */
  readonly retryable?: boolean;
  readonly code: string;
  readonly text: string;
}

/**
 * What one attempt came to. `code` is the provider's or our own stable word, `text` is for people
 * and carries no address.
 */
export type Outcome =
  | {
      readonly kind: "accepted";
      readonly providerMessageId: string;
      readonly refused: readonly RefusedRecipient[];
    }
  /** Refused for now, before acceptance: the API's rate, not the mailbox operator's. */
  | { readonly kind: "throttled"; readonly retryAfterMs: number; readonly text: string }
  /** Refused for good. `code: "suppressed"` when the provider's own list has the recipient. */
  | {
      readonly kind: "rejected";
      readonly fault: Exclude<Fault, "provider">;
      readonly code: string;
      readonly text: string;
    }
  /**
   * Not taken, and no message's own fault. With the code of `batchRefused` (outcomes.ts), a call
   * of several was refused whole for another message's sake; nothing of it was accepted.
   */
  | {
      readonly kind: "failed";
      readonly fault: "provider";
      readonly retryable: boolean;
      readonly code: string;
      readonly text: string;
    }
  /** The request may have been accepted: time-out, reset, or an answer that cannot be read. */
  | { readonly kind: "ambiguous"; readonly reason: string };

/** How many messages may leave in one call, each with an outcome of its own. */
export interface BatchCapability {
  readonly messagesMax: number;
  /**
   * The same key with the same messages within this time is accepted once; 0: it is not recognised.
   */
  readonly deduplicatesForMs: number;
  /**
   * All messages of a call have the same sender, subject and content. Recipients differ, and so may
   * header fields and metadata.
   */
  readonly sharesContent: boolean;
  /** They go one after another: only the one under way is unknown when no answer comes. */
  readonly oneByOne?: boolean;
}

/** What a provider can do; routing reads it. */
export interface Capabilities {
  /** To, Cc and Bcc together, in one call. */
  readonly recipientsMax: number;
  /** Bytes of one call's body. */
  readonly bytesMax: number;
  /** The same idempotency key within the window is accepted once. 0: it does not deduplicate. */
  readonly deduplicatesForMs: number;
  /** Null: one message a call. */
  readonly batch: BatchCapability | null;
  /** It can hold mail back until a time by itself. Postern schedules on its own. */
  readonly schedules: boolean;
  /** It can add an unsubscribe link or header of its own. */
  readonly unsubscribes: boolean;
  /** It can report opens and clicks by rewriting the content. */
  readonly tracks: boolean;
  /** How far ahead it can be told to stop trying, in milliseconds; 0: it cannot be told. */
  readonly expiryMaxMs: number;
}

/** What an adapter may use. All of it is given, so that it can be run against an emulator. */
export interface SendDeps {
  readonly fetch: typeof fetch;
  readonly now: () => number;
  /** Ends the attempt; armed by the caller when the send has a connection of its own. */
  readonly signal: AbortSignal;
}

/** A question to a provider that was not answered; `text` carries no secret and no address. */
export interface Unanswered {
  readonly retryAfterMs: number | null;
  readonly text: string;
}

/**
 * One thing a provider says about one recipient, in its records or by its webhook. Fields that the
 * provider leaves out are empty.
 */
export interface FeedEvent {
  /** Our message id, as the provider gives it back. */
  readonly messageId: string;
  /** Our account, as the provider gives it back. */
  readonly account?: string;
  /**
   * The provider's id of the message, in the very form in which `Outcome` has it; left out where
   * the two may differ, since a bounce of another attempt is told by it.
   */
  readonly providerMessageId?: string;
  /** The provider's id of the event. */
  readonly eventId?: string;
  /** The bare mailbox. */
  readonly address: string;
  readonly type: EventType;
  /** Unix milliseconds, the provider's time; 0 when it tells none. */
  readonly at: number;
  /** Enhanced status code (RFC 3463), else the SMTP reply code, else the provider's own word. */
  readonly code: string;
  /** What the other server said, in one line; may quote addresses. */
  readonly text: string;
  /** What the provider's own fields say of a bounce. */
  readonly bounce?: BounceHint;
  /** What was clicked. */
  readonly url?: string;
  /** The event as it came. */
  readonly raw?: unknown;
}

/** What a source was asked by our message id, from the provider's own records. */
export type Found =
  /** It was accepted under this id of the provider's. */
  | { readonly kind: "accepted"; readonly providerMessageId: string }
  /** The provider has no such message: certain only as far as its records are up to date. */
  | { readonly kind: "none" };

/** One configured connection to a provider. */
export interface Provider {
  readonly capabilities: Capabilities;
  /** How long one call may take, in milliseconds, before it counts as ambiguous. */
  readonly timeLimitMs: number;
  send(message: OutgoingMessage, deps: SendDeps): Promise<Outcome>;
  /**
   * Sends several in one call (for a relay: over one connection); present if
   * `capabilities.batch` is. 2 to `messagesMax` messages.
   *
   * @param key what a deduplicating provider recognises the identical batch by
   * @returns one outcome per message, in their order
   */
  readonly sendBatch?: (
    messages: readonly OutgoingMessage[],
    key: string,
    deps: SendDeps,
  ) => Promise<readonly Outcome[]>;
  /**
   * Whether the provider's records have a message of ours, asked before an unknown is repeated.
   *
   * @param message our message id, and where and since when it may have been sent
   */
  readonly lookup?: (message: Sought, deps: SendDeps) => Promise<Result<Found, Unanswered>>;
  /** What the provider recorded since a time (Unix ms), at most one page; oldest first. */
  readonly eventsSince?: (
    since: number,
    deps: SendDeps,
  ) => Promise<Result<readonly FeedEvent[], Unanswered>>;
  /** The domains that this account may send from, lower-cased. */
  readonly identities?: (deps: SendDeps) => Promise<Result<readonly string[], Unanswered>>;
}

/** What is known of a message whose fate a provider is asked for. */
export type Sought = Pick<OutgoingMessage, "id" | "messageId" | "createdAt">;

/** A binding that sends mail, as Cloudflare's Email Service has it. */
export interface EmailBinding {
  send(message: unknown): Promise<{ readonly messageId?: string }>;
}

/** A TCP connection as `connect()` of the Workers runtime gives it. */
export interface TcpSocket {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly opened: Promise<unknown>;
  readonly closed: Promise<unknown>;
  close(): Promise<void>;
  startTls(): TcpSocket;
}

/** Opens TCP connections. */
export type Connect = (
  address: { readonly hostname: string; readonly port: number },
  options: {
    readonly secureTransport: "off" | "on" | "starttls";
    readonly allowHalfOpen: boolean;
  },
) => TcpSocket;

/** What making a source's adapter may use. */
export interface ProviderDeps {
  /** The source's name in the configuration. */
  readonly source: string;
  /** The value of a secret, null when it is not set. */
  readonly secret: (name: string) => string | null;
  readonly sandbox: (call: SandboxCall) => Promise<SandboxAnswer>;
  /** The binding of this name, null when there is none that sends mail. */
  readonly email: (binding: string) => EmailBinding | null;
  readonly connect: Connect;
  /** The signed return path of a message of this source; left out, none can be made. */
  readonly returnPath?: (messageId: string, route: ReturnRoute) => Promise<string>;
}

/** One provider as the registry knows it. */
export interface ProviderDefinition<Schema extends z.ZodObject> {
  /** The fields of `[vars.POSTERN.sources.NAME]`, `provider` among them. */
  readonly settings: Schema;
  /** The kinds of streams it takes. */
  readonly lanes: readonly Lane[];
  /** How its events arrive; null: not by HTTP. */
  readonly hooks: Hooks | null;
  /** Its events name a message by the provider's own id only. */
  readonly anonymous?: true;
  /** Makes the adapter of one source; an error is one sentence, such as a secret not set. */
  create(settings: z.infer<Schema>, deps: ProviderDeps): Result<Provider, string>;
}
