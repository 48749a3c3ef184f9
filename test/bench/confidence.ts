/**
 * How good confidence is: learnt from the past, judged on the future, beside the rate of all mail
 * and a score of fixed penalties as other checkers have it. What the model learns by is core's own
 * arithmetic; the store's tests hold the database to it.
 */
import { type Confidence, confidenceOf } from "../../src/core/confidence.ts";
import { type EvidenceFound, type EvidenceItem, LANDMARK_MS } from "../../src/core/evidence.ts";
import { MARK } from "../../src/core/marks.ts";
import { EvidenceBook } from "../support/evidence-book.ts";
import { type Kind, mailOf, rateOf, type Send, SPLIT } from "./confidence-world.ts";
import type { Report } from "./report.ts";
import { round } from "./stats.ts";

/** Worlds that are judged together: one may be lucky in its largest domains. */
const SEEDS = [0x5eed_c0de, 0x1234_5678, 0x0bad_cafe];
const DAY_MS = 86_400_000;
/** Days after the split in which each address's first message is judged. */
const JUDGED_DAYS = 60;
/** Bins of predicted chances: most are above 0.9, so the edges lie closer there. */
const EDGES = [0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1];
/** A chance of 0 or 1 that is wrong once would make any score infinite. */
const CLIP = 0.001;

/**
 * A score of 1 less what speaks against an address, of the size that checkers take off for it. It
 * is given the address's own bounces, which they do not have.
 */
const PENALTIES = {
  role: 0.1,
  disposable: 0.4,
  free: 0.05,
  noMx: 0.15,
  noHistory: 0.05,
  bounced: 0.9,
} as const;

/** A chance that was claimed, and what came. */
interface Judged {
  readonly p: number;
  readonly accepted: boolean;
}

interface Scored {
  readonly model: number;
  readonly base_rate: number;
  readonly fixed_weights: number;
}

interface Bin {
  readonly from: number;
  readonly to: number;
  readonly n: number;
  readonly predicted: number;
  readonly observed: number;
}

interface Figures {
  readonly n: number;
  /** Of how many a claim was made; the scores are of these. */
  readonly claimed: number;
  readonly accepted: number;
  readonly brier: Scored;
  readonly log_loss: Scored;
  readonly bins: readonly Bin[];
  /** By the narrowest level that had a say. */
  readonly by_basis: Readonly<Record<string, { n: number; brier: Scored; log_loss: Scored }>>;
  /** How many intervals of 90 % hold the true rate of their domain. */
  readonly intervals: { readonly n: number; readonly hold: number };
}

const atOf = (day: number): number => LANDMARK_MS + Math.round(day * DAY_MS);

const itemOf = ({ address, site, role, day, accepted }: Send, no: number): EvidenceItem => ({
  account: "a",
  messageId: `m${no}`,
  no: 0,
  marks: accepted ? MARK.delivered : MARK.hard,
  at: atOf(day),
  hash: String(address),
  domain: site.name,
  disposable: site.disposable,
  role,
  reports: true,
});

/** What the model says, by evidence of the past as it stands when the message is sent. */
function claimOf(send: Send, book: EvidenceBook, found: EvidenceFound): Confidence {
  return confidenceOf({
    address: found.addresses.get(String(send.address)) ?? null,
    domain: found.domains.get(send.site.name) ?? null,
    bucket: found.buckets.get(book.bucketOf(itemOf(send, 0))) ?? null,
    global: found.global,
  });
}

function fixedWeights({ site, role }: Send, last: "delivered" | "bounced" | undefined): number {
  let score = 1;
  if (role) score -= PENALTIES.role;
  if (site.disposable) score -= PENALTIES.disposable;
  if (site.free) score -= PENALTIES.free;
  if (site.mxType !== "mx") score -= PENALTIES.noMx;
  if (last === undefined) score -= PENALTIES.noHistory;
  if (last === "bounced") score -= PENALTIES.bounced;
  return Math.max(0, score);
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, one) => sum + one, 0) / values.length;

const brier = (all: readonly Judged[]): number =>
  mean(all.map(({ p, accepted }) => (p - Number(accepted)) ** 2));

const logLoss = (all: readonly Judged[]): number =>
  mean(
    all.map(({ p, accepted }) => {
      const clipped = Math.min(1 - CLIP, Math.max(CLIP, p));
      return -Math.log(accepted ? clipped : 1 - clipped);
    }),
  );

/** The first message to each address from `day` on. */
function firstFrom(sends: readonly Send[], day: number): Send[] {
  const seen = new Set<number>();
  return sends.filter(({ address, day: on }) => {
    if (on < day || on >= day + JUDGED_DAYS || seen.has(address)) return false;
    seen.add(address);
    return true;
  });
}

/** What each scorer said of one message. */
interface Line {
  readonly send: Send;
  readonly accepted: boolean;
  readonly claim: Confidence & { readonly p: number };
  readonly base: number;
  readonly fixed: number;
}

