/**
 * What a bounce says: how final it is, and whose affair it is. Only what concerns the mailbox
 * itself ever keeps mail from a recipient; a refusal of policy, reputation, authentication or
 * content is about the sender and says nothing of the address.
 */

/** `hard`: the address is no good. `soft`: it may be later. `block`: the mail, not the address. */
export const BOUNCE_KINDS = ["soft", "block", "hard"] as const;

export type BounceKind = (typeof BOUNCE_KINDS)[number];

/** Whose affair a refusal is. */
export const BOUNCE_CATEGORIES = [
  /** There is no such mailbox or domain, or it takes no mail at all. */
  "recipient",
  "mailbox_full",
  /** The mailbox exists and is switched off for now: disabled, suspended, on holiday. */
  "mailbox_inactive",
  "policy",
  "reputation",
  "authentication",
  "content",
  "too_large",
  /** Too many messages or connections at a time, greylisting included. */
  "rate",
  /** DNS, routing, connections, time-outs, loops. */
  "network",
  /** The other server's own trouble. */
  "system",
  /** The provider kept it back because of its own list. */
  "provider_list",
  "unknown",
] as const;

export type BounceCategory = (typeof BOUNCE_CATEGORIES)[number];

/** A bounce as it was understood. */
export interface Bounce {
  readonly kind: BounceKind;
  readonly category: BounceCategory;
}

/** What the provider's own fields say of a bounce; absent where they say nothing. */
export type BounceHint = Partial<Bounce>;
