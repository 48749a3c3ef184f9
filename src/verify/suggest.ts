/**
 * What a misspelt address was meant to be. A domain that takes mail is never corrected, unless it
 * is listed as a misspelling: that it looks like a better known one says nothing (mailw.com).
 */
import { run } from "@zootools/email-spell-checker";
import { getPublicSuffix, parse } from "tldts";
import { asciiDomainOf } from "../core/domain.ts";
import type { DomainFacts } from "../core/domain-facts.ts";
import { MEANT_DOMAINS, MEANT_ENDS, MEANT_NAMES } from "./lists/meant-domains.ts";
import { isFree, typoOf } from "./lists.ts";
import { normalizedOf, type Parsed, readAddress } from "./syntax.ts";

/** More edits than are ever allowed. */
const FAR = 99;
/** Beyond this length of a typed name nothing is near: bounds the table. */
const NAME_MAX = 32;

/**
 * Edits that still make a misspelling of a name. Names of few letters are near to too many others:
 * acme.com is not me.com.
 */
function allowed(known: string): number {
  if (known.includes(".")) return known.length < 7 ? 0 : known.length < 9 ? 1 : 2;
  return known.length < 6 ? 1 : 2;
}

/**
 * Edits between two names: letters put in, left out, exchanged or swapped with a neighbour (optimal
 * string alignment distance); `FAR` beyond what the known one allows.
 */
function edits(typed: string, known: string): number {
  const most = allowed(known);
  if (Math.abs(typed.length - known.length) > most || typed.length > NAME_MAX) return FAR;
  let before: number[] = [];
  let above = Array.from({ length: known.length + 1 }, (_, at) => at);
  for (let i = 1; i <= typed.length; i++) {
    const row = [i];
    for (let j = 1; j <= known.length; j++) {
      const same = typed[i - 1] === known[j - 1];
      let least = Math.min(
        (above[j] ?? FAR) + 1,
        (row[j - 1] ?? FAR) + 1,
        (above[j - 1] ?? FAR) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && typed[i - 1] === known[j - 2] && typed[i - 2] === known[j - 1]) {
        least = Math.min(least, (before[j - 2] ?? FAR) + 1);
      }
      row.push(least);
    }
    before = above;
    above = row;
  }
  const count = above[known.length] ?? FAR;
  return count > most ? FAR : count;
}

/**
 * The domain that a dead one is near to; null: none. Only a known one, or the same name under an
 * end that exists where the one typed does not.
 */
function nearTo(domain: string): string | null {
  const found = run({
    email: `x@${domain}`,
    domains: MEANT_DOMAINS,
    secondLevelDomains: MEANT_NAMES,
    topLevelDomains: MEANT_ENDS,
    distanceFunction: edits,
  })?.domain;
  if (found === undefined || found === domain) return null;
  if (MEANT_DOMAINS.includes(found) || isFree(found)) return found;
  const sameName = found.split(".")[0] === domain.split(".")[0];
  return sameName && parse(domain).isIcann === false && getPublicSuffix(found) !== found
    ? found
    : null;
}

/** Whether DNS has said for certain that no mail can go there. */
function takesNone({ status, mxType, reach }: DomainFacts): boolean {
  if (status === "nxdomain") return true;
  return status === "noerror" && (mxType === "null" || mxType === "none" || reach === "no_address");
}

/**
 * The address as it was probably meant; null: as it is, or nothing near.
 *
 * @param facts null: not looked up; a listed misspelling is one all the same
 */
export function suggestionFor(parsed: Parsed, facts: DomainFacts | null): string | null {
  if (parsed.literal !== null) return null;
  const { local, domain } = parsed;
  const meant = typoOf(domain) ?? (facts !== null && takesNone(facts) ? nearTo(domain) : null);
  return meant === null ? null : `${local}@${meant}`;
}

/**
 * A text that is no mailbox only for its domain's letters, e.g. fullwidth ones, as browsers read
 * the domain (UTS 46); null: they read none either, or one whose end does not exist.
 */
export function respelled(text: string): string | null {
  const address = text.trim();
  const at = address.lastIndexOf("@");
  const ascii = asciiDomainOf(address.slice(at + 1).toLowerCase());
  if (at < 0 || !ascii.ok || parse(ascii.value).isIcann !== true) return null;
  const read = readAddress(`${address.slice(0, at)}@${ascii.value}`);
  return read.ok && normalizedOf(read.value) !== address.toLowerCase()
    ? normalizedOf(read.value)
    : null;
}
