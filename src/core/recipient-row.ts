/**
 * From what the journal carries to rows of a message and recipient, one row a key however many
 * facts.
 */
import type { Head, JournalUnit } from "./custody.ts";
import {
  mergeFacts,
  mergeTimelines,
  rankOf,
  STATE_OF_EVENT,
  type State,
  type TimelineEntry,
} from "./delivery-state.ts";
import type { ProviderEvent } from "./events.ts";
import { FINAL } from "./unit-record.ts";

/** What is known of one recipient. Null fields are not known and leave a stored value as it is. */
export interface RecipientRow {
  readonly account: string;
  readonly messageId: string;
  readonly no: number;
  readonly address: string | null;
  readonly hash: string | null;
  readonly kind: string | null;
  readonly state: State;
  readonly rank: number;
  readonly stateAt: number;
  readonly code: string;
  readonly text: string;
  /** Revision of the Outbox's record, 0 for events of a provider. */
  readonly rev: number;
  readonly custody: boolean;
  readonly source: string | null;
  readonly providerMessageId: string | null;
  readonly complainedAt: number | null;
  readonly timeline: readonly TimelineEntry[];
  /** JSON of the envelope, on recipient 0. */
  readonly message: string | null;
}

/** A stored row, as `GET /emails` reads it. */
export interface StoredRecipient {
  readonly message_id: string;
  readonly recipient_no: number;
  readonly address: string | null;
  readonly kind: "to" | "cc" | "bcc" | null;
  readonly state: State;
  readonly state_at: number;
  readonly code: string;
  readonly text: string;
  readonly source: string | null;
  readonly provider_message_id: string | null;
  readonly timeline: string;
  readonly message: string | null;
}

/** A row as it stands after a merge, as far as its Outbox may care. */
export interface MergedRow {
  readonly account: string;
  readonly messageId: string;
  readonly no: number;
  readonly state: State;
  readonly stateAt: number;
  /** The Outbox still works on this recipient, as of the last outcome recorded. */
  readonly custody: boolean;
}

/** The rows of one unit as its Outbox has it. */
export function rowsOfUnit(account: string, unit: JournalUnit): RecipientRow[] {
  const { envelope, addressees } = JSON.parse(unit.head) as Head;
  return unit.recipients.map((recipient, no) => ({
    account,
    messageId: unit.id,
    no,
    address: addressees[no]?.mailbox ?? null,
    hash: addressees[no]?.hash ?? null,
    kind: addressees[no]?.kind ?? null,
    state: recipient.state,
    rank: rankOf(recipient.state),
    stateAt: recipient.at,
    code: recipient.code,
    text: recipient.text,
    rev: unit.rev,
    custody: unit.open && !FINAL.has(recipient.state),
    source: unit.source === "" ? null : unit.source,
    providerMessageId: unit.providerMessageId === "" ? null : unit.providerMessageId,
    complainedAt: null,
    timeline: unit.timeline.filter((entry) => entry.no === undefined || entry.no === no),
    message: no === 0 ? JSON.stringify(envelope) : null,
  }));
}

/** The row that one event of a provider makes or adds to. */
export function rowOfEvent(event: ProviderEvent): RecipientRow {
  const { account, messageId, recipientNo, source, type, at, code, text } = event;
  const no = recipientNo ?? 0;
  const state = STATE_OF_EVENT[type];
  return {
    account,
    messageId,
    no,
    address: null,
    hash: null,
    kind: null,
    state,
    rank: rankOf(state),
    stateAt: at,
    code,
    text,
    rev: 0,
    custody: false,
    source,
    providerMessageId: null,
    complainedAt: type === "complained" ? at : null,
    timeline: [{ at, type, no, source, code, text }],
    message: null,
  };
}

const keyOf = (row: RecipientRow): string => `${row.account}\n${row.messageId}\n${row.no}`;

/**
 * Groups facts about the same recipient into one row, so that two events of one batch both count.
 */
export function mergeRows(rows: readonly RecipientRow[]): RecipientRow[] {
  const merged = new Map<string, RecipientRow>();
  for (const row of rows) {
    const key = keyOf(row);
    const other = merged.get(key);
    merged.set(key, other === undefined ? row : mergeTwo(other, row));
  }
  return [...merged.values()];
}

function mergeTwo(a: RecipientRow, b: RecipientRow): RecipientRow {
  const newer = a.rev >= b.rev ? a : b;
  const fact = mergeFacts(factOf(a), factOf(b));
  return {
    ...a,
    address: a.address ?? b.address,
    hash: a.hash ?? b.hash,
    kind: a.kind ?? b.kind,
    state: fact.state,
    rank: rankOf(fact.state),
    stateAt: fact.at,
    code: fact.code,
    text: fact.text,
    rev: newer.rev,
    custody: newer.custody,
    source: newer.source ?? a.source ?? b.source,
    providerMessageId: newer.providerMessageId ?? a.providerMessageId ?? b.providerMessageId,
    complainedAt: earliest(a.complainedAt, b.complainedAt),
    timeline: mergeTimelines(a.timeline, b.timeline),
    message: a.message ?? b.message,
  };
}

const factOf = (row: RecipientRow) => ({
  state: row.state,
  at: row.stateAt,
  code: row.code,
  text: row.text,
});

const earliest = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);
