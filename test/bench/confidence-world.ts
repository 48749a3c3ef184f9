/**
 * Mail of two years, made up: who is written to when, and whether it is accepted. Nine in ten
 * addresses are at the top 100 domains. Addresses never existed, or are given up one day; domains
 * close; a bounce is a mistake now and then; who has bounced is hardly ever written to again.
 *
 * `well`: chances are as the model has them. `mis`: they are not. Domains differ by heavy tails and
 * drift with the season, addresses are given up early or hardly ever (Weibull, shape 0.6), and a
 * role tells nothing.
 */
import { xorshift } from "./random.ts";

export type Kind = "well" | "mis";

/** One domain, with what the model never sees. */
export interface Site {
  readonly name: string;
  readonly mxType: "mx" | "implicit_a";
  readonly provider: string | null;
  readonly disposable: boolean;
  /** Anybody can have a mailbox there. */
  readonly free: boolean;
  /** The share of first contacts that are accepted. */
  readonly exists: number;
  /** Addresses given up in a day, of those there are. */
  readonly hazard: number;
  /** The day on which it begins to reject everything. */
  readonly closes: number;
  /** Where in its season it begins. */
  readonly phase: number;
}

/** One message that came to an end. */
export interface Send {
  readonly address: number;
  readonly site: Site;
  readonly role: boolean;
  /** In days. */
  readonly day: number;
  readonly accepted: boolean;
}

/** Days of mail, and the day that divides the past from the future. */
export const DAYS = 720;
export const SPLIT = 600;

const ADDRESSES = 40_000;
const SITES = 2_000;
const TOP = 100;
const TOP_SHARE = 0.9;
const ROLES = 0.05;
/** Mailbox operators of the masses, one behind each third of the first ten domains. */
const OPERATORS = ["google", "microsoft", "yahoo"];
/** Who serves the domains of companies. */
const HOSTERS = ["google_workspace", "microsoft365", "mimecast", null];
const YEAR = 365;
/** Role addresses of `well` exist this much less often. */
const ROLE_EXISTS = 0.93;
/** Bounces by mistake, and mail to nobody that is taken, per message. */
const MISTAKEN = 0.002;
const SWALLOWED = 0.01;
/** Who is written to once more after a hard bounce. */
const INSISTENT = 0.03;
const WEIBULL_SHAPE = 0.6;

/** Draws from one generator of numbers from 0 to 1. */
class Chance {
  readonly next: () => number;

