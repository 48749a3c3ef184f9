/**
 * The contract between Postern and one email provider. An adapter is a function from one message to
 * one `Outcome`; it never retries by itself and never throws for what a provider may do.
 */

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

/** One message as a provider takes it: one call, whatever the number of recipients. */
export interface OutgoingMessage {
  /** Our message id, the same over all attempts. */
  readonly id: string;
  readonly account: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Stable over all attempts of the same bytes: what a deduplicating provider recognises. */
  readonly idempotencyKey: string;
  readonly stream: string;
  /** Mailboxes, `Name <local@domain>` or `local@domain`. Suppressed recipients are already gone. */
  readonly from: string;
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly bcc: readonly string[];
  /** Our numbers of the recipients above, in the order to, cc, bcc. */
  readonly recipientNumbers: readonly number[];
  readonly replyTo: readonly string[];
  readonly subject: string;
  readonly html?: string;
  readonly text?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tags: readonly Tag[];
  readonly attachments: readonly Attachment[];
  /** Unix milliseconds after which delivery is of no use. */
  readonly expiresAt: number;
}

/** Who is at fault for a refusal. Only a provider's fault is worth another source. */
export type Fault = "recipient" | "content" | "sender" | "account" | "provider";

/** One recipient that an otherwise accepted call left out. `address` is the bare mailbox. */
export interface RefusedRecipient {
  readonly address: string;
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
  | {
      readonly kind: "failed";
      readonly fault: "provider";
      readonly retryable: boolean;
      readonly code: string;
      readonly text: string;
    }
  /** The request may have been accepted: time-out, reset, or an answer that cannot be read. */
  | { readonly kind: "ambiguous"; readonly reason: string };

/** What a provider can do; routing reads it. */
export interface Capabilities {
  /** To, Cc and Bcc together, in one call. */
  readonly recipientsMax: number;
  /** Bytes of one call's body. */
  readonly bytesMax: number;
  /** The same idempotency key within the window is accepted once. 0: it does not deduplicate. */
  readonly deduplicatesForMs: number;
}

/** What an adapter may use. All of it is given, so that it can be run against an emulator. */
export interface SendDeps {
  readonly fetch: typeof fetch;
  readonly now: () => number;
  /** Ends the attempt; armed by the caller when the send has a connection of its own. */
  readonly signal: AbortSignal;
}

/** One configured connection to a provider. */
export interface Provider {
  readonly capabilities: Capabilities;
  /** How long one send may take, in milliseconds, before it counts as ambiguous. */
  readonly timeLimitMs: number;
  send(message: OutgoingMessage, deps: SendDeps): Promise<Outcome>;
}
