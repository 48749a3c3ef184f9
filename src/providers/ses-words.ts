/**
 * What Amazon SES calls a bounce or a complaint. Resend delivers through SES and passes its types
 * on, so both read them here
 * (https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html).
 */
import type { BounceHint } from "../core/bounce.ts";
import type { EventType } from "../core/delivery-state.ts";

/** What a bounce is in our words; without a hint the diagnostic tells. */
export interface BounceMeaning {
  readonly type: EventType;
  readonly bounce?: BounceHint;
}

const LISTED: BounceMeaning = { type: "suppressed", bounce: { category: "provider_list" } };

/** By sub-type, whatever the type: these name the reason. */
const SUB_TYPES: Readonly<Record<string, BounceMeaning>> = {
  NoEmail: { type: "bounced", bounce: { kind: "hard", category: "recipient" } },
  // Neither was sent: the one is SES's own list, the other the account's.
  Suppressed: LISTED,
  OnAccountSuppressionList: LISTED,
  UnsubscribedRecipient: LISTED,
  MailboxFull: { type: "bounced", bounce: { kind: "soft", category: "mailbox_full" } },
  MessageTooLarge: { type: "bounced", bounce: { kind: "block", category: "too_large" } },
  ContentRejected: { type: "bounced", bounce: { kind: "block", category: "content" } },
  AttachmentRejected: { type: "bounced", bounce: { kind: "block", category: "content" } },
};

/** By type, where the sub-type says no more. */
const TYPES: Readonly<Record<string, BounceMeaning>> = {
  Permanent: { type: "bounced", bounce: { kind: "hard" } },
  Transient: { type: "bounced", bounce: { kind: "soft" } },
};

/** The meaning of a `bounceType` and its `bounceSubType`; others say only that it bounced. */
export function bounceMeaning(type: string, subType: string): BounceMeaning {
  if (Object.hasOwn(SUB_TYPES, subType)) return SUB_TYPES[subType] ?? { type: "bounced" };
  return (Object.hasOwn(TYPES, type) ? TYPES[type] : undefined) ?? { type: "bounced" };
}