  constructor(seed: number) {
    this.next = xorshift(seed);
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  exponential(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  /** Marsaglia and Tsang (2000). */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * (1 - this.next()) ** (1 / shape);
    const d = shape - 1 / 3;
    for (;;) {
      const x = this.normal();
      const v = (1 + x / Math.sqrt(9 * d)) ** 3;
      if (v > 0 && Math.log(1 - this.next()) < (x * x) / 2 + d - d * v + d * Math.log(v)) {
        return d * v;
      }
    }
  }

  beta(a: number, b: number): number {
    const x = this.gamma(a);
    return x / (x + this.gamma(b));
  }

  /** Student's t with three degrees of freedom: one in a hundred is beyond 4.5. */
  heavy(): number {
    return this.normal() / Math.sqrt(this.gamma(1.5) / 1.5);
  }
}

const logit = (p: number): number => Math.log(p / (1 - p));
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

function siteOf(rank: number, kind: Kind, chance: Chance): Site {
  const free = rank < 10;
  const disposable = rank >= 20 && chance.next() < 0.06;
  const operator = OPERATORS[rank % 3] ?? null;
  const hoster = HOSTERS[Math.floor(chance.next() * HOSTERS.length)] ?? null;
  const provider = free ? operator : disposable ? null : hoster;
  const mxType = free || chance.next() < 0.97 ? "mx" : "implicit_a";
  const mean = disposable ? 0.8 : mxType !== "mx" ? 0.75 : provider === null ? 0.95 : 0.98;
  return {
    ...{ name: `d${rank}.example`, mxType, provider, disposable, free },
    exists:
      kind === "well"
        ? chance.beta(20 * mean, 20 * (1 - mean))
        : logistic(logit(mean) + 0.8 * chance.heavy()),
    // A throw-away mailbox lasts ten days; of companies' a quarter go in a year.
    hazard: disposable ? 1 / 10 : (free ? 0.1 : 0.25) / YEAR,
    closes: !free && chance.next() < 0.02 ? chance.next() * DAYS : Number.POSITIVE_INFINITY,
    phase: chance.next() * 2 * Math.PI,
  };
}

/** By Zipf's law among the first 100, and flatter after them. */
function popularity(): number[] {
  const weights = Array.from({ length: SITES }, (_, rank) =>
    rank < TOP ? 1 / (rank + 1) : (rank + 1) ** -0.7,
  );
  const sum = (from: number, to: number): number =>
    weights.slice(from, to).reduce((all, one) => all + one, 0);
  const [top, rest] = [sum(0, TOP), sum(TOP, SITES)];
  let total = 0;
  return weights.map((one, rank) => {
    total += rank < TOP ? (TOP_SHARE * one) / top : ((1 - TOP_SHARE) * one) / rest;
    return total;
  });
}

/** The first place whose sum is above `share`. */
function place(sums: readonly number[], share: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] ?? 1) < share) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The days on which an address is written to: once, or a few times, or every week or so. */
function daysOf(born: number, chance: Chance): number[] {
  const days = [born];
  const habit = chance.next();
  if (habit < 0.4) return days;
  const gap = habit > 0.8 ? 7 + 10 * chance.next() : 30 + 150 * chance.next();
  const end = Math.min(DAYS, born + chance.exponential(250));
  for (let day = born; ; ) {
    day += gap * (0.5 + chance.next());
    if (day >= end) return days;
    days.push(day);
  }
}

/** All messages, in order of time; the same for the same seed. */
export function mailOf(kind: Kind, seed: number): Send[] {
  const chance = new Chance(seed);
  const sites = Array.from({ length: SITES }, (_, rank) => siteOf(rank, kind, chance));
  const sums = popularity();
  const sends: Send[] = [];
  for (let address = 0; address < ADDRESSES; address++) {
    const site = sites[place(sums, chance.next())];
    if (site === undefined) throw new Error("there is a site for every share");
    const role = chance.next() < ROLES;
    const born = chance.next() * DAYS;
    const telling = role && kind === "well" ? ROLE_EXISTS : 1;
    const exists = chance.next() < existsAt(site, born, kind) * telling;
    const dies = born + lifetime(site.hazard, kind, chance);
    let bounced = false;
    for (const day of daysOf(born, chance)) {
      if (bounced && chance.next() >= INSISTENT) break;
      const there = exists && day < dies && day < site.closes;
      const accepted = chance.next() < (there ? 1 - MISTAKEN : exists ? 0 : SWALLOWED);
      sends.push({ address, site, role, day, accepted });
      bounced ||= !accepted;
    }
  }
  return sends.sort((a, b) => a.day - b.day);
}

function existsAt(site: Site, day: number, kind: Kind): number {
  if (kind === "well") return site.exists;
  const season = Math.sin(site.phase + (2 * Math.PI * day) / 400);
  return logistic(logit(site.exists) + 0.7 * season);
}

/** The chance that first mail is accepted while a domain is open; that of roles may be less. */
export function rateOf(site: Site, day: number, kind: Kind): number {
  const exists = existsAt(site, day, kind);
  return exists * (1 - MISTAKEN) + (1 - exists) * SWALLOWED;
}

function lifetime(hazard: number, kind: Kind, chance: Chance): number {
  if (kind === "well") return chance.exponential(1 / hazard);
  // Of the same median.
  const scale = (Math.LN2 / hazard) * Math.LN2 ** (-1 / WEIBULL_SHAPE);
  return scale * chance.exponential(1) ** (1 / WEIBULL_SHAPE);
}
