/**
 * Who is not written to, and why. What is known of an address is a row of facts that only grow:
 * times that rise and sets that unite, so that they may come in any order and any number of times.
 * Whether the address is written to follows from the row, the policy and the time.
 */
import type { Lane } from "./custody.ts";
import { fnv64 } from "./fnv.ts";

/** Why an address is not written to, the most telling reason first. */
export const SUPPRESSION_REASONS = [
  "complaint",
  "hard_bounce",
  "unsubscribe",
  "manual",
  "soft_bounce",
  /** A provider keeps mail back because of its own list. */
  "provider_list",
] as const;

export type SuppressionReason = (typeof SUPPRESSION_REASONS)[number];

/** The stream of an entry that is about all streams. */
export const ALL_STREAMS = "*";

/** How long bounces count, in milliseconds; complaints, unsubscribes and manual entries stay. */
export interface SuppressionPolicy {
  /** A hard bounce counts this long; the next one renews it. */
  readonly hardMs: number;
  /** Soft bounces of this many distinct messages within `softWindowMs` suppress. */
  readonly softMessages: number;
  readonly softWindowMs: number;
  /** Soft bounces, once enough, and a provider's list count this long. */
  readonly softMs: number;
}

/** When each thing last happened, Unix ms; 0: never. */
export interface SuppressionFacts {
  readonly hardAt: number;
  /** The last of enough soft bounces since the last delivery. */
  readonly softAt: number;
  readonly listedAt: number;
  readonly complainedAt: number;
  readonly unsubscribedAt: number;
  readonly manualAt: number;
  readonly deliveredAt: number;
  readonly removedAt: number;
  readonly overriddenAt: number;
}

/** A row of what is known, as stored. */
export interface StoredSuppression extends SuppressionFacts {
  readonly hash: string;
  readonly stream: string;
  /** Canonical. */
  readonly address: string;
  /** The source and the message of the newest fact; empty for what people entered. */
  readonly source: string;
  readonly messageId: string;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  readonly overrides: readonly Override[];
}

/** Leave for transactional mail in spite of a complaint. */
export interface Override {
  /** Unix ms. */
  readonly at: number;
  /** The id of the API key that gave it. */
  readonly by: string;
  readonly note: string;
}

/** What is to be added to what is known of one address and stream; times of 0 add nothing. */
export interface SuppressionChange
  extends Omit<SuppressionFacts, "softAt" | "removedAt" | "overriddenAt"> {
  readonly account: string;
  readonly hash: string;
  readonly stream: string;
  readonly address: string;
  readonly source: string;
  readonly messageId: string;
  readonly firstAt: number;
  readonly lastAt: number;
  /** The times of soft bounces by message id. */
  readonly soft: Readonly<Record<string, number>>;
}

/** What is against writing to an address at the moment. */
export interface Standing {
  /** At least one, the most telling first. */
  readonly reasons: readonly SuppressionReason[];
  /** What it blocks: mail of either lane, or broadcasts only. */
  readonly lane: Lane | "*";
  /** The reason to give for that. */
  readonly reason: SuppressionReason;
  /** Unix ms; null: not by itself. */
  readonly expiresAt: number | null;
}

/** What is against writing to an address, or null. */
export function standingOf(
  facts: SuppressionFacts,
  policy: SuppressionPolicy,
  now: number,
): Standing | null {
  const since = facts.removedAt;
  const ends: Record<SuppressionReason, number> = {
    complaint: facts.complainedAt > 0 ? Number.POSITIVE_INFINITY : 0,
    hard_bounce: facts.hardAt > since ? facts.hardAt + policy.hardMs : 0,
    unsubscribe: facts.unsubscribedAt > since ? Number.POSITIVE_INFINITY : 0,
    manual: facts.manualAt > since ? Number.POSITIVE_INFINITY : 0,
    soft_bounce: facts.softAt > since ? facts.softAt + policy.softMs : 0,
    provider_list:
      facts.listedAt > Math.max(since, facts.deliveredAt) ? facts.listedAt + policy.softMs : 0,
  };
  const reasons = SUPPRESSION_REASONS.filter((reason) => ends[reason] > now);
  if (reasons[0] === undefined) return null;
  const wide = reasons.find((reason) => !isNarrow(reason, facts));
  const end = Math.max(...reasons.map((reason) => ends[reason]));
  return {
    reasons,
    lane: wide === undefined ? "broadcast" : "*",
    reason: wide ?? reasons[0],
    expiresAt: Number.isFinite(end) ? end : null,
  };
}

