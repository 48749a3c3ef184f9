/**
 * What happens to a recipient, on its way through the journal: a provider's event as reported, and
 * a happening, which is an event or an outcome of our own whose message is known.
 */
import type { Bounce } from "./bounce.ts";
import type { Envelope } from "./custody.ts";
import type { EventType } from "./delivery-state.ts";

/** One thing a provider reported about one recipient. */
export interface ProviderEvent {
  /** The account's scope; empty when the provider does not give it back. */
  readonly account: string;
  /** Our message id; empty when the provider does not give it back. */
  readonly messageId: string;
  /** The recipient's number; null: it is told by its address. */
  readonly recipientNo: number | null;
  readonly address?: string;
  /** The provider's id of the message, where it is known to be in the form `Outcome` has. */
  readonly providerMessageId?: string;
  /** Empty: no provider's, but of a link of ours. */
  readonly source: string;
  readonly type: EventType;
  /** Unix milliseconds, the provider's time. */
  readonly at: number;
  readonly code: string;
  /** One line without addresses. */
  readonly text: string;
  /** Of a bounce. */
  readonly bounce?: Bounce;
  /** What was clicked. */
  readonly url?: string;
  /**
   * Of an unsubscription by a link of ours: what it takes to heed it when the message's record is
   * gone.
   */
  readonly left?: { readonly hash: string; readonly stream: string };
  /** JSON of the event as it came, where it is worth keeping. */
  readonly raw?: string;
}

/** An event of a type that no table has. */
export interface UnknownEvent {
  readonly type: string;
  /** JSON of the event as it came. */
  readonly raw: string;
}

/** Something that happened to one recipient of a known message. */
export interface Happening {
  readonly account: string;
  readonly messageId: string;
  readonly no: number;
  /** The bare mailbox, as the message was addressed. */
  readonly address: string;
  /** See `recipientHash`. */
  readonly hash: string;
  readonly envelope: Envelope;
  /** The source by which it left; empty when it did not. */
  readonly source: string;
  readonly type: EventType;
  /** Unix milliseconds. */
  readonly at: number;
  readonly code: string;
  readonly text: string;
  readonly bounce: Bounce | null;
  /** What was clicked, else empty. */
  readonly url: string;
  /** An outcome of our own, not a provider's report. */
  readonly ours: boolean;
}

/** An event as its provider sent it, kept beside the message. */
export interface RawEvent {
  readonly account: string;
  readonly messageId: string;
  /** A hash of what it says, so that it is kept once. */
  readonly id: string;
  readonly no: number;
  readonly source: string;
  readonly type: string;
  /** Unix ms. */
  readonly at: number;
  /** JSON, cut off at a limit. */
  readonly raw: string;
}
