/** Domains that were probably meant to be others. */
import { type Check, finding } from "./check.ts";

const TYPO = finding("typo_suspected", "risky");

/** Risky where it is the only trouble: a listed misspelling may well take mail, of others. */
export const typo: Check = (subject) => (subject.suggestion === null ? null : TYPO);