/** The lines of one world, and how many messages were to be judged. */
function linesOf(kind: Kind, seed: number): { future: readonly Send[]; lines: Line[] } {
  const sends = mailOf(kind, seed);
  const past = sends.filter(({ day }) => day < SPLIT);
  const future = firstFrom(sends, SPLIT);
  const book = new EvidenceBook();
  for (const { site } of past) book.facts.set(site.name, site);
  for (const [no, send] of past.entries()) book.record(itemOf(send, no));
  // Of mail that is like the judged: the strongest rate there is.
  const base = mean(firstFrom(past, SPLIT - JUDGED_DAYS).map(({ accepted }) => Number(accepted)));
  const lines: Line[] = [];
  for (const [day, today] of Map.groupBy(future, (send) => Math.floor(send.day))) {
    const hashes = new Set(today.map(({ address }) => String(address)));
    const found = book.read("a", atOf(day + 0.5), hashes);
    for (const send of today) {
      const { p, ...claim } = claimOf(send, book, found);
      if (p === null) continue;
      const fixed = fixedWeights(send, found.addresses.get(String(send.address))?.last);
      lines.push({ send, accepted: send.accepted, claim: { ...claim, p }, base, fixed });
    }
  }
  return { future, lines };
}

function scored(some: readonly Line[]) {
  const by = (score: (all: readonly Judged[]) => number): Scored => {
    const of = (chance: (line: Line) => number): number =>
      round(score(some.map((line) => ({ accepted: line.accepted, p: chance(line) }))), 5);
    return {
      model: of(({ claim }) => claim.p),
      base_rate: of(({ base }) => base),
      fixed_weights: of(({ fixed }) => fixed),
    };
  };
  return { n: some.length, brier: by(brier), log_loss: by(logLoss) };
}

/** Whether intervals hold what is true of a domain: one of each that is still open. */
function intervalsOf(lines: readonly Line[], kind: Kind): Figures["intervals"] {
  const rated = lines.filter(
    ({ claim, send: { site, role, day } }) =>
      claim.basis !== "address" && !role && day < site.closes,
  );
  const hold = [...new Map(rated.map((line) => [line.send.site, line])).values()].map(
    ({ claim, send }) => {
      const rate = rateOf(send.site, send.day, kind);
      return Number((claim.lo ?? 1) <= rate && rate <= (claim.hi ?? 0));
    },
  );
  return { n: hold.length, hold: round(mean(hold), 3) };
}

function judge(kind: Kind): Figures {
  const worlds = SEEDS.map((seed) => linesOf(kind, seed));
  const lines = worlds.flatMap((one) => one.lines);
  const future = worlds.flatMap((one) => one.future);
  const bases = Object.entries(Object.groupBy(lines, ({ claim }) => claim.basis));
  return {
    ...scored(lines),
    n: future.length,
    claimed: lines.length,
    accepted: round(mean(future.map(({ accepted }) => Number(accepted))), 4),
    bins: binsOf(lines.map(({ accepted, claim }) => ({ accepted, p: claim.p }))),
    by_basis: Object.fromEntries(bases.map(([basis, some]) => [basis, scored(some)])),
    intervals: intervalsOf(lines, kind),
  };
}

function binsOf(all: readonly Judged[]): Bin[] {
  return EDGES.slice(1).flatMap((to, index) => {
    const from = EDGES[index] ?? 0;
    const some = all.filter(({ p }) => p >= from && (p < to || to === 1));
    if (some.length === 0) return [];
    const predicted = round(mean(some.map(({ p }) => p)), 4);
    const observed = round(mean(some.map(({ accepted }) => Number(accepted))), 4);
    return [{ from, to, n: some.length, predicted, observed }];
  });
}

/** How much smaller the model's is than the better one of the others, in percent. */
const gain = ({ model, base_rate, fixed_weights }: Scored): string => {
  const best = Math.min(base_rate, fixed_weights);
  return `${round((100 * (best - model)) / best, 1)} %`;
};

/** Runs the bench; `log` takes its progress. */
export async function bench(log: (line: string) => void): Promise<Report> {
  log("chances as the model has them");
  const well = judge("well");
  log("chances that the model gets wrong");
  const mis = judge("mis");
  const rows = ([name, figures]: readonly [string, Figures]) =>
    (["brier", "log_loss"] as const).map((score) => {
      const { model, base_rate, fixed_weights } = figures[score];
      return [`${name}, ${score}`, model, base_rate, fixed_weights, gain(figures[score])];
    });
  const both = [["well specified", well] as const, ["mis-specified", mis] as const];
  const bin = ({ from, to, n, predicted, observed }: Bin): string =>
    `${from} to ${to}: ${predicted} predicted, ${observed} observed, of ${n}`;
  return {
    title: "P(accepted), learnt from 20 months and judged on the next two; less is better",
    columns: ["", "model", "base rate", "fixed weights", "less than the better"],
    rows: both.flatMap(rows),
    notes: both.flatMap(([name, figures]) => [
      `${name}: a claim for ${figures.claimed} of ${figures.n}; ${figures.accepted} were accepted`,
      ...figures.bins.map((one) => `  ${bin(one)}`),
      `  ${figures.intervals.hold} of the intervals of 0.9 hold their domain's true rate`,
    ]),
    json: { ...well, well_specified: well, mis_specified: mis },
  };
}
