/**
 * The guard's words between the journal, the lanes and the tables: whose reputation it is, what is
 * counted, where a scope stands, what was done.
 */
import type {
  GuardCause,
  GuardLevel,
  GuardMove,
  GuardState,
  ReputationCounts,
} from "./reputation.ts";

/** Of whom a level is: one stream's mail of one sender domain, or everybody's at one source. */
export type GuardScope =
  | {
      readonly kind: "stream";
      readonly account: string;
      readonly stream: string;
      readonly domain: string;
    }
  | { readonly kind: "source"; readonly source: string };

/** The key of a scope; none of its parts can hold a slash. */
export const scopeKey = (scope: GuardScope): string =>
  scope.kind === "source"
    ? `source/${scope.source}`
    : `stream/${scope.account}/${scope.stream}/${scope.domain}`;

/** The scope of a key; null when it is none. */
export function readScope(key: string): GuardScope | null {
  const [kind, first, stream, domain, more] = key.split("/");
  if (kind === "source" && first && stream === undefined) return { kind, source: first };
  if (kind !== "stream" || !first || !stream || !domain || more !== undefined) return null;
  return { kind, account: first, stream, domain };
}

/** One thing the guard did, as logs show it and webhooks tell it. */
export interface GuardAction {
  readonly scope: string;
  /** Rises with each action of a scope: with it, the action's identity. */
  readonly rev: number;
  readonly kind: GuardMove;
  readonly at: number;
  readonly from: GuardLevel;
  readonly to: GuardLevel;
  readonly cause: GuardCause | null;
  /** Percent, null with too few samples. */
  readonly bounceRate: number | null;
  readonly complaintRate: number | null;
  readonly sent: number;
  readonly hard: number;
  readonly complained: number;
  /** The end of a pause, else 0. */
  readonly until: number;
  /** `guard`, or whoever asked for it: `key` an account's key, `operator` the operator's. */
  readonly by: "guard" | "key" | "operator";
}

/** What a batch newly says of one recipient, for the counters. */
export interface Tally {
  readonly account: string;
  readonly messageId: string;
  readonly no: number;
  /** See core/marks; of these the ones not yet in the recipient's row are counted. */
  readonly marks: number;
  /** When a provider accepted it as far as the batch says, else when it was created; Unix ms. */
  readonly at: number;
  /** Keys of scopes. */
  readonly scopes: readonly string[];
  /** Whether its domain reports complaints. */
  readonly reports: boolean;
}

/** A scope as the guard finds it: counts are of mail sent in the window and since `state.since`. */
export interface Standing {
  readonly scope: string;
  /** 0 when there is no row. */
  readonly rev: number;
  /** Null when there is no row. */
  readonly state: GuardState | null;
  readonly counts: ReputationCounts;
}

/** What becomes of a scope; a state of null forgets it. */
export interface GuardWrite {
  readonly scope: string;
  /** The revision it is written over, 0 for none, and the one it becomes. */
  readonly prev: number;
  readonly rev: number;
  readonly state: GuardState | null;
  /** When it is looked at again, Unix ms. */
  readonly due: number;
  /** Null when only `due` moves. */
  readonly action: GuardAction | null;
}

/** Who is not free to send, and until when a pause holds. */
export interface Restricted {
  readonly scope: string;
  readonly level: GuardLevel;
  /** Unix ms, 0 without a pause. */
  readonly until: number;
}

/** Who is not free to send, by scope. */
export type Guarded = ReadonlyMap<string, Restricted>;
