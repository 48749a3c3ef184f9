/** What the routes of the suppression list may use. */
import type {
  Override,
  StoredSuppression,
  SuppressionChange,
  SuppressionPolicy,
  SuppressionReason,
} from "../core/suppression.ts";

/** The key of an entry within its account. */
export interface EntryKey {
  readonly hash: string;
  readonly stream: string;
}

/** A part of the list: `limit` entries after or before a place, for some of the reasons. */
export interface EntryPage {
  readonly limit: number;
  readonly after: EntryKey | null;
  readonly before: EntryKey | null;
  readonly reasons: readonly SuppressionReason[];
}

/** The suppression list of every account; `scope` says which. Each call may reject. */
export interface SuppressionServices {
  readonly policy: SuppressionPolicy;
  readonly add: (changes: readonly SuppressionChange[]) => Promise<void>;
  /** What is known of addresses, by their `recipientHash`, whether it blocks or not. */
  readonly find: (scope: string, hashes: readonly string[]) => Promise<StoredSuppression[]>;
  readonly byId: (scope: string, ids: readonly string[]) => Promise<StoredSuppression[]>;
  /** The place of an id in the list, also when there is no such entry any more. */
  readonly placeOf: (scope: string, id: string) => Promise<EntryKey>;
  readonly list: (scope: string, page: EntryPage) => Promise<StoredSuppression[]>;
  readonly remove: (scope: string, keys: readonly EntryKey[]) => Promise<void>;
  /** The entry afterwards; null when nobody has complained. */
  readonly override: (
    scope: string,
    key: EntryKey,
    override: Override,
  ) => Promise<StoredSuppression | null>;
}
