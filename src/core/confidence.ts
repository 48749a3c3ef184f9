/**
 * How likely a mailbox is to take mail that is sent now, from what an account's own mail has
 * shown. Beta-Binomial, each level shrunk towards the next wider one: address, domain, bucket, all.
 *
 * Two chances are learnt. An address without outcomes of its own is a first contact: its chance is
 * the share of first contacts at its domain that were accepted. An address that has taken mail is
 * there until it is given up: its chance is that of surviving a month, to the power of the months
 * since. Counting its deliveries as if they were independent would call it sure for years.
 */
import { betaPowerMean, betaQuantile } from "./beta.ts";
import { type AddressEvidence, NO_RATES, type Rates } from "./evidence.ts";

/** What is known from the narrowest level to the widest; null: nothing is known there. */
export interface ConfidenceLevels {
  readonly address: AddressEvidence | null;
  readonly domain: Rates | null;
  readonly bucket: Rates | null;
  readonly global: Rates | null;
}

export type ConfidenceBasis = "address" | "domain" | "bucket" | "none";

/** P(accepted, no hard bounce | sent now), or no claim at all. */
export interface Confidence {
  /** 0 to 1; null: too little is known. */
  readonly p: number | null;
  /**
   * Effective number of outcomes at the level of `basis`, faded: messages of the address, else
   * addresses of the domain or bucket; with `none`, addresses in all.
   */
  readonly n: number;
  /** A credible interval of 90 %. */
  readonly lo: number | null;
  readonly hi: number | null;
  /** The narrowest level that had a say. */
  readonly basis: ConfidenceBasis;
  readonly model: string;
}

/** Changes whenever the same evidence gives another answer. */
export const CONFIDENCE_MODEL = "beta-binomial-1";

/**
 * First contacts, faded, below which nothing is claimed: of fewer than 30, all accepted, the true
 * rate may well be below 0.9 (0.05^(1/30) = 0.905), which is no mailing one would want.
 */
export const CONTACTS_MIN = 30;

/**
 * First contacts that the wider level stands for. Rates of acceptance of domains, and of buckets,
 * mostly lie within a few percent of 95 %: a beta distribution with such a spread (mean 0.95,
 * standard deviation 0.066) is worth ten.
 */
const CONTACTS_STRENGTH = 10;

/**
 * Months of survival that the wider level stands for. Lists decay by one to three percent a month,
 * so that 50 months are one address lost: less cannot tell a domain from its bucket.
 */
const SURVIVAL_STRENGTH = 50;

/**
 * Months that all of the account's survival is shrunk by, towards the rate of first contacts: until
 * an address has been seen to be given up, one that took mail is held to be there after a month no
 * more surely than a stranger.
 */
const SURVIVAL_START = 10;

/**
 * Months that the domain stands for in an address's own survival: those at one domain differ, and
 * who has been there for two years counts as much as all the others.
 */
const OWN_STRENGTH = 24;

/**
 * Months added to the time since the last delivery: a bounce by mistake comes however soon, about
 * as often as an address is given up in three days.
 */
const MISTAKE_MONTHS = 0.1;

/**
 * An outcome older than this says nothing of the address any more, and no survival is extrapolated
 * beyond it: evidence with a half-life of a quarter has forgotten such times.
 */
const OWN_MONTHS_MAX = 36;

/**
 * How many first contacts' worth of its domain an address keeps after a hard bounce: `hard` is
 * right 97 times in 100, as the bench of feedback has it.
 */
const DOUBT = 0.03;

/** A mailbox that is gone seldom comes back: a bounce halves in a year, not in a quarter. */
const BOUNCE_HALF_LIFE_MONTHS = 12;

/** A level has a say when at least this share of its estimate is its own: a fifth. */
const SAY = CONTACTS_STRENGTH / 4;

/**
 * Outcomes that an interval is made from at most: beyond these what is not modelled, drift above
 * all, is larger than the chance of the draw.
 */
