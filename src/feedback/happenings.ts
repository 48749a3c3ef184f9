/** What happened, with all that is known of the message: what every effect is derived from. */
import { parseMailbox } from "../core/address.ts";
import type { Envelope, Head, JournalUnit } from "../core/custody.ts";
import type { EventType, State } from "../core/delivery-state.ts";
import type { Happening } from "../core/events.ts";
import type { Resolved } from "./resolve.ts";

/** Outcomes of our own that are told; what is delivered or bounced, its provider's event tells. */
const OWN: Partial<Record<State, EventType>> = {
  sent: "sent",
  failed: "failed",
  suppressed: "suppressed",
  expired: "expired",
  cancelled: "cancelled",
};

/** The outcomes that a unit's record states, the same for each time it is journaled. */
export function happeningsOfUnit(account: string, unit: JournalUnit): Happening[] {
  const { envelope, addressees } = JSON.parse(unit.head) as Head;
  return unit.recipients.flatMap(({ state, at, code, text }, no) => {
    // What is unknown while the unit is open is on its way to being known.
    const type = state === "unknown" && !unit.open ? "unknown" : OWN[state];
    const addressee = addressees[no];
    if (type === undefined || addressee === undefined) return [];
    const { address, hash } = addressee;
    const base = { account, messageId: unit.id, no, address, hash, envelope, source: unit.source };
    return [{ ...base, type, at, code, text, bounce: null, url: "", ours: true }];
  });
}

/** One event of a provider. */
export function happeningOf({ event, no, context }: Resolved): Happening {
  const recipient = context.recipients.find((one) => one.no === no);
  const parsed = parseMailbox(recipient?.mailbox ?? "");
  const envelope: Envelope = context.envelope;
  const { account, messageId } = context;
  const { source, type, at, code, text, bounce = null, url = "" } = event;
  return {
    account,
    messageId,
    no,
    address: parsed.ok ? parsed.value.address : (recipient?.mailbox ?? ""),
    hash: recipient?.hash ?? "",
    envelope,
    source,
    type,
    at,
    code,
    text,
    bounce: type === "bounced" ? (bounce ?? { kind: "soft", category: "unknown" }) : null,
    url,
    ours: false,
  };
}
