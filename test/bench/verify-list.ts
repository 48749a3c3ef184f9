/**
 * A list of addresses as sign-up forms collect them: nine in ten at the hundred most popular
 * domains, the others at companies' own, most of which are seen once. Deterministic by its seed.
 */
import common from "email-providers/common.json" with { type: "json" };
import { xorshift } from "./random.ts";

/** Share of addresses at the popular domains (measured of sign-ups: about nine in ten). */
const POPULAR_SHARE = 0.9;
const POPULAR = 100;
/** Domains of one's own that a list may draw from; a list of 100,000 meets some 9,000 of them. */
const TAIL = 50_000;
/** Popularity falls with the rank: the first of a hundred has a fifth of them. */
const ZIPF = 1;

export const popularDomains: readonly string[] = [
  ...new Set(["gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", ...common]),
].slice(0, POPULAR);

/** The `n`th domain of a company's own. */
const tailDomain = (n: number): string => `company-${n}.com`;

/** The rank that a number from 0 to 1 stands for. */
function createRanks(count: number): (at: number) => number {
  const sums: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= count; rank++) {
    sum += 1 / rank ** ZIPF;
    sums.push(sum);
  }
  return (at) => {
    const wanted = at * sum;
    let from = 0;
    let to = count - 1;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((sums[middle] ?? 0) < wanted) from = middle + 1;
      else to = middle;
    }
    return from;
  };
}

/** Lines of CSV with a header, in parts of some thousand, and the domains they name. */
export function* addressList(
  count: number,
  seed: number,
  seen: Set<string> = new Set(),
): Generator<string> {
  const random = xorshift(seed);
  const rankOf = createRanks(popularDomains.length);
  let part = "id,email,name\r\n";
  for (let n = 0; n < count; n++) {
    const isPopular = random() < POPULAR_SHARE;
    const domain = isPopular
      ? (popularDomains[rankOf(random())] ?? "gmail.com")
      : tailDomain(Math.floor(random() * TAIL));
    seen.add(domain);
    part += `${n},person.${n}@${domain},"Person, ${n}"\r\n`;
    if (n % 5_000 === 4_999) {
      yield part;
      part = "";
    }
  }
  yield part;
}
