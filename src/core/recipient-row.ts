/**
 * From what the journal carries to rows of a message and recipient, one row a key however many
 * facts. Every field merges so that any order and any repetition end alike; `store/recipients.ts`
 * does the same in SQL.
 */
import { attemptKey, type Bounces, mergeBounces, standingBounce } from "./attempts.ts";
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
import { marksOf } from "./marks.ts";
import { compareText } from "./text-order.ts";
import { FINAL } from "./unit-record.ts";

/** What is known of one recipient. Null fields are not known and leave a stored value as it is. */
export interface RecipientRow {
  readonly account: string;
  readonly messageId: string;
  readonly no: number;
  readonly address: string | null;
  readonly hash: string | null;
  readonly kind: string | null;
  /** The best fact apart from bounces that providers reported. */
  readonly state: State;
  readonly rank: number;
  readonly stateAt: number;
  readonly code: string;
  readonly text: string;
  /** Revision of the Outbox's record, 0 for events of a provider. The four below are of it. */
  readonly rev: number;
  readonly custody: boolean;
  readonly source: string | null;
  readonly providerMessageId: string | null;
  readonly complainedAt: number | null;
  /** See core/marks. */
  readonly marks: number;
  /** See core/attempts. */
  readonly bounces: Bounces;
  /** Distinct opens and clicks, as texts; see `ENGAGEMENT_MAX`. */
  readonly engagement: readonly string[];
  /** How the message is found by events that name the provider's id only. */
  readonly providerKey: string | null;
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
  readonly marks: number;
  readonly bounces: string;
  readonly attempt_key: string;
  readonly engagement: string;
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

/**
 * Distinct opens and clicks that one recipient is counted for: more are a proxy that fetches, and a
 * row stays small.
 */
export const ENGAGEMENT_MAX = 64;

/** The key of a source's message, for events that name nothing but the provider's id. */
export const providerKeyOf = (source: string, providerMessageId: string): string =>
  `${source}/${providerMessageId}`;

/**
 * The rows of one unit as its Outbox has it.
 *
 * @param isAnonymous whether the events of a source name the provider's id only
 */
export function rowsOfUnit(
  account: string,
  unit: JournalUnit,
  isAnonymous: (source: string) => boolean = () => false,
): RecipientRow[] {
  const { envelope, addressees } = JSON.parse(unit.head) as Head;
  const { source, providerMessageId: id } = unit;
  const found = id !== "" && isAnonymous(source);
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
    source: source === "" ? null : source,
    providerMessageId: id === "" ? null : id,
    complainedAt: null,
    marks: recipient.state === "sent" ? marksOf("sent", null) : 0,
    bounces: {},
    engagement: [],
    providerKey: found && no === 0 ? providerKeyOf(source, id) : null,
    timeline: unit.timeline.filter((entry) => entry.no === undefined || entry.no === no),
    message: no === 0 ? JSON.stringify(envelope) : null,
  }));
}

/** The row that one event of a provider makes or adds to; `no` is its recipient. */
export function rowOfEvent(event: ProviderEvent, no: number): RecipientRow {
  const { account, messageId, source, type, at, code, text, providerMessageId = "" } = event;
  const bounce = event.bounce ?? { kind: "soft" as const, category: "unknown" as const };
  const isBounce = type === "bounced";
  // A bounce is proof that it was sent; what it makes of the state is told by its attempt.
  const state = isBounce ? "sent" : STATE_OF_EVENT[type];
  const isEngagement = type === "opened" || type === "clicked";
  const told = { at, type, no, source, code, text };
  const entry = isBounce ? { ...told, bounce: `${bounce.kind}/${bounce.category}` } : told;
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
    code: isBounce ? "" : code,
    text: isBounce ? "" : text,
    rev: 0,
    custody: false,
    source: null,
    providerMessageId: null,
    complainedAt: type === "complained" ? at : null,
    marks: marksOf(type, isBounce ? bounce.kind : null),
    bounces: isBounce
      ? { [attemptKey(source, providerMessageId)]: { ...bounce, at, code, text } }
      : {},
    engagement: isEngagement ? [engagementOf(type, at, event.url ?? "")] : [],
    providerKey: null,
    timeline: isEngagement ? [] : [entry],
    message: null,
  };
}

/** Characters of a link that tell a click from another one. */
const LINK_MAX = 200;

const engagementOf = (type: "opened" | "clicked", at: number, url: string): string =>
  `${type === "opened" ? "o" : "c"}${String(at).padStart(15, "0")}${url.slice(0, LINK_MAX)}`;

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
  const newer = isNewer(a, b) ? a : b;
  const fact = mergeFacts(factOf(a), factOf(b));
  return {
    ...a,
    address: least(a.address, b.address),
    hash: least(a.hash, b.hash),
    kind: least(a.kind, b.kind),
    state: fact.state,
    rank: rankOf(fact.state),
    stateAt: fact.at,
    code: fact.code,
    text: fact.text,
    rev: newer.rev,
    custody: newer.custody,
    source: newer.source,
    providerMessageId: newer.providerMessageId,
    complainedAt: earliest(a.complainedAt, b.complainedAt),
    marks: a.marks | b.marks,
    bounces: mergeBounces(a.bounces, b.bounces),
    engagement: mergeEngagement(a.engagement, b.engagement),
    providerKey: least(a.providerKey, b.providerKey),
    timeline: mergeTimelines(a.timeline, b.timeline),
    message: least(a.message, b.message),
  };
}

/** The attempt that the Outbox last had accepted, empty when it knows of none. */
export const attemptOf = ({ source, providerMessageId: id }: RecipientRow): string =>
  source === null || id === null ? "" : attemptKey(source, id);

/**
 * Where a recipient stands: the best fact, or the bounce of the newest attempt.
 */
export function standingOf(row: RecipientRow): State {
  const bounce = standingBounce(row.bounces, attemptOf(row), row.source);
  return bounce === null ? row.state : "bounced";
}

/** The first of a total order are kept, so that the order of merging does not matter. */
function mergeEngagement(a: readonly string[], b: readonly string[]): readonly string[] {
  if (b.length === 0) return a;
  return [...new Set([...a, ...b])].sort(compareText).slice(0, ENGAGEMENT_MAX);
}

/** Revisions of one record never repeat; the rest only makes the order total. */
function isNewer(a: RecipientRow, b: RecipientRow): boolean {
  const order =
    a.rev - b.rev ||
    Number(a.custody) - Number(b.custody) ||
    compareText(a.source ?? "", b.source ?? "") ||
    compareText(a.providerMessageId ?? "", b.providerMessageId ?? "");
  return order >= 0;
}

const factOf = (row: RecipientRow) => ({
  state: row.state,
  at: row.stateAt,
  code: row.code,
  text: row.text,
});

const earliest = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);

/** What never differs once it is known; the smaller one if it ever does. */
const least = (a: string | null, b: string | null): string | null =>
  a === null || b === null ? (a ?? b) : compareText(a, b) <= 0 ? a : b;
