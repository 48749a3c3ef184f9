/**
 * What happenings teach about whom to write to. Only what is about the mailbox itself counts: a
 * refusal of policy, reputation, authentication, content or rate says nothing of the address.
 */
import { canonicalAddress } from "../core/address.ts";
import type { Bounce, BounceCategory } from "../core/bounce.ts";
import type { Happening, ProviderEvent } from "../core/events.ts";
import { isMagic } from "../core/sandbox.ts";
import {
  ALL_STREAMS,
  blankChange,
  foldChanges,
  type SuppressionChange,
} from "../core/suppression.ts";

/**
 * Categories of soft bounces that count. `unknown` does not: much of it is automatic replies and
 * unread refusals of policy, and what is not known to be about the mailbox is not held against it.
 */
const ABOUT_THE_MAILBOX: ReadonlySet<BounceCategory> = new Set([
  "recipient",
  "mailbox_full",
  "mailbox_inactive",
]);

/** The facts that one happening adds; null: none. */
type Taught = Partial<Omit<SuppressionChange, "account" | "hash" | "address">> | null;

/**
 * The changes to the suppression list that happenings imply, lifts included: every delivery is in
 * them as `deliveredAt`, and lifts earlier soft bounces. One change for each account, address and
 * stream, in order of these; the same for any order and repetition of the happenings.
 */
export function suppressionsOf(happenings: readonly Happening[]): SuppressionChange[] {
  const changes = happenings.flatMap((one) => {
    const taught = isMagic(one.address) ? null : taughtBy(one);
    if (taught === null) return [];
    const { account, hash, address } = one;
    const blank = blankChange({
      account,
      hash,
      stream: ALL_STREAMS,
      address: canonicalAddress(address),
    });
    return [{ ...blank, ...taught }];
  });
  return foldChanges(changes);
}

/**
 * The changes that unsubscriptions by our own links imply when nobody has the message any more:
 * the link says by itself whose they are. The address is not in it; the entry is by its hash.
 */
export function departuresOf(events: readonly ProviderEvent[]): SuppressionChange[] {
  return foldChanges(
    events.flatMap(({ account, messageId, at, source, left }) => {
      if (left === undefined) return [];
      const blank = blankChange({ account, ...left, address: "" });
      return [{ ...blank, source, messageId, firstAt: at, lastAt: at, unsubscribedAt: at }];
    }),
  );
}

function taughtBy(one: Happening): Taught {
  const { source, messageId } = one;
  // Nothing happens to a message before it is accepted: a clock that says so would end the entry
  // before its time.
  const { createdAt = 0 } = one.envelope;
  const at = Math.max(one.at, createdAt);
  const seen = { source, messageId, firstAt: at, lastAt: at };
  switch (one.type) {
    case "delivered":
      return { deliveredAt: at };
    case "complained":
      return { ...seen, complainedAt: at };
    case "unsubscribed":
      return { ...seen, stream: one.envelope.stream, unsubscribedAt: at };
    case "suppressed":
      // Our own is the list at work and nothing new.
      return one.ours ? null : { ...seen, listedAt: at };
    case "bounced": {
      const weight = one.bounce === null ? null : weightOf(one.bounce);
      if (weight === null) return null;
      if (weight === "soft") return { ...seen, soft: { [messageId]: at } };
      return weight === "hard" ? { ...seen, hardAt: at } : { ...seen, listedAt: at };
    }
    default:
      return null;
  }
}

/**
 * A final refusal whose reason is a full or inactive mailbox, or is not known, counts as a soft
 * one: final for the message, not for the address.
 */
function weightOf({ kind, category }: Bounce): "hard" | "soft" | "listed" | null {
  if (category === "provider_list") return "listed";
  if (kind === "block") return null;
  if (kind === "hard" && category === "recipient") return "hard";
  const counts = ABOUT_THE_MAILBOX.has(category) || (kind === "hard" && category === "unknown");
  return counts ? "soft" : null;
}
