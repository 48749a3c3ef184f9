/**
 * Evidence in memory: what `store/evidence.ts` keeps, on the functions of core/evidence. The tests
 * of the store hold the two together; the bench learns by this one.
 */
import {
  type AddressEvidence,
  addressEvidence,
  bucketKey,
  type DomainEvidence,
  type EvidenceFound,
  type EvidenceItem,
  faded,
  type History,
  NO_RATES,
  type ProbeClass,
  type Rates,
  shareOf,
  weightAt,
} from "../../src/core/evidence.ts";
import { MARK } from "../../src/core/marks.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Row extends Mutable<Rates>, Mutable<History> {
  delivered: number;
  hard: number;
}

interface Address extends Row {
  /** Keys of the rows that what it adds is part of. */
  in: readonly string[];
}

const blank = (): Row => ({
  ...NO_RATES,
  ...{ delivered: 0, hard: 0 },
  ...{ firstDeliveredAt: 0, lastDeliveredAt: 0, firstHardAt: 0, lastHardAt: 0 },
});

const earlier = (a: number, b: number): number => (a === 0 || b < a ? b : a);

/** What is known of a domain. */
export interface Facts {
  readonly mxType: "mx" | "implicit_a" | "implicit_aaaa" | null;
  readonly provider: string | null;
}

/** One account's evidence, or that of all where it is shared. */
export class EvidenceBook {
  readonly facts = new Map<string, Facts>();
  readonly probes = new Map<string, ProbeClass>();
  readonly #marks = new Map<string, number>();
  readonly #addresses = new Map<string, Address>();
  /** By 'd/' and domain, 'b/' and bucket. */
  readonly #sums = new Map<string, Row>();

  /** The bucket of an address, by what is known now. */
  bucketOf({ hash, domain, disposable, role }: Omit<EvidenceItem, "marks" | "no">): string {
    const facts = this.facts.get(domain) ?? { mxType: null, provider: null };
    return bucketKey({ ...facts, disposable, role, probe: this.probes.get(hash) ?? "none" });
  }

  /** Counts one outcome; one that is known already changes nothing. */
  record(item: EvidenceItem): void {
    const { account, messageId, no, at, hash, domain, reports } = item;
    const message = `${account}/${messageId}/${no}`;
    const known = this.#marks.get(message) ?? 0;
    const marks = known | item.marks;
    const fresh = item.marks & ~known;
    this.#marks.set(message, marks);
    const name = `${account}/${hash}`;
    const old = this.#addresses.get(name);
    if (fresh === 0 && (old === undefined || old.in.length > 0 || !reports)) return;
    const row: Address = { ...(old ?? { ...blank(), in: [] }) };
    const delivered = Number(marks === MARK.delivered) - Number(known === MARK.delivered);
    const hard = Number((marks & MARK.hard) !== 0) - Number((known & MARK.hard) !== 0);
    row.delivered += delivered;
    row.hard += hard;
    row.good += delivered * weightAt(at);
    row.bad += hard * weightAt(at);
    if ((fresh & MARK.delivered) !== 0) {
      row.firstDeliveredAt = earlier(row.firstDeliveredAt, at);
      row.lastDeliveredAt = Math.max(row.lastDeliveredAt, at);
    }
    if ((fresh & MARK.hard) !== 0) {
      row.firstHardAt = earlier(row.firstHardAt, at);
      row.lastHardAt = Math.max(row.lastHardAt, at);
    }
    if (reports || row.in.length > 0) row.in = [`d/${domain}`, `b/${this.bucketOf(item)}`];
    this.#addresses.set(name, row);
    if (old !== undefined) for (const key of old.in) this.#add(key, old, -1);
    for (const key of row.in) this.#add(key, row, 1);
  }

  #add(key: string, row: Row, sign: 1 | -1): void {
    const sum = this.#sums.get(key) ?? blank();
    this.#sums.set(key, sum);
    const rates = shareOf(row);
    for (const name of ["good", "bad", "kept", "lost"] as const) sum[name] += sign * rates[name];
    sum.delivered += sign * row.delivered;
    sum.hard += sign * row.hard;
    sum.lastDeliveredAt = Math.max(sum.lastDeliveredAt, row.lastDeliveredAt);
    sum.lastHardAt = Math.max(sum.lastHardAt, row.lastHardAt);
  }

  /** What is known to an account of some addresses, and all that is known else, as of `now`. */
  read(account: string, now: number, hashes: Iterable<string>): EvidenceFound {
    const addresses = new Map<string, AddressEvidence>();
    for (const hash of hashes) {
      const row = this.#addresses.get(`${account}/${hash}`);
      const found =
        row === undefined ? null : addressEvidence(row, { ...row, hardBounced: row.hard }, now);
      if (found !== null) addresses.set(hash, found);
    }
    const domains = new Map<string, DomainEvidence>();
    const buckets = new Map<string, Rates>();
    const global = { ...NO_RATES };
    for (const [key, row] of this.#sums) {
      const rates = faded(row, now);
      if (key.startsWith("d/")) {
        const { delivered, hard, lastDeliveredAt, lastHardAt } = row;
        const counts = { delivered, hardBounced: hard, lastDeliveredAt, lastHardAt };
        domains.set(key.slice(2), { ...rates, ...counts });
        continue;
      }
      buckets.set(key.slice(2), rates);
      for (const name of ["good", "bad", "kept", "lost"] as const) global[name] += rates[name];
    }
    return { addresses, domains, buckets, global };
  }
}
