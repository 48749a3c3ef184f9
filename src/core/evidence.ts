/**
 * What an account's own mail has shown, fading with time.
 *
 * Of a domain, and of a bucket of like domains, two things are kept, each counted in addresses and
 * not in messages, so that a newsletter to ten readers is not a thousand opinions:
 *  - first contacts: whether the first mail to an address was accepted;
 *  - survival: how many months addresses that had taken mail went on taking it, and how many of
 *    them then bounced for good, which is how lists decay.
 * Both are sums over addresses, and what an address adds is a function of four times alone: first
 * and last delivery, first and last hard bounce (`shareOf`). These merge as minimum and maximum,
 * so any order and any repetition of outcomes end alike.
 *
 * Sums fade without being touched (forward decay; Cormode et al., ICDE 2009): what happens at a
 * time weighs 2^((time - LANDMARK) / HALF_LIFE), and a sum as of a later time is the sum divided
 * by the weight of that time.
 */
import type { MxType } from "./domain-facts.ts";

const DAY_MS = 86_400_000;

/**
 * After a quarter an outcome counts half: sources of addresses, operators' policies and the people
 * behind a domain change within months. Gaps between two mails to one address are mostly shorter.
 */
export const HALF_LIFE_MS = 90 * DAY_MS;

/**
 * 2025-01-01: older than any mail there is evidence of, so weights are small numbers now. In a
 * hundred years a weight is 2^406, and doubles end at 2^1024. Never to be changed: stored sums are
 * by it.
 */
export const LANDMARK_MS = 1_735_689_600_000;

/** The unit in which survival is counted: about as far apart as newsletters. */
export const MONTH_MS = 30 * DAY_MS;

/** Months under the curve of weights up to a time, per weight of that time. */
export const MONTHS_PER_WEIGHT = HALF_LIFE_MS / Math.LN2 / MONTH_MS;

/** The weight, before fading, of what happens at a time (Unix ms); see above. */
export const weightAt = (at: number): number => 2 ** ((at - LANDMARK_MS) / HALF_LIFE_MS);

/** First contacts: `good` were accepted, `bad` bounced for good. */
export interface Weights {
  readonly good: number;
  readonly bad: number;
}

/** First contacts and survival, in addresses and months. */
export interface Rates extends Weights {
  /** Months through which addresses that had taken mail went on taking it. */
  readonly kept: number;
  /** Addresses that had taken mail and bounced for good since. */
  readonly lost: number;
}

/** When an address first and last took mail and bounced for good; Unix ms, 0: never. */
export interface History {
  readonly firstDeliveredAt: number;
  readonly lastDeliveredAt: number;
  readonly firstHardAt: number;
  readonly lastHardAt: number;
}

/** Nobody has been written to. */
export const NO_RATES: Rates = { good: 0, bad: 0, kept: 0, lost: 0 };

/**
 * What one address adds to its domain and bucket, before fading. A message that was delivered and
 * then bounced has both at one time, and is a bounce. Somewhere between its last delivery and the
 * bounce an address has gone: half of that time is counted as survived.
 */
export function shareOf(history: History): Rates {
  const { firstDeliveredAt, lastDeliveredAt, firstHardAt, lastHardAt } = history;
  const taken = firstDeliveredAt > 0;
  const refused = firstHardAt > 0 && (!taken || firstHardAt <= firstDeliveredAt);
  if (!taken) return refused ? { ...NO_RATES, bad: weightAt(firstHardAt) } : NO_RATES;
  const last = weightAt(lastDeliveredAt);
  const gone = isGone(history);
  const tail = gone ? (weightAt(lastHardAt) - last) / 2 : 0;
  return {
    good: refused ? 0 : weightAt(firstDeliveredAt),
    bad: refused ? weightAt(firstHardAt) : 0,
    kept: MONTHS_PER_WEIGHT * (last - weightAt(firstDeliveredAt) + tail),
    lost: gone ? weightAt(lastHardAt) : 0,
  };
}

/** Whether an address that had taken mail has bounced for good since. */
const isGone = ({ firstDeliveredAt, lastDeliveredAt, lastHardAt }: History): boolean =>
  lastHardAt >= lastDeliveredAt && lastHardAt > firstDeliveredAt;

/**
 * Sums as of `now` (Unix ms). What was taken from a sum again may leave a rounding error below 0.
 */