/**
 * Whether a reason is one against broadcasts only. A later complaint than the override counts
 * again. A provider's list may hold an unsubscribe or an error of its own: no ground to keep back a
 * password reset, which that provider judges by itself.
 */
function isNarrow(reason: SuppressionReason, facts: SuppressionFacts): boolean {
  if (reason === "complaint") return facts.overriddenAt >= facts.complainedAt;
  return reason === "provider_list";
}

/** Digits of an address's hash inside the id of its entries. */
const ID_PREFIX = 15;

/**
 * The id of an entry, a UUID (RFC 9562, version 8): 60 bits of the address's hash, by which its row
 * is found without an index, then bits that tell the address and stream from others.
 */
export function suppressionId(hash: string, stream: string): string {
  const rest = fnv64(`${hash}\n${stream}`);
  const variant = (8 + (Number.parseInt(rest[0] ?? "0", 16) & 3)).toString(16);
  const groups = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(12, ID_PREFIX)}`];
  return `${groups.join("-")}-${variant}${rest.slice(1, 4)}-${rest.slice(4)}`;
}

/** The beginning of the hashes whose entries may have this id; null when it is none of ours. */
export function hashPrefixOf(id: string): string | null {
  const match = /^([0-9a-f]{8})-([0-9a-f]{4})-8([0-9a-f]{3})-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  const parts = match.exec(id);
  return parts === null ? null : parts.slice(1).join("");
}

/** A change that adds nothing yet. */
export function blankChange(
  at: Pick<SuppressionChange, "account" | "hash" | "stream" | "address">,
): SuppressionChange {
  return {
    account: at.account,
    hash: at.hash,
    stream: at.stream,
    address: at.address,
    source: "",
    messageId: "",
    firstAt: 0,
    lastAt: 0,
    hardAt: 0,
    listedAt: 0,
    complainedAt: 0,
    unsubscribedAt: 0,
    manualAt: 0,
    deliveredAt: 0,
    soft: {},
  };
}

const keyOf = (one: SuppressionChange): string => `${one.account}\n${one.hash}\n${one.stream}`;

/** One change for each address and stream, in order of their keys, however many there were. */
export function foldChanges(changes: readonly SuppressionChange[]): SuppressionChange[] {
  const folded = new Map<string, SuppressionChange>();
  for (const change of changes) {
    const key = keyOf(change);
    const other = folded.get(key);
    folded.set(key, other === undefined ? change : mergeChanges(other, change));
  }
  return [...folded].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change);
}

function mergeChanges(a: SuppressionChange, b: SuppressionChange): SuppressionChange {
  const newer = isNewer(a, b) ? a : b;
  const soft: Record<string, number> = { ...a.soft };
  for (const [id, at] of Object.entries(b.soft)) soft[id] = Math.min(at, soft[id] ?? at);
  return {
    ...a,
    source: newer.source,
    messageId: newer.messageId,
    firstAt:
      a.firstAt === 0 || b.firstAt === 0 ? a.firstAt + b.firstAt : Math.min(a.firstAt, b.firstAt),
    lastAt: Math.max(a.lastAt, b.lastAt),
    hardAt: Math.max(a.hardAt, b.hardAt),
    listedAt: Math.max(a.listedAt, b.listedAt),
    complainedAt: Math.max(a.complainedAt, b.complainedAt),
    unsubscribedAt: Math.max(a.unsubscribedAt, b.unsubscribedAt),
    manualAt: Math.max(a.manualAt, b.manualAt),
    deliveredAt: Math.max(a.deliveredAt, b.deliveredAt),
    soft,
  };
}

/** By time, then message, then source, so that which is the newest does not depend on order. */
function isNewer(a: SuppressionChange, b: SuppressionChange): boolean {
  if (a.lastAt !== b.lastAt) return a.lastAt > b.lastAt;
  if (a.messageId !== b.messageId) return a.messageId > b.messageId;
  return a.source >= b.source;
}