const INTERVAL_OUTCOMES_MAX = 10_000;

/** The tails of an interval of 90 %. */
const TAIL = 0.05;

/** A beta distribution. */
interface Beta {
  readonly a: number;
  readonly b: number;
}

const meanOf = ({ a, b }: Beta): number => a / (a + b);

/** `good` and `bad` outcomes, and a wider level's mean that counts as `strength` more. */
const shrunk = (good: number, bad: number, mean: number, strength: number): Beta => ({
  a: good + strength * mean,
  b: bad + strength * (1 - mean),
});

/** The share of first contacts that are accepted. `all` starts from Jeffreys' prior. */
function contact(domain: Rates, bucket: Rates, all: Rates): { all: Beta; domain: Beta } {
  const top = { a: all.good + 0.5, b: all.bad + 0.5 };
  const mid = shrunk(bucket.good, bucket.bad, meanOf(top), CONTACTS_STRENGTH);
  return { all: top, domain: shrunk(domain.good, domain.bad, meanOf(mid), CONTACTS_STRENGTH) };
}

/** The chance that an address which takes mail does so a month later. */
function survival(own: AddressEvidence, domain: Rates, bucket: Rates, all: Rates, start: number) {
  const top = shrunk(all.kept, all.lost, start, SURVIVAL_START);
  const mid = shrunk(bucket.kept, bucket.lost, meanOf(top), SURVIVAL_STRENGTH);
  const low = shrunk(domain.kept, domain.lost, meanOf(mid), SURVIVAL_STRENGTH);
  return shrunk(own.kept, 0, meanOf(low), OWN_STRENGTH);
}

/** What is claimed of an address whose levels are given; see the head of this file. */
export function confidenceOf(levels: ConfidenceLevels): Confidence {
  const all = levels.global ?? NO_RATES;
  const bucket = levels.bucket ?? NO_RATES;
  const domain = levels.domain ?? NO_RATES;
  const own = levels.address;
  const inAll = all.good + all.bad;
  if (inAll < CONTACTS_MIN) return nothing(inAll);
  const first = contact(domain, bucket, all);
  const chance = meanOf(first.domain);
  if (own !== null && own.age <= OWN_MONTHS_MAX) {
    const n = own.good + own.bad;
    if (own.last === "bounced") {
      const weight = 2 ** (-own.age / BOUNCE_HALF_LIFE_MONTHS);
      return claim(shrunk(0, weight, chance, DOUBT), 1, n, "address");
    }
    const months = Math.min(OWN_MONTHS_MAX, own.age + MISTAKE_MONTHS);
    return claim(survival(own, domain, bucket, all, meanOf(first.all)), months, n, "address");
  }
  const inDomain = domain.good + domain.bad;
  if (inDomain >= SAY) return claim(first.domain, 1, inDomain, "domain");
  const inBucket = bucket.good + bucket.bad;
  // Of a kind of domain that was never written to, the others' rate would be a guess.
  return inBucket >= SAY ? claim(first.domain, 1, inBucket, "bucket") : nothing(inAll);
}

const nothing = (n: number): Confidence => ({
  p: null,
  n,
  lo: null,
  hi: null,
  basis: "none",
  model: CONFIDENCE_MODEL,
});

/**
 * X^power, where X is beta distributed: its mean, and the middle 90 %, widened to the mean where a
 * distribution is so skewed that its mean lies outside.
 */
function claim({ a, b }: Beta, power: number, n: number, basis: ConfidenceBasis): Confidence {
  const p = power === 1 ? a / (a + b) : betaPowerMean(power, a, b);
  const scale = Math.min(1, INTERVAL_OUTCOMES_MAX / (a + b));
  const lo = betaQuantile(TAIL, a * scale, b * scale) ** power;
  const hi = betaQuantile(1 - TAIL, a * scale, b * scale) ** power;
  return { p, n, lo: Math.min(p, lo), hi: Math.max(p, hi), basis, model: CONFIDENCE_MODEL };
}
