/** Domains whose addresses are made to be thrown away. */
import { type Check, finding } from "./check.ts";

const DISPOSABLE = finding("disposable", "risky");

/** Risky: it takes mail today and nobody reads it tomorrow. */
export const disposable: Check = (subject) => (subject.disposable ? DISPOSABLE : null);