export function faded({ good, bad, kept, lost }: Rates, now: number): Rates {
  const weight = weightAt(now);
  return {
    good: Math.max(0, good) / weight,
    bad: Math.max(0, bad) / weight,
    kept: Math.max(0, kept) / weight,
    lost: Math.max(0, lost) / weight,
  };
}

/** What is known of one address or domain. */
export interface Evidence extends Weights {
  /** Whole counts of messages, which do not fade. */
  readonly delivered: number;
  readonly hardBounced: number;
  /** Unix ms; 0: never. */
  readonly lastDeliveredAt: number;
  readonly lastHardAt: number;
}

/** Of an address; `good` and `bad` are its own messages, faded. */
export interface AddressEvidence extends Evidence {
  /** How the newest message ended. */
  readonly last: "delivered" | "bounced";
  /** Months since then. */
  readonly age: number;
  /** Months through which it has been seen to take mail, since its last hard bounce. */
  readonly kept: number;
}

/** Of a domain. */
export interface DomainEvidence extends Evidence, Rates {}

/** What is known of an address by its messages; null: none has come to an end. */
export function addressEvidence(
  history: History,
  counts: Pick<Evidence, "good" | "bad" | "delivered" | "hardBounced">,
  now: number,
): AddressEvidence | null {
  const { firstDeliveredAt, lastDeliveredAt, lastHardAt } = history;
  const lastAt = Math.max(lastDeliveredAt, lastHardAt);
  if (lastAt === 0) return null;
  const { good, bad } = faded({ ...NO_RATES, good: counts.good, bad: counts.bad }, now);
  const bounced = lastHardAt >= lastDeliveredAt;
  const since = Math.max(firstDeliveredAt, lastHardAt);
  return {
    ...{ good, bad, delivered: counts.delivered, hardBounced: counts.hardBounced },
    ...{ lastDeliveredAt, lastHardAt },
    last: bounced ? "bounced" : "delivered",
    age: Math.max(0, now - lastAt) / MONTH_MS,
    kept: bounced ? 0 : Math.max(0, lastDeliveredAt - since) / MONTH_MS,
  };
}

/** The most telling answer of a probe about an address; `none`: not probed. */
export type ProbeClass = "none" | "accepted" | "rejected" | "catch_all" | "unknown";

/** What the lists say of an address. */
export interface ListTraits {
  readonly disposable: boolean;
  readonly role: boolean;
}

/** What makes domains, and their addresses, alike. */
export interface BucketTraits extends ListTraits {
  readonly mxType: MxType | null;
  readonly provider: string | null;
  readonly probe: ProbeClass;
}

/** Stand-ins for what is not known, in the name of a bucket. */
export const UNKNOWN_MX = "unknown";
export const OTHER_PROVIDER = "other";

/** The part of a bucket's name that the lists decide. */
export const listWords = ({ disposable, role }: ListTraits): string =>
  `${disposable ? "disposable" : "lasting"}/${role ? "role" : "person"}`;

/** The name of a bucket, as it stands in the store. */
export function bucketKey(traits: BucketTraits): string {
  const { mxType, provider, probe } = traits;
  return `${mxType ?? UNKNOWN_MX}/${provider ?? OTHER_PROVIDER}/${listWords(traits)}/${probe}`;
}

/** One outcome on its way into the counts, with what tells whether it is new. */
export interface EvidenceItem extends ListTraits {
  readonly account: string;
  readonly messageId: string;
  readonly no: number;
  /** Bits of core/marks: delivered, hard. */
  readonly marks: number;
  /** When the message was made, whatever tells of it; Unix ms. */
  readonly at: number;
  /** See `recipientHash`. */
  readonly hash: string;
  /** A-labels. */
  readonly domain: string;
  /**
   * Whether its source tells of deliveries. Where only bounces are told every rate would be 0, so
   * an address met by no other source says nothing of its domain.
   */
  readonly reports: boolean;
}

/** Whose evidence is asked for. */
export interface EvidenceKey {
  readonly hash: string;
  readonly domain: string;
}

/** Everything that is known for a list of addresses; what is missing has no evidence. */
export interface EvidenceFound {
  readonly addresses: ReadonlyMap<string, AddressEvidence>;
  readonly domains: ReadonlyMap<string, DomainEvidence>;
  /** By `bucketKey`. */
  readonly buckets: ReadonlyMap<string, Rates>;
  /** The sum of all buckets. */
  readonly global: Rates;
}
