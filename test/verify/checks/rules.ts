/** Rules that tests of checks begin with. */
import type { VerifyRules } from "../../../src/verify/ports.ts";

export const DAY_MS = 86_400_000;

export const RULES: VerifyRules = {
  forms: { quoted: true, literal: true, smtputf8: true },
  advice: {},
  reviewBelow: 0.8,
  blockBelow: 0.2,
  hardMs: 90 * DAY_MS,
  deliveredMs: 180 * DAY_MS,
};
