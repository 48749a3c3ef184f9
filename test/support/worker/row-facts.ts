/**
 * What the journal may carry about the recipients of two messages: outcomes and events, told
 * apart.
 */
import fc from "fast-check";
import { BOUNCE_KINDS } from "../../../src/core/bounce.ts";
import {
  mergeTimelines,
  rankOf,
  STATES,
  type TimelineEntry,
} from "../../../src/core/delivery-state.ts";
import { type RecipientRow, rowOfEvent } from "../../../src/core/recipient-row.ts";

const TEXTS = ["", "450 4.2.0 busy", 'é "quoted" \\ back', "\u{1f600}", "日本", "'; --"] as const;

const messages = fc.constantFrom("m1", "m2");
const recipients = fc.nat(1);
const times = fc.integer({ min: 1_800_000_000_000, max: 1_800_000_000_004 });
const texts = fc.constantFrom(...TEXTS);

const events = fc
  .record({
    messageId: messages,
    recipientNo: recipients,
    type: fc.constantFrom(
      ...(["delivered", "deferred", "bounced", "complained", "rejected"] as const),
      ...(["queued", "opened", "clicked", "unsubscribed"] as const),
    ),
    source: fc.constantFrom("s1", "s7"),
    providerMessageId: fc.constantFrom("", "p7", 'p"8'),
    bounce: fc.record({
      kind: fc.constantFrom(...BOUNCE_KINDS),
      category: fc.constantFrom("recipient", "policy"),
    }),
    url: fc.constantFrom("", "https://a.example/?b=\u{1f600}"),
    at: times,
    code: fc.constantFrom("", "4.2.0", "5.1.1"),
    text: texts,
  })
  .map((event) => rowOfEvent({ account: "acme", ...event }, event.recipientNo));

/** A revision of an Outbox's record is written once: everything in it follows from its number. */
export function outcome(of: { messageId: string; no: number; rev: number }): RecipientRow {
  const { messageId, no, rev } = of;
  const state = STATES[(rev * 5) % STATES.length] ?? "pending";
  const at = 1_800_000_000_000 + (rev % 4);
  const timeline: TimelineEntry[] = Array.from({ length: rev * 9 }, (_, index) => ({
    at: at + index,
    type: index % 3 === 0 ? "waiting" : "sent",
    no,
    code: TEXTS[index % TEXTS.length] ?? "",
  }));
  return {
    account: "acme",
    messageId,
    no,
    address: `r${no}@a.example`,
    hash: `hash-${no}`,
    kind: "to",
    state,
    rank: rankOf(state),
    stateAt: at,
    code: "",
    text: TEXTS[rev % TEXTS.length] ?? "",
    rev,
    custody: rev % 2 === 0,
    // Once known they are replaced and never taken back.
    source: rev < 3 ? null : `s${rev}`,
    providerMessageId: rev < 5 ? null : `p${rev}`,
    complainedAt: null,
    marks: rev > 4 ? 1 : 0,
    bounces: {},
    engagement: [],
    providerKey: no === 0 && rev > 6 ? `k-${messageId}` : null,
    timeline: mergeTimelines([], timeline),
    message: no === 0 ? JSON.stringify({ subject: TEXTS[2], id: messageId }) : null,
  };
}

const outcomes = fc
  .record({ messageId: messages, no: recipients, rev: fc.integer({ min: 1, max: 9 }) })
  .map(outcome);

export const rowFacts: fc.Arbitrary<RecipientRow> = fc.oneof(events, outcomes);
